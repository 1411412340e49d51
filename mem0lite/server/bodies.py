"""Bodies of requests: from bytes to the struct that a handler asks for."""

import json
import re
import zlib
from typing import Any, TypeVar, cast, get_args

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi.spec import Reference, Schema

from ..errors import ValidationError
from .ignored import note_fields
from .parameters import refuse_misspelt_ids
from .problems import InvalidRequest, Problem, problems

S = TypeVar("S", bound=msgspec.Struct)

_UNREADABLE_BODY = "There was an error parsing the body"  # mem0's words


class UnsupportedEncoding(ClientException):
    """The body is compressed in an unknown way."""

    status_code = 415

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"Send the body as it is, or with Content-Encoding gzip or deflate, not {encoding[:100]}.",
            headers={"Accept-Encoding": "gzip, deflate"},
        )


class UnsupportedContentType(ClientException):
    """The body is not declared to be JSON."""

    status_code = 415

    def __init__(self, kind: str) -> None:
        super().__init__(f"Send JSON with the header Content-Type: application/json, not {kind[:100] or 'none'}.")


class JsonBody(AbstractDTO[Any]):
    """Decodes the body of a handler whose ``data`` parameter is a struct, or a struct or None.

    Litestar's own decoding reports only the first error, leaves out the input, and answers 500 to invalid UTF-8 and to
    deep nesting.
    """

    @classmethod
    def create_for_field_definition(cls, field_definition: Any, handler_id: str, backend_cls: Any = None) -> None:
        """Do nothing: the struct is used as it is."""

    @classmethod
    def create_openapi_schema(cls, field_definition: Any, handler_id: str, schema_creator: Any) -> Reference | Schema:
        """Return the schema of the struct."""
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema

    def decode_bytes(self, value: bytes) -> Any:
        """Return the struct that a request's body holds."""
        value = json_of(value, self.asgi_connection)
        field = self.asgi_connection.route_handler.parsed_data_field
        parts = (field.annotation, *get_args(field.annotation))
        struct = cast("type[msgspec.Struct]", next(part for part in parts if isinstance(part, type)))
        parsed = parse_json(value)
        data: Any = to_struct(parsed, struct)
        refuse_misspelt_ids(self.asgi_connection, parsed, struct.__struct_fields__)
        note_fields(self.asgi_connection, parsed, struct)
        return data


# -- encodings


def json_of(body: bytes, connection: ASGIConnection[Any, Any, Any, Any]) -> bytes:
    """Return the JSON that a request's body holds, decompressed. Raises ClientException if it is not said to be JSON,
    or is not compressed as is said."""
    kind, _, _ = connection.headers.get("content-type", "").partition(";")
    # Browsers send other types, and none at all, to any server without asking it first.
    # https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS#simple_requests
    if not _JSON_TYPE.fullmatch(kind.strip().lower()):
        raise UnsupportedContentType(kind.strip())
    return _decoded(body, connection)


_JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json")
_BOM = b"\xef\xbb\xbf"
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_BARE_DEFLATE = -15  # what some clients send as deflate, without its header


def _decoded(body: bytes, connection: ASGIConnection[Any, Any, Any, Any]) -> bytes:
    """Return a body without the ``Content-Encoding`` it was sent with.

    Raises UnsupportedEncoding for an unknown one, ClientException for a body that is not so encoded, and
    RequestEntityTooLarge for one that is longer than a body may be once it is decoded.
    """
    names = [name.strip().lower() for name in connection.headers.get("content-encoding", "").split(",")]
    encodings = [name for name in names if name not in ("", "identity")]
    if not encodings:
        return body
    if len(encodings) > 1 or encodings[0] not in _WINDOW_BITS:
        raise UnsupportedEncoding(", ".join(encodings))
    limit = cast("int", connection.route_handler.resolve_request_max_body_size())
    bits = _WINDOW_BITS[encodings[0]]
    if bits == _WINDOW_BITS["deflate"] and not _has_zlib_header(body):
        bits = _BARE_DEFLATE
    decoder = zlib.decompressobj(bits)
    try:
        decoded = decoder.decompress(body, limit + 1)
    except zlib.error:
        decoded = b""
    if len(decoded) > limit:
        raise RequestEntityTooLarge
    if not decoder.eof or decoder.unused_data:
        raise ClientException(f"The body is not what its header Content-Encoding says: {encodings[0]}.")
    return decoded


