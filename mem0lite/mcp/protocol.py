"""The messages of MCP: JSON-RPC 2.0, in the two forms that the protocol's versions have. Pure.

Up to 2025-11-25 a client begins with ``initialize``. From 2026-07-28 on there is no beginning: each request says in its
``_meta`` which version it speaks. Nothing is remembered between requests in either form, so any process can answer any
of them.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from .. import __version__

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Versions that begin with ``initialize``, oldest first."""
ENVELOPE_VERSIONS = ("2026-07-28",)
"""Versions that every request names."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
RESOURCE_NOT_FOUND = -32002
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_META = "io.modelcontextprotocol/"
VERSION_KEY = f"{_META}protocolVersion"
_CAPABILITIES_KEY = f"{_META}clientCapabilities"
_SERVER_KEY = f"{_META}serverInfo"
_CACHEABLE = frozenset(
    {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"}
)
_LASTING = frozenset({"server/discover", "tools/list", "prompts/list", "resources/templates/list"})
_LASTING_MS = 3_600_000  # how long a client may keep what only a new release changes
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

Message = dict[str, Any]

SERVER_INFO = {"name": "mem0lite", "title": "mem0lite memory", "version": __version__}


class ProtocolError(Exception):
    """A request that cannot be answered, with JSON-RPC's code for the reason."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.data = code, data


class Request(NamedTuple):
    """A request, or a notification, which has no id."""

    method: str
    params: Message
    id: str | int | None

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the client says about the request."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, Mapping) else {}

    @property
    def version(self) -> str | None:
        """The version that the request names, if it has the form in which each does."""
        return self.meta.get(VERSION_KEY)

    @property
    def progress_token(self) -> str | int | None:
        """What notifications of progress are to be marked with; None if the client wants none."""
        token = self.meta.get("progressToken")
        return token if isinstance(token, str | int) and not isinstance(token, bool) else None


def read(text: bytes) -> Request | None:
    """Return the request or notification that a text holds, None for an answer: nothing is ever asked here.

    Raises ProtocolError.
    """
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ProtocolError(PARSE_ERROR, "The message is not JSON in UTF-8.") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, 'A message is one JSON object with "jsonrpc": "2.0". Send no batches.')
    if "method" not in message and ("result" in message or "error" in message):
        return None
    return _request(message)


def id_in(text: bytes) -> str | int | None:
    """Return the id of a message that could not be read, as far as it has one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    value = found.get("id") if isinstance(found, dict) else None
    return value if _is_id(value) else None


def _request(message: Message) -> Request:
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str):
        raise ProtocolError(INVALID_REQUEST, "method must be a string.")
    if "id" in message and not _is_id(message["id"]):
        raise ProtocolError(INVALID_REQUEST, "id must be a string or a whole number.")
    if not isinstance(params, dict):
        raise ProtocolError(INVALID_PARAMS, "params must be an object.")
    return Request(method, params, message.get("id"))


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def written(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line of JSON in UTF-8. Lone surrogates, which that cannot hold, become question marks."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def check_envelope(request: Request, headers: Mapping[str, str] | None = None) -> None:
    """Raise ProtocolError for a request that names its version, but not in the way or not one that is spoken here.

    Over HTTP the ``headers`` repeat the version, the method and the name, for proxies; they must say the same.
    """
    if headers is not None and (request.version is not None or _names_envelope(headers)):
        _check_headers(request, headers)
    version = request.version
    if version is None:
        return
    if not isinstance(version, str):
        raise ProtocolError(INVALID_PARAMS, f"_meta: {VERSION_KEY} must be a string.")
    if _CAPABILITIES_KEY not in request.meta:
        raise ProtocolError(INVALID_PARAMS, f"_meta must have {_CAPABILITIES_KEY}, beside {VERSION_KEY}.")
    if version not in ENVELOPE_VERSIONS:
        raise unsupported(version)


def unsupported(version: str) -> ProtocolError:
    """Return the error for a version that is not spoken here."""
    supported = [*reversed(ENVELOPE_VERSIONS), *reversed(HANDSHAKE_VERSIONS)]
    return ProtocolError(
        UNSUPPORTED_VERSION,
        f"Protocol version {version[:50]!r} is not spoken here. Use one of: {', '.join(supported)}.",
        {"supported": supported, "requested": version},
    )


def _names_envelope(headers: Mapping[str, str]) -> bool:
    return headers.get("mcp-protocol-version", HANDSHAKE_VERSIONS[0]) not in HANDSHAKE_VERSIONS


def _check_headers(request: Request, headers: Mapping[str, str]) -> None:
    header = headers.get("mcp-protocol-version")
    if header is not None and request.version is None:
        if header in ENVELOPE_VERSIONS:
            raise ProtocolError(INVALID_PARAMS, f"params._meta must have {VERSION_KEY} and {_CAPABILITIES_KEY}.")
        raise unsupported(header)
    asked = {"mcp-protocol-version": request.version, "mcp-method": request.method}
    if (key := _NAMED_BY.get(request.method)) and request.params.get(key) is not None:
        asked["mcp-name"] = request.params[key]
    for name, value in asked.items():
        if _decoded(headers.get(name)) != value:
            raise ProtocolError(HEADER_MISMATCH, f"The header {name} must be what the body says.")


def _decoded(value: str | None) -> str | None:
    """Return a header's value; what is no printable ASCII arrives as ``=?base64?…?=``."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=") and len(value) > 10):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def result(request: Request, answer: Message) -> Message:
    """Return the message that answers a request, in the form of its version."""
    if request.version is not None:
        answer = {**answer, "resultType": "complete", "_meta": {**answer.get("_meta", {}), _SERVER_KEY: SERVER_INFO}}
        if request.method in _CACHEABLE:
            answer["ttlMs"] = _LASTING_MS if request.method in _LASTING else 0
            answer["cacheScope"] = "private"
    return {"jsonrpc": "2.0", "id": request.id, "result": answer}


def failure(message_id: str | int | None, error: ProtocolError) -> Message:
    """Return the message that refuses a request."""
    told = {"code": error.code, "message": str(error)}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "id": message_id, "error": told}


def notification(method: str, params: Message) -> Message:
    """Return a message that nobody answers."""
    return {"jsonrpc": "2.0", "method": method, "params": params}
