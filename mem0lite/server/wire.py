"""One request and its answer: what every answer needs, whatever its route.

This is one ASGI application around the application, and not one for each concern: each costs a request as much as its
routing.
"""

import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from ..values import drawn
from . import access_log
from .metrics import Metrics
from .reading_on import farewell, goes_on, has_body, read_on

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

_NO_STORE = (b"cache-control", b"no-store")
_GOOD_ID = re.compile(rb"[!-~]{1,128}")


class Exchange:
    """Answers one request with an ASGI application.

    - The answer has an ``X-Request-ID``, and no cache may store it unless the route says otherwise.
    - HEAD is answered like GET, but without a body: Litestar has HEAD only as a route of its own. ``mem0lite.method``
      in the scope is the original method.
    - A refusal names every method of the route.
    - What is left of an unread body is read before the answer ends (``reading_on``).
    - It is counted in the metrics, and logged when it has ended, however it ended.
    """

    __slots__ = (
        "_ended", "_headless", "_instant", "_metrics", "_receive", "_scope", "_send", "_size", "_started", "_status",
        "_unread",
    )  # fmt: skip

    def __init__(self, scope: Any, receive: Any, send: Any, metrics: Metrics) -> None:
        self._scope, self._receive, self._send, self._metrics = scope, receive, send, metrics
        self._unread = has_body(scope)
        self._headless = scope["method"] == "HEAD"
        self._status = self._size = 0
        self._instant = datetime.now(UTC) if access_log.enabled() else None
        self._started = self._ended = time.perf_counter()
        scope["mem0lite.request_id"] = _request_id(scope)
        scope["mem0lite.method"] = scope["method"]
        if self._headless:
            scope["method"] = "GET"

    async def run(self, app: ASGIApp) -> None:
        """Have the application answer."""
        try:
            await app(self._scope, self._noting if self._unread else self._receive, self._answer)
        finally:
            self._count()
            if self._instant is not None:
                access_log.write(self._scope, self._instant, self._status, self._started, self._size)

    async def _noting(self) -> Any:
        message = await self._receive()
        self._unread = self._unread and goes_on(message)
        return message

    async def _answer(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            message = self._headed(message)
        elif message["type"] == "http.response.body":
            if self._headless:
                message = {**message, "body": b""}
            self._size += len(message.get("body", b""))
            self._ended = time.perf_counter()
            if self._unread and not message.get("more_body", False):
                await self._send({**message, "more_body": True})
                await read_on(self._receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _headed(self, message: Any) -> Any:
        scope, self._status = self._scope, message["status"]
        headers = list(message.get("headers", ()))
        if self._status in (204, 405):
            headers = [(name, _methods(value, scope) if name == b"allow" else value) for name, value in headers]
        if not any(name.lower() == _NO_STORE[0] for name, _ in headers):
            headers.append(_NO_STORE)
        if self._unread:
            headers += farewell(scope)
        headers.append((b"x-request-id", scope["mem0lite.request_id"].encode()))
        if "path_template" not in scope:
            self._metrics.unrouted(self._status)
        return {**message, "headers": headers}

    def _count(self) -> None:
        running = self._scope.get(RUNNING)
        if running is not None:
            running.dec()
            path, status = self._scope["path_template"], self._status or 200
            self._metrics.answered(self._scope["mem0lite.method"], path, status, self._ended - self._started)


RUNNING = "mem0lite.running"
"""What counts a request, in its scope, as one that a route has taken and that has not ended."""


def _methods(allowed: bytes, scope: Any) -> bytes:
    """Complete the header ``Allow``: Litestar names the methods of only one handler to OPTIONS, and never HEAD."""
    named = set(allowed.decode().split(", "))
    if "path_template" in scope:
        routes = [route for route in scope["litestar_app"].routes if route.path_format == scope["path_template"]]
        named |= {method for route in routes for method in route.methods}
    return ", ".join(sorted(named | {"HEAD"} if "GET" in named else named)).encode()


def _request_id(scope: Any) -> str:
    """Return the id that the client gave the request if it is short and printable, or else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return bytes(given).decode() if _GOOD_ID.fullmatch(given) else drawn().hex()[:8]
