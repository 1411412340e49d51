"""The host's own login: a function that says whose memories a request sees."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import ConfigurationError, ValidationError
from ..values import clean_id, shown

Login = Callable[[Mapping[str, Any]], "str | int | Awaitable[str | int | None] | None"]
"""Returns the id of the user who sent a request, from the ASGI scope that the host passed on; None: nobody."""

GIVEN = "mem0lite.given"
"""Where the scope of a request has the one that the host passed on. Litestar changes its own."""


async def user_of(login: Login, scope: Mapping[str, Any]) -> str | None:
    """Return the user who sent a request, None if the host knows nobody.

    A plain function is called in a thread, as FastAPI does it, because it may look something up.

    Raises ConfigurationError for what cannot be an id: a host that is wrong about that must not let anybody in.
    """
    if _is_async(login):
        found = login(scope)
    else:
        found = await asyncio.to_thread(login, scope)
    user = await found if inspect.isawaitable(found) else found
    if user is None:
        return None
    try:
        return clean_id(user, "user")
    except ValidationError as error:
        raise ConfigurationError(
            f"create_app(user=…) returned {shown(user)}. {error} Return None for nobody."
        ) from None


def check(login: object) -> None:
    """Raise ConfigurationError for what is no login."""
    if login is not None and not callable(login):
        raise ConfigurationError(
            f"user: must be a function, got {type(login).__name__}. Write create_app(memory, user=user_of), where "
            "user_of(scope) returns the user's id, or None for nobody."
        )


def _is_async(login: Login) -> bool:
    return inspect.iscoroutinefunction(login) or inspect.iscoroutinefunction(getattr(login, "__call__", None))  # noqa: B004
