"""One line of JSON per request, through the logger ``mem0lite.access``.

A host that mounts the app decides with its own logging whether and where the lines appear. They hold no query, no
header and no body, and of a path only the route's template, so that no id, key or memory gets into a log.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("mem0lite.access")

_MAX_PATH = 200  # characters of a path that no route has


def to_stderr() -> None:
    """Write the lines to the standard error stream; for a process that has no logging of its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


async def logged(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Call the ASGI application, and log the request when it is over, however it ended."""
    if not logger.isEnabledFor(logging.INFO):
        await app(scope, receive, send)
        return
    started, instant = time.perf_counter(), datetime.now(UTC)
    status, size = 0, 0

    async def counting(message: Any) -> None:
        nonlocal status, size
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            size += len(message.get("body", b""))
        await send(message)

    try:
        await app(scope, receive, counting)
    finally:
        line = {
            "time": instant.isoformat(timespec="milliseconds"),
            "request_id": scope.get("mem0lite.request_id"),
            "method": scope["method"],
            "path": _path(scope),
            "status": status,  # 0: the request was abandoned before there was an answer
            "duration_ms": round((time.perf_counter() - started) * 1000, 3),
            "bytes": size,
        }
        logger.info("%s", json.dumps(line))


def _path(scope: Any) -> str:
    """Return the template of the route, such as ``/memories/{memory_id}``, else the beginning of the path."""
    path: str = scope.get("path_template") or scope["path"][:_MAX_PATH]
    return path
