"""Conditions a request must meet before its body is read.

Coroutines, because Litestar runs a guard that is a plain function in a thread.
"""

from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler


async def exact_path(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse ``/memories/`` and ``//memories``, which Litestar takes for ``/memories`` and mem0's server does not."""
    path = cast("dict[str, Any]", connection.scope).get("mem0lite.path", "")
    if "//" in path or (path.endswith("/") and connection.scope["path"] != "/"):
        raise NotFoundException
