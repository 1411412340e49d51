"""Request bodies and parameters that have the wrong shape, reported as FastAPI and Pydantic do (status 422)."""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypeVar, cast, get_args

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO
from litestar.exceptions import ClientException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Reference, Schema

from ..data.filters import SCOPE_IDS
from ..data.parameters import listed
from ..errors import ValidationError
from ..types import TypedDict
from .ignored import note_fields

S = TypeVar("S", bound=msgspec.Struct)

_UNREADABLE_BODY = "There was an error parsing the body"  # mem0's words
_MAX_ECHO = 10_000  # bytes of a rejected value that are sent back
_MAX_ECHO_DEPTH = 50  # not every reader of JSON copes with what ours does


class Problem(TypedDict):
    """One element of the ``detail`` of a 422 response."""

    type: str
    loc: list[str | int]
    msg: str
    input: NotRequired[Any]
    ctx: NotRequired[dict[str, Any]]


class InvalidRequest(ClientException):
    """The request has the wrong shape; ``extra`` is the list of its problems."""

    status_code = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(extra=list(problems))


class UnsupportedEncoding(ClientException):
    """The body is compressed in a way that is not known."""

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


async def one_of_each_id(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a query that gives an id twice; a guard. Elsewhere the last value counts, as with mem0's server, but an
    id decides whose memories are read or deleted."""
    for name in (*SCOPE_IDS, "session_id"):
        if len(connection.query_params.getall(name, [])) > 1:
            raise ClientException(f"{name} is given more than once. Give one, or search with a filter.")


def any_value(name: str, values: Sequence[str]) -> list[Any]:
    """Return what the values of a query parameter may be in metadata; refuse one that names nothing."""
    wanted = listed(values)
    if not wanted:
        raise ValidationError(f"Invalid {name}: cannot be empty. Leave it out instead.", field=name)
    return wanted


class JsonBody(AbstractDTO[Any]):
    """Decodes the body of a handler whose ``data`` parameter is a struct, or a struct or None.

    Litestar's own decoding reports the first error only, without the input, and answers 500 to invalid UTF-8 and to
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
        """Return the struct a request body holds."""
        kind, _, _ = self.asgi_connection.headers.get("content-type", "").partition(";")
        # Browsers send other types, and none at all, to any server without asking it first.
        # https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS#simple_requests
        if not _JSON_TYPE.fullmatch(kind.strip().lower()):
            raise UnsupportedContentType(kind.strip())
        value = _decoded(value, self.asgi_connection)
        field = self.asgi_connection.route_handler.parsed_data_field
        struct = next(part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type))
        parsed = parse_json(value)
        data: Any = to_struct(parsed, struct)
        note_fields(self.asgi_connection, parsed, struct)
        return data


_JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json")
_BOM = b"\xef\xbb\xbf"
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_BARE_DEFLATE = -15  # what some send as deflate, without its header


def _decoded(body: bytes, connection: ASGIConnection[Any, Any, Any, Any]) -> bytes:
    """Return a body without the ``Content-Encoding`` it was sent with.

    Raises UnsupportedEncoding for one that is not known, ClientException for a body that is something else, and
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


def parse_json(raw: bytes) -> Any:
    """Return the value a JSON text holds. Raises InvalidRequest, or ClientException where mem0 answers 400."""
    raw = raw.removeprefix(_BOM)
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        if "UTF-8" in str(error):  # as newer versions say it
            raise ClientException(_UNREADABLE_BODY) from None
        raise InvalidRequest([_malformed(raw, str(error))]) from None
    except (UnicodeDecodeError, RecursionError):
        raise ClientException(_UNREADABLE_BODY) from None


def to_struct(value: Any, struct: type[S]) -> S:
    """Return the struct a JSON value means; unknown fields are passed over unless the struct forbids them.

    Numbers and booleans are also taken from text, as mem0's server does (``"yes"`` is true). Raises InvalidRequest with
    one problem per field, ValidationError for a forbidden field.
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
        raise InvalidRequest(list(_problems(value, struct))) from None


_BOOLEANS: dict[str | float, bool] = {
    **dict.fromkeys(("yes", "y", "on", "t", 1.0), True),
    **dict.fromkeys(("no", "n", "off", "f", 0.0), False),
}
"""What pydantic takes for a boolean and msgspec does not."""


def _with_booleans(value: Any, struct: type[msgspec.Struct]) -> Any:
    """Return a JSON object in which what stands for a boolean, in a field that is one, is a boolean."""
    if not isinstance(value, dict):
        return value
    flags = {field.name for field in msgspec.structs.fields(struct) if _is_flag(field.type)}
    written = {name: one.lower() if isinstance(one, str) else one for name, one in value.items() if name in flags}
    meant = {name: _BOOLEANS[one] for name, one in written.items() if isinstance(one, str | float) and one in _BOOLEANS}
    return {**value, **meant}


def _is_flag(kind: Any) -> bool:
    return kind is bool or any(map(_is_flag, get_args(kind)))


def parameter_problems(request: Request[Any, Any, Any], error: ValidationException) -> list[Problem]:
    """Return the problems Litestar found in the query and path parameters, and in an absent body."""
    return [_parameter_problem(request, found) for found in error.extra or () if isinstance(found, Mapping)]