def _has_zlib_header(body: bytes) -> bool:
    """https://www.rfc-editor.org/rfc/rfc1950#section-2.2"""
    return len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


# -- JSON


def parse_json(raw: bytes) -> Any:
    """Return the value that a JSON text holds.

    Raises InvalidRequest, or ClientException where mem0's server answers 400.
    """
    raw = raw.removeprefix(_BOM)
    try:
        return msgspec.json.decode(raw)
    except msgspec.MsgspecError as error:
        raise _refused(raw, str(error)) from None
    except (UnicodeDecodeError, RecursionError):
        raise ClientException(_UNREADABLE_BODY) from None


def _refused(raw: bytes, reason: str) -> ClientException:
    """Return the error for a body that msgspec refused for a reason, which is shown only where Python has no better.

    Python's parser, which mem0's server uses, says where a text stops being JSON. It reads some that msgspec refuses,
    such as NaN: then the position is the end.
    """
    text = raw.decode(errors="surrogateescape")
    place = len(text)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place, reason = error.pos, error.msg
    except (ValueError, RecursionError):  # more digits, or deeper nesting, than Python reads
        pass
    else:
        if not _is_utf8(raw):
            return ClientException(_UNREADABLE_BODY)
    found: Problem = {
        "type": "json_invalid",
        "loc": ["body", len(text[:place].encode(errors="surrogateescape"))],
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": reason},
    }
    return InvalidRequest([found])


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


# -- structs


def to_struct(value: Any, struct: type[S]) -> S:
    """Return the struct that a JSON value means. Unknown fields are passed over unless the struct forbids them.

    Numbers and booleans may be given as text, as with mem0's server (``"yes"`` is true). Raises InvalidRequest with
    everything that is wrong, ValidationError for a forbidden field.
    """
    try:
        return msgspec.convert(value, struct, strict=False)
    except msgspec.ValidationError:
        pass
    _check_known(value, struct)
    value = _with_booleans(value, struct)
    try:
        return msgspec.convert(value, struct, strict=False)
    except msgspec.ValidationError:
        raise InvalidRequest(list(problems(value, struct, ["body"]))) from None


_BOOLEANS: dict[str | float, bool] = {
    **dict.fromkeys(("yes", "y", "on", "t", 1.0), True),
    **dict.fromkeys(("no", "n", "off", "f", 0.0), False),
}
"""What Pydantic reads as a boolean and msgspec does not."""


def _with_booleans(value: Any, struct: type[msgspec.Struct]) -> Any:
    """Return a JSON object with booleans where its boolean fields hold something that means one."""
    if not isinstance(value, dict):
        return value
    flags = {field.name for field in msgspec.structs.fields(struct) if _is_flag(field.type)}
    written = {name: one.lower() if isinstance(one, str) else one for name, one in value.items() if name in flags}
    meant = {name: _BOOLEANS[one] for name, one in written.items() if isinstance(one, str | float) and one in _BOOLEANS}
    return {**value, **meant}


def _is_flag(kind: Any) -> bool:
    return kind is bool or any(map(_is_flag, get_args(kind)))


def _check_known(value: Any, struct: type[msgspec.Struct]) -> None:
    if not (struct.__struct_config__.forbid_unknown_fields and isinstance(value, dict)):
        return
    known = [field.name for field in msgspec.structs.fields(struct)]
    for name in value:
        if name not in known:
            raise ValidationError(f"Unknown field {name!r}. The fields are: {', '.join(known)}.", field=name)
