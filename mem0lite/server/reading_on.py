"""Reading the rest of a body, within limits, when the request is answered before it has arrived.

Servers close the connection when an answer is complete. If data then arrives at the closed connection, the client's
system discards the answer: "connection reset" in place of 413 or 401. So the whole answer is sent as the last of its
connection, and only its end waits for the end of the request.
"""

import asyncio
from typing import Any

_MOST_BYTES = 64 * 2**20  # of an unread body that are still read
_LONGEST_SECONDS = 10.0  # spent on that


def has_body(scope: Any) -> bool:
    """Return whether a request has a body."""
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0").strip(b"0") != b"" or b"transfer-encoding" in headers


def goes_on(message: Any) -> bool:
    """Return whether more of the body follows a message."""
    return message["type"] == "http.request" and bool(message.get("more_body", False))


def farewell(scope: Any) -> list[tuple[bytes, bytes]]:
    """Return the headers of the last answer of a connection."""
    return [(b"connection", b"close")] if scope.get("http_version", "1.1").startswith("1") else []


async def read_on(receive: Any) -> None:
    """Read the rest of a body, and throw it away."""
    size = 0
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            while size <= _MOST_BYTES and goes_on(message := await receive()):
                size += len(message.get("body", b""))
    except TimeoutError:
        pass
