"""The ASGI application."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar import Litestar, Request, Router
from litestar.config.cors import CORSConfig

from .. import telemetry
from ..aio import AsyncMemory
from ..errors import ConfigurationError
from ..memory import Memory
from ..store import stopping
from . import docs, guide, health, hosted, login, mcp, selfhosted, ui
from .auth import create_rule
from .backend import Backend, Sibling
from .errors import EXCEPTION_HANDLERS
from .guards import rules_of
from .ignored import HEADER as IGNORED
from .ignored import NamingResponse
from .metrics import Metrics
from .mount import restore_slashes, shaped
from .settings import Settings
from .wire import RUNNING, ASGIApp, Exchange


class App(Litestar):
    """The server: a Litestar application, for use wherever an ASGI application can be."""

    backend: Backend
    metrics: Metrics

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None, None]:
        """Open the memory and load its model now instead of at the first request, run the timers of vacuum and
        webhooks, and close at the end what was opened. For hosts, because they send no lifespan events to the
        applications they mount.

        ``FastAPI(lifespan=lambda _: app.lifespan())``. It can be entered again, in other event loops too. Litestar's
        own lifespan cannot be entered twice at a time, and wraps the host's exceptions in groups.
        """
        async with self.backend.lifespan():
            yield

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection.

        What every answer needs is no Litestar middleware, because that does not see the responses 404 and 405.
        """
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        given = {**shaped(scope), login.GIVEN: scope}
        with telemetry.request(given) as span:
            exchange = Exchange(given, receive, span.watching(send), self.metrics)
            await exchange.run(cast("ASGIApp", super().__call__))


def create_app(
    memory: Memory | AsyncMemory | None = None, settings: Settings | None = None, *, user: login.Login | None = None
) -> App:
    """Return the server as an ASGI application. It opens and loads nothing yet.

    Arguments:
        memory: what to serve. The app never closes it; its owner does. Without a memory, the app opens the file of the
            settings when its lifespan starts, or at the first request, and closes it when its lifespan ends.
        settings: by default, those of the environment.
        user: the login of the application that this one is mounted in: a function, async or not, that takes the ASGI
            scope of a request and returns the id of the user who sent it, or None. Requests then see only the memories
            of that user, as with a key that is pinned to one, and nobody's are refused with 401. Who sends an API key
            is let in by that.

    Raises ConfigurationError for an environment variable that cannot be read, and for arguments of other types.
    """
    _check(memory, settings)
    login.check(user)
    return create_sibling(memory, settings or Settings.from_environment(), None, user)


def create_sibling(
    memory: Memory | AsyncMemory | None, settings: Settings, sibling: Sibling | None, user: login.Login | None = None
) -> App:
    """Return the server as ``create_app`` does, for one of several processes."""
    backend = Backend(memory, settings, sibling)
    stopping.watch(server=True)
    if settings.opentelemetry:
        telemetry.instrument(content=settings.opentelemetry_content)

    def routes() -> list[Router]:  # in no router of their own: Litestar copies a router for the one that it is put in
        return [selfhosted.create_router(backend), hosted.create_router(backend)]

    def watched() -> list[Router]:
        return [health.create_router(backend), metrics.create_router()]

    metrics = Metrics(backend)
    app = App(
        route_handlers=[
            *(*routes(), docs.create_router(lambda: Router("/", route_handlers=[*routes(), *watched()]))),
            *(guide.create_router(), *watched()),
            *([mcp.create_router(backend)] if backend.settings.mcp else ()),
            *([ui.create_router()] if backend.settings.ui else ()),
        ],
        middleware=[_routed(metrics, create_rule(backend, user))],
        response_class=NamingResponse,
        cors_config=_cors(backend.settings.cors_origins),
        request_max_body_size=backend.settings.max_body_bytes,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,  # docs.py serves the document
        logging_config=None,  # Litestar's replaces the handlers of the host's root logger
        debug=False,
        pdb_on_exception=False,
    )
    app.backend, app.metrics = backend, metrics
    return app


def _routed(metrics: Metrics, first: Callable[[Any, Any], Awaitable[None]]) -> Callable[[ASGIApp], ASGIApp]:
    """Return the middleware between routing and the handler: it counts the request, and applies the rules."""

    def around(app: ASGIApp) -> ASGIApp:
        async def call(scope: Any, receive: Any, send: Any) -> None:
            restore_slashes(scope)
            scope[RUNNING] = running = metrics.running(scope["mem0lite.method"], scope["path_template"])
            running.inc()
            connection, handler = Request[Any, Any, Any](scope), scope["route_handler"]
            await first(connection, handler)
            for rule in rules_of(handler):
                rule(connection, handler)
            await app(scope, receive, send)

        return call

    return around


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


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    exposed = ["X-Request-ID", IGNORED, "X-Total-Count", "Link", "Retry-After"]
    return CORSConfig(allow_origins=list(origins), expose_headers=exposed) if origins else None
