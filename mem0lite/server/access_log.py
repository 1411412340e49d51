"""One line of JSON per request, through the logger ``mem0lite.access``.

A host that mounts the app decides in its logging whether and where the lines appear. They contain no query, no header
and no body, and only those parts of a path that routes define, so that no id, key or memory gets into a log.
"""

import json
import logging
import sys
import time
from datetime import datetime
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


def enabled() -> bool:
    """Return whether anybody wants the lines."""
    return logger.isEnabledFor(logging.INFO)


def write(scope: Any, instant: datetime, status: int, started: float, size: int) -> None:
    """Log a request that has ended.

    ``instant`` is when it came, and so is ``started``, by the clock ``perf_counter``. A ``status`` of 0 means that it
    was abandoned before there was an answer. ``size`` is the number of bytes of the answer's body.
    """
    line = {
        "time": instant.isoformat(timespec="milliseconds"),
        "request_id": scope["mem0lite.request_id"],
        "method": scope["mem0lite.method"],
        "path": path_of(scope),
        "status": status,
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
