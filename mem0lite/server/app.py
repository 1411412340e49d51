"""The ASGI application."""

import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig

from ..aio import AsyncMemory
from ..errors import ConfigurationError
from ..memory import Memory
from ..store import stopping
from . import access_log, docs, guide, health, hosted, mcp, selfhosted
from .auth import create_guard
from .backend import Backend
from .errors import EXCEPTION_HANDLERS
from .ignored import HEADER as IGNORED
from .metrics import Metrics
from .mount import shaped, with_slashes
from .settings import Settings
from .wire import ASGIApp, private, reading_on, with_head


class App(Litestar):
    """The server: a Litestar application, for use wherever an ASGI application can be."""

    backend: Backend

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None, None]:
        """Open the memory now instead of at the first request, run the timers of vacuum and webhooks, and close at the
        end what was opened. For hosts, because they send no lifespan events to the applications they mount.

        ``FastAPI(lifespan=lambda _: app.lifespan())``. It can be entered again, in other event loops too. Litestar's
        own lifespan cannot be entered twice at a time, and wraps the host's exceptions in groups.
        """
        async with self.backend.lifespan():
            yield

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection. Every response gets an ``X-Request-ID``.

        This is no Litestar middleware, because middleware does not see the responses 404 and 405.
        """
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        self.backend.warn_if_open()
        scope = shaped(scope)
        request_id = _request_id(scope)
        scope["mem0lite.request_id"] = request_id

        async def send_with_id(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        app = reading_on(with_head(private(cast("ASGIApp", super().__call__))))
        await access_log.logged(app, scope, receive, cast("Any", send_with_id))


def create_app(memory: Memory | AsyncMemory | None = None, settings: Settings | None = None) -> App:
    """Return the server as an ASGI application. It opens and loads nothing yet.

    Arguments:
        memory: what to serve. The app never closes it; its owner does. Without a memory, the app opens the file of the
            settings when its lifespan starts, or at the first request, and closes it when its lifespan ends.
        settings: by default, those of the environment.

    Raises ConfigurationError for an environment variable that cannot be read, and for arguments of other types.
    """
    _check(memory, settings)
    backend = Backend(memory, settings or Settings.from_environment())
    stopping.watch(server=True)

    def routes() -> Router:
        return Router("/", route_handlers=[selfhosted.create_router(backend), hosted.create_router(backend)])

    metrics = Metrics(backend)
    app = App(
        route_handlers=[
            *(routes(), docs.create_router(routes), guide.create_router()),
            *(health.create_router(backend), metrics.create_router()),
            *([mcp.create_router(backend)] if backend.settings.mcp else ()),
        ],
        middleware=[metrics.middleware, with_slashes],
        before_send=[_name_every_method, metrics.count_unrouted],
        guards=[create_guard(backend.settings)],
        cors_config=_cors(backend.settings.cors_origins),
        request_max_body_size=backend.settings.max_body_bytes,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,  # docs.py serves the document
        logging_config=None,  # Litestar's replaces the handlers of the host's root logger
        debug=False,
        pdb_on_exception=False,
    )
    app.backend = backend
    return app


def _check(memory: object, settings: object) -> None:
    if not isinstance(memory, Memory | AsyncMemory | None):
        raise ConfigurationError(
            f"memory: must be a Memory or an AsyncMemory, got {type(memory).__name__}. Write "
            "create_app(Memory('agent.db')), or create_app(settings=Settings(db='agent.db'))."
        )
    if not isinstance(settings, Settings | None):
        raise ConfigurationError(
            f"settings: must be Settings, got {type(settings).__name__}. Write create_app(settings=Settings(…)), with "
            "the class of mem0lite.server."
        )


async def _name_every_method(message: Any, scope: Any) -> None:
    """Complete the header ``Allow``: Litestar names the methods of only one handler to OPTIONS, and never HEAD."""
    if message["type"] != "http.response.start" or message["status"] not in (204, 405):
        return
    message["headers"] = [
        (name, _methods(value, scope) if name == b"allow" else value) for name, value in message["headers"]
    ]


def _methods(allowed: bytes, scope: Any) -> bytes:
    named = set(allowed.decode().split(", "))
    if "path_template" in scope:
        routes = [route for route in scope["litestar_app"].routes if route.path_format == scope["path_template"]]
        named |= {method for route in routes for method in route.methods}
    return ", ".join(sorted(named | {"HEAD"} if "GET" in named else named)).encode()


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    exposed = ["X-Request-ID", IGNORED, "X-Total-Count", "Link"]
    return CORSConfig(allow_origins=list(origins), expose_headers=exposed) if origins else None


_GOOD_ID = re.compile(rb"[!-~]{1,128}")


def _request_id(scope: Any) -> str:
    """Return the id that the client gave the request if it is short and printable, or else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return bytes(given).decode() if _GOOD_ID.fullmatch(given) else secrets.token_hex(4)
