"""Conditions that a request must meet before its body is read.

The rules that every request of a router has to pass are in its ``opt`` and not among Litestar's guards, for which
Litestar copies the whole handler: five guards cost as much as the answer.
"""

from collections.abc import Callable
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import BaseRouteHandler

from .mount import without_slash

Rule = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]
"""Raises an exception for a request that a handler must not get."""

_RULES = "mem0lite_rules"

SLASH_OR_NONE: dict[str, Any] = {"mem0lite_slash_or_none": True}
"""The ``opt`` of a hosted route that also answers without the slash at the end: its path contains no id."""


def rules(*every: Rule) -> dict[str, Any]:
    """Return the ``opt`` of a router whose requests have to pass these rules, in this order."""
    return {_RULES: every}


def rules_of(handler: BaseRouteHandler) -> tuple[Rule, ...]:
    """Return the rules that requests of a handler have to pass."""
    return cast("tuple[Rule, ...]", handler.opt.get(_RULES, ()))


class MovedError(HTTPException):
    """The client must repeat the request at another address, with the same method and body."""

    status_code = 307

    def __init__(self, location: str) -> None:
        super().__init__(detail="Ask again without the slash at the end.", headers={"Location": location})


def exact_path(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Redirect ``/memories/`` to ``/memories``, as FastAPI does, and refuse ``//memories``. Litestar treats them all
    alike."""
    path = cast("dict[str, Any]", connection.scope).get("mem0lite.path", "")
    if "//" in path:
        raise NotFoundException
    if path.endswith("/") and path != "/":
        raise MovedError(without_slash(connection.scope))


def closed_path(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a path that does not end in a slash or that has an empty segment; Litestar ignores both.

    Clients before 2.x do not encode ids in paths: of the id ``a?b`` only ``a`` arrives in the path, and Litestar turns
    ``a//b`` into ``a/b``. Neither may reach what belongs to another id.
    """
    path = cast("dict[str, Any]", connection.scope).get("mem0lite.path", "")
    either = SLASH_OR_NONE.items() <= handler.opt.items()
    if "//" in path or not (path.endswith("/") or either):
        raise NotFoundException
