"""Conditions a request must meet before its body is read.

Coroutines, because Litestar runs a guard that is a plain function in a thread.
"""

from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import BaseRouteHandler

from .mount import without_slash

SLASH_OR_NONE: dict[str, Any] = {"mem0lite_slash_or_none": True}
"""The ``opt`` of a hosted route that is also answered without the slash at the end: no id stands in its path."""


class MovedError(HTTPException):
    """The client is to ask again elsewhere, with the same method and body."""

    status_code = 307

    def __init__(self, location: str) -> None:
        super().__init__(detail="Ask again without the slash at the end.", headers={"Location": location})


async def exact_path(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Send who asks for ``/memories/``, which Litestar takes for ``/memories``, there, as FastAPI does; refuse
    ``//memories``."""
    path = cast("dict[str, Any]", connection.scope).get("mem0lite.path", "")
    if "//" in path:
        raise NotFoundException
    if path.endswith("/") and path != "/":
        raise MovedError(without_slash(connection.scope))


async def closed_path(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a path that does not end in a slash, or has an empty segment, which Litestar passes over.

    Clients before 2.x put ids into paths as they are: of the id ``a?b`` only ``a`` arrives in the path, and of ``a//b``
    Litestar makes ``a/b``. Neither may reach what belongs to another id.
    """
    path = cast("dict[str, Any]", connection.scope).get("mem0lite.path", "")
    either = SLASH_OR_NONE.items() <= handler.opt.items()
    if "//" in path or not (path.endswith("/") or either):
        raise NotFoundException
