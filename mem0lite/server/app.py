"""The ASGI application."""

import re
import secrets
from typing import Any, cast

from litestar import Litestar

from ..aio import AsyncMemory
from ..memory import Memory
from . import docs, selfhosted
from .backend import Backend
from .errors import EXCEPTION_HANDLERS
from .settings import Settings


class App(Litestar):
    """The server: a Litestar application, usable wherever an ASGI application is."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection; every response gets an ``X-Request-ID``.

        This is not a Litestar middleware, because those do not see the responses 404 and 405.
        """
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["mem0lite.request_id"] = request_id
        scope["mem0lite.path"] = scope["path"]  # as sent: Litestar drops trailing slashes

        async def send_with_id(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await super().__call__(scope, receive, cast("Any", send_with_id))


def create_app(memory: Memory | AsyncMemory | None = None, settings: Settings | None = None) -> App:
    """Return the server as an ASGI application; nothing is opened or loaded yet.

    Arguments:
        memory: what to serve. Its owner closes it: the app never does. Without one, the app opens the file of the
            settings when its lifespan starts, or at the first request, and closes it when its lifespan ends.
        settings: by default, those of the environment.

    Raises ConfigurationError for an environment variable that cannot be read.
    """
    backend = Backend(memory, settings or Settings.from_environment())

    def routes() -> Any:
        return selfhosted.create_router(backend)

    return App(
        route_handlers=[routes(), docs.create_router(routes)],
        lifespan=[backend.lifespan],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,  # docs.py serves the document
        logging_config=None,  # Litestar's replaces the handlers of the host's root logger
        debug=False,
        pdb_on_exception=False,
    )


_GOOD_ID = re.compile(rb"[!-~]{1,128}")


def _request_id(scope: Any) -> str:
    """Return the id the client gave the request, if it is short and printable, else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return bytes(given).decode() if _GOOD_ID.fullmatch(given) else secrets.token_hex(4)
