"""What every HTTP answer needs, whatever its route: ASGI applications around the application."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

_MOST_BYTES = 64 * 2**20  # of an unread body that are still read
_LONGEST_SECONDS = 10.0  # spent on that
_NO_STORE = (b"cache-control", b"no-store")


def private(app: ASGIApp) -> ASGIApp:
    """Return ``app`` with answers that no cache may store, unless the route says otherwise."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name.lower() == _NO_STORE[0] for name, _ in headers):
                    headers.append(_NO_STORE)
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, marked)

    return call


def with_head(app: ASGIApp) -> ASGIApp:
    """Return ``app``, answering HEAD like GET, but without a body.

    ``mem0lite.method`` in the scope is the original method. Litestar has HEAD only as a route of its own.
    """

    async def call(scope: Any, receive: Any, send: Any) -> None:
        scope["mem0lite.method"] = scope["method"]
        if scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def headers_alone(message: Any) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"
        await app(scope, receive, headers_alone)

    return call


def reading_on(app: ASGIApp) -> ASGIApp:
    """Return ``app``, reading the rest of a body, within limits, when the request is answered before it has arrived.

    Servers close the connection when an answer is complete. If data then arrives at the closed connection, the client's
    system discards the answer: "connection reset" in place of 413 or 401. So the whole answer is sent as the last of
    its connection, and only its end waits for the end of the request.
    """

    async def call(scope: Any, receive: Any, send: Any) -> None:
        unread = _has_body(scope)

        async def noting() -> Any:
            nonlocal unread
            message = await receive()
            unread = unread and _goes_on(message)
            return message

        async def lingering(message: Any) -> None:
            if message["type"] == "http.response.start" and unread:
                message = {**message, "headers": [*message.get("headers", ()), *_farewell(scope)]}
            if message["type"] == "http.response.body" and unread and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await _read_on(receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await app(scope, noting, lingering)

    return call


def _has_body(scope: Any) -> bool:
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0").strip(b"0") != b"" or b"transfer-encoding" in headers


def _goes_on(message: Any) -> bool:
    return message["type"] == "http.request" and bool(message.get("more_body", False))


def _farewell(scope: Any) -> list[tuple[bytes, bytes]]:
    return [(b"connection", b"close")] if scope.get("http_version", "1.1").startswith("1") else []


async def _read_on(receive: Any) -> None:
    size = 0
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            while size <= _MOST_BYTES and _goes_on(message := await receive()):
                size += len(message.get("body", b""))
    except TimeoutError:
        pass
