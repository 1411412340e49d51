"""Fields and parameters of a request that are unknown or have no effect: the answer names them.

An answer that is an object has them under ``ignored``. Every answer has their names in a header, because a list or null
has no other place for them.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin
from urllib.parse import quote

import msgspec
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler

Connection = ASGIConnection[Any, Any, Any, Any]

HEADER = "X-Mem0lite-Ignored"
ROUTINE = "mem0lite.routine"
"""The option of a route with the names that clients add to every request and that mean nothing here."""

_KEY = "mem0lite.ignored"  # of the scope
_MOST = 20  # names in one answer
_LONGEST = 100  # characters of a name
_UNKNOWN = "This request has no such field."
_UNREAD = "This request reads no body: give parameters in the query."
_NOT_FIELDS = frozenset({"data", "memory", "request", "server"})  # what handlers are given in addition to parameters


def without_effect(reason: str, *, unless: object = False, example: object = None) -> msgspec.Meta:
    """Return the description of a field that is accepted and has no effect, and that the answer then names.

    It is not named when its value is null, empty or ``unless``: these ask for what happens anyway.
    """
    return msgspec.Meta(
        description=f"Has no effect; the answer then names it in `ignored`. {reason}",
        examples=[example],
        extra={"reason": reason, "unless": unless},
    )


def note(connection: Connection, field: str, reason: str) -> None:
    """Make the answer say that a field has no effect, and why."""
    scope: dict[str, Any] = connection.scope  # type: ignore[assignment]
    scope.setdefault(_KEY, {}).setdefault(field[:_LONGEST], reason)


def unnote(connection: Connection, *fields: str) -> None:
    """Take back that fields have no effect."""
    scope: dict[str, Any] = connection.scope  # type: ignore[assignment]
    for field in fields:
        scope.get(_KEY, {}).pop(field, None)


def note_fields(connection: Connection, body: object, struct: type[msgspec.Struct], within: str = "") -> None:
    """Note the fields of a body that are unknown to its struct or have no effect."""
    if not isinstance(body, Mapping):
        return
    fields = _fields(struct)
    routine = connection.route_handler.opt.get(ROUTINE, ())
    for name, value in body.items():
        if name not in fields:
            if name not in routine:
                note(connection, f"{within}{name}", _UNKNOWN)
            continue
        reason, unless, entry = fields[name]
        if reason is not None and asks(value, unless):
            note(connection, f"{within}{name}", reason)
        if entry is not None and isinstance(value, list):
            for one in value:
                note_fields(connection, one, entry, f"{name}[].")


def note_parameters(connection: Connection, handler: BaseRouteHandler) -> None:
    """Note the parameters of a query that are unknown to its route, and a body that the route does not read. This is a
    rule, because rules see every request."""
    for name in unknown_parameters(connection, handler):
        note(connection, name, _UNKNOWN)
    if "data" not in handler.parsed_fn_signature.parameters and _has_body(connection):
        note(connection, "body", _UNREAD)


def unknown_parameters(connection: Connection, handler: BaseRouteHandler) -> Iterator[str]:
    """Yield the names in a query that its route does not have, without those that clients add to every request."""
    known = handler.parsed_fn_signature.parameters.keys() - _NOT_FIELDS - connection.path_params.keys()
    routine = handler.opt.get(ROUTINE, ())
    yield from (name for name in connection.query_params if name not in routine and name not in known)


def _has_body(connection: Connection) -> bool:
    length = connection.headers.get("content-length", "0")
    return "transfer-encoding" in connection.headers or length not in (
        "0",
        str(len("{}")),
    )  # an empty object asks for nothing


def refuse_noted(connection: Connection) -> None:
    """Refuse a deletion with something that has no effect: it was meant to delete less, and to name it in the answer
    would be too late. Entries of a batch may have other fields: they may be whole memories, copied from a list."""
    scope: dict[str, Any] = connection.scope  # type: ignore[assignment]
    for field, reason in scope.get(_KEY, {}).items():
        if "[]." not in field:
            raise ClientException(f"Nothing was deleted, because of {field!r}. {reason}")


class NamingResponse(Response[Any]):
    """A response that names what had no effect in its request."""

    def to_asgi_response(self, app: Any, request: Any, **options: Any) -> Any:
        """Return the response, with what was noted about the request."""
        noted: dict[str, str] = request.scope.get(_KEY, {})
        if noted:
            shown = [{"field": field, "reason": reason} for field, reason in noted.items()][:_MOST]
            if len(noted) > _MOST:
                shown.append({"field": "…", "reason": f"{len(noted) - _MOST} more fields have no effect."})
            # An empty name between commas could make the line end in a blank, which no header may.
            self.headers[HEADER] = ", ".join(quote(one["field"], safe="[]") or '""' for one in shown)
            if isinstance(self.content, Mapping):
                self.content = {**self.content, "ignored": shown}
        plain = None if any(options.values()) else self._plain()
        return plain or super().to_asgi_response(app, request, **options)

    def _plain(self) -> "_Json | None":
        """Return the answer if it is nothing but JSON, as nearly every one is: Litestar's costs a request as much as
        its rules."""
        if self.headers or self.cookies or self.background or self.status_code != 200:
            return None
        if self.media_type != "application/json" or not isinstance(self.content, dict | list | None):
            return None
        try:
            return _Json(msgspec.json.encode(self.content))
        except (TypeError, ValueError):  # Litestar knows more types, and words its errors
            return None


class _Json:
    """An answer in JSON with nothing special: an ASGI application."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        length = str(len(self._body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> dict[str, tuple[str | None, object, type[msgspec.Struct] | None]]:
    """Return for each field: why it has no effect (or None), the value that is not named, the struct of its entries."""
    return {field.name: _meaning(field.name, field.type) for field in msgspec.structs.fields(struct)}


def _meaning(name: str, kind: Any) -> tuple[str | None, object, type[msgspec.Struct] | None]:
    reason, unless = None, None
    if get_origin(kind) is Annotated:
        for meta in kind.__metadata__:
            extra = getattr(meta, "extra", None) or {}
            reason, unless = extra.get("reason", reason), extra.get("unless", unless)
        kind = kind.__origin__
    lists = [one for one in (kind, *get_args(kind)) if get_origin(one) is list]
    entry = get_args(lists[0])[0] if lists else None
    # Messages contain what SDKs write beside the text; "skipped" in the answer is about that.
    known = isinstance(entry, type) and issubclass(entry, msgspec.Struct) and name != "messages"
    return reason, unless, entry if known else None


def asks(value: object, unless: object = False) -> bool:
    """Whether a value asks for something: it is neither null nor empty, nor ``unless``."""
    return value is not None and value is not unless and value not in ("", [], {})