def _parameter_problem(request: Request[Any, Any, Any], found: Mapping[str, Any]) -> Problem:
    source, key = getattr(found.get("source"), "value", found.get("source")), found.get("key", "")
    if source == "body":
        return {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
    values = request.path_params if source == "path" else request.query_params
    field = request.route_handler.parsed_fn_signature.parameters.get(key)
    options = get_args(field.annotation) if field is not None else ()
    return _problem(found["message"], [str(source), key], values.get(key), options)


def _problems(value: Any, struct: type[msgspec.Struct]) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _problem("Expected `object`", ["body"], value)
        return
    for field in msgspec.structs.fields(struct):
        if field.name in value:
            try:
                msgspec.convert(value[field.name], field.type, strict=False)
            except msgspec.ValidationError as error:
                yield _located_problem(str(error), field.name, value[field.name])
        elif field.required:
            yield _problem(f"Object missing required field `{field.name}`", ["body"], value)


_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def _located_problem(message: str, name: str, value: Any) -> Problem:
    """Return the problem of msgspec's message, which may end in a path such as ``$[0].role``."""
    message, _, path = message.partition(" - at `$")
    loc: list[str | int] = ["body", name]
    for key, index in _STEP.findall(path.removesuffix("`")):
        step = int(index) if index else key
        loc.append(step)
        value = value[step]
    return _problem(message, loc, value)


_EXPECTED = {
    "array": ("list_type", "Input should be a valid list"),
    "object | null": ("dict_type", "Input should be a valid dictionary"),
    "object": ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from"),
    "str": ("string_type", "Input should be a valid string"),
    "int": ("int_type", "Input should be a valid integer"),
    "float": ("float_type", "Input should be a valid number"),
    "bool": ("bool_type", "Input should be a valid boolean"),
}
_UNREADABLE = {
    "int": ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    "float": ("float_parsing", "Input should be a valid number, unable to parse string as a number"),
    "bool": ("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
}
_BOUNDS = {
    ">=": ("greater_than_equal", "ge", "greater than or equal to"),
    "<=": ("less_than_equal", "le", "less than or equal to"),
}
_BOUND_MESSAGE = re.compile(r"Expected `(?:int|float)` (>=|<=) (-?\d+)")
_TYPE_MESSAGE = re.compile(r"Expected `([^`]+)`")
_MISSING_MESSAGE = re.compile(r"Object missing required field `([^`]+)`")


def _problem(message: str, loc: list[str | int], value: Any, options: Sequence[Any] = ()) -> Problem:
    """Return the problem that msgspec's message, without its path, tells of the value at ``loc``."""
    if match := _MISSING_MESSAGE.match(message):
        return _with_input("missing", [*loc, match[1]], "Field required", value)
    if match := _BOUND_MESSAGE.match(message):
        kind, name, words = _BOUNDS[match[1]]
        bound = int(match[2])
        return _with_input(kind, loc, f"Input should be {words} {bound}", value, {name: bound})
    if message.startswith("Invalid enum value"):
        *others, last = (f"'{option}'" for option in options)
        expected = f"{', '.join(others)} or {last}"
        return _with_input("literal_error", loc, f"Input should be {expected}", value, {"expected": expected})
    expected = match[1] if (match := _TYPE_MESSAGE.match(message)) else ""
    name = expected.removesuffix(" | null") if expected not in _EXPECTED else expected
    known = (_UNREADABLE if isinstance(value, str) else {}).get(name) or _EXPECTED.get(name)
    kind, text = known or ("value_error", message.replace("`", "'"))
    return _with_input(kind, loc, text, value)


def _with_input(kind: str, loc: list[str | int], msg: str, value: Any, ctx: dict[str, Any] | None = None) -> Problem:
    problem: Problem = {"type": kind, "loc": loc, "msg": msg}
    if _shallow(value, _MAX_ECHO_DEPTH) and len(encoded := msgspec.json.encode(_shown(value, loc[-1]))) <= _MAX_ECHO:
        problem["input"] = msgspec.Raw(encoded)
    if ctx is not None:
        problem["ctx"] = ctx
    return problem


_SECRET = re.compile(r"secret|token|password|authorization|api_?key", re.IGNORECASE)


def _shown(value: Any, name: object) -> Any:
    """Return a value without what the name of a field, its own or one inside, says is secret: clients log answers."""
    if _SECRET.search(str(name)) and not isinstance(value, dict):
        return "…"
    if isinstance(value, dict):
        return {key: _shown(item, key) for key, item in value.items()}
    return [_shown(item, name) for item in value] if isinstance(value, list) else value


def _shallow(value: Any, levels: int) -> bool:
    """Return whether a JSON value has at most so many lists and objects inside each other."""
    if not isinstance(value, dict | list):
        return True
    return levels > 0 and all(
        _shallow(item, levels - 1) for item in (value.values() if isinstance(value, dict) else value)
    )


def _malformed(raw: bytes, message: str) -> Problem:
    position = re.search(r"\(byte (\d+)\)", message)
    place = int(position[1]) if position else len(raw)
    return {
        "type": "json_invalid",
        "loc": ["body", place],
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": message},
    }


def _check_known(value: Any, struct: type[msgspec.Struct]) -> None:
    if not (struct.__struct_config__.forbid_unknown_fields and isinstance(value, dict)):
        return
    known = [field.name for field in msgspec.structs.fields(struct)]
    for name in value:
        if name not in known:
            raise ValidationError(f"Unknown field {name!r}. The fields are: {', '.join(known)}.", field=name)
