"""The server as a part of a Litestar application."""

from typing import TYPE_CHECKING, Any

from litestar import Request, Router, route
from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin
from litestar.types import ASGIApp

from ..aio import AsyncMemory
from ..memory import Memory
from .app import create_app
from .login import Login
from .settings import Settings

if TYPE_CHECKING:
    from litestar.types import Method

_METHODS: "list[Method]" = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class MemoryPlugin(InitPlugin):
    """Serves the memory below ``path`` of a Litestar application: ``Litestar(plugins=[MemoryPlugin("/mem")])``.

    It takes ``/mem`` and what is below it; ``asgi("/mem", is_mount=True)`` would also take the application's own
    ``/memories``, because that begins with ``/mem``. The application's guards, middleware and hooks apply to these
    routes; its exception handlers do not, and its OpenAPI document does not mention them. The file is opened and closed
    with the application. At ``/`` the application's own routes come first, and it cannot have a route at ``/`` itself.

    ``app`` is the mounted server.
    """

    def __init__(
        self,
        path: str = "/mem",
        memory: Memory | AsyncMemory | None = None,
        settings: Settings | None = None,
        *,
        user: Login | None = None,
    ) -> None:
        self.path = path
        self.app = create_app(memory, settings, user=user)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the routes and the lifespan to those of the application."""
        app_config.route_handlers.append(self._router())
        app_config.lifespan.append(lambda _: self.app.lifespan())
        return app_config

    def _router(self) -> Router:
        app, prefix = self.app, f"/{self.path.strip('/')}".rstrip("/")

        # Not an ASGI handler: Litestar answers 500 where one has a path parameter.
        @route(["/", "/{below:path}"], http_method=_METHODS, include_in_schema=False, name=f"mem0lite {prefix}")
        async def everything(request: Request[Any, Any, Any]) -> ASGIApp:
            async def below(scope: Any, receive: Any, send: Any) -> None:
                root = (scope.get("root_path") or "").rstrip("/")
                await app({**scope, "root_path": root + prefix, "path": root + scope["path"]}, receive, send)

            return below

        return Router(self.path, route_handlers=[everything], return_dto=None)
