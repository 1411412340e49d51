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


async def closed_path(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a path that does not end in a slash, or has an empty segment, which Litestar passes over.

    Clients before 2.x put ids into paths as they are: of the id ``a?b`` only ``a`` arrives in the path, and of ``a//b``
    Litestar makes ``a/b``. Neither may reach what belongs to another id.
    """
    path = cast("dict[str, Any]", connection.scope).get("mem0lite.path", "")
    if "//" in path or not path.endswith("/"):
        raise NotFoundException
