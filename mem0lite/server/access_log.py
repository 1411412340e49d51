"""One line of JSON per request, through the logger ``mem0lite.access``.

A host that mounts the app decides in its logging whether and where the lines appear. They contain no query, no header
and no body, and only those parts of a path that routes define, so that no id, key or memory gets into a log.
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
    """Write the lines to standard error, for a process without logging of its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


async def logged(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Call the ASGI application, and log the request when it has ended, however it ended."""
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
            "method": scope.get("mem0lite.method", scope["method"]),
            "path": path_of(scope),
            "status": status,  # 0: the request was abandoned before there was an answer
            "duration_ms": round((time.perf_counter() - started) * 1000, 3),
            "bytes": size,
        }
        logger.info("%s", json.dumps(line))


def path_of(scope: Any) -> str:
    """Return the template of the route, such as ``/memories/{memory_id}``.

    Without a route, return the beginning of the path, with a star for each part that no route has: it may be a key.
    """
    if template := scope.get("path_template"):
        return str(template)
    routes = getattr(scope.get("litestar_app"), "routes", ())
    words = {word for route in routes for word in route.path_format.split("/")}
    path: str = scope.get("mem0lite.path", scope["path"])[:_MAX_PATH]
    return "/".join(part if part in words else "*" for part in path.split("/"))
