"""Whether the server runs and can serve requests, for supervisors and load balancers."""

from typing import Any

from litestar import Request, Response, Router, get

from .auth import PUBLIC
from .backend import Backend
from .errors import not_ready
from .guards import exact_path, rules

OK = {"status": "ok"}


def create_router(backend: Backend) -> Router:
    """Return the routes ``/health/live`` and ``/health/ready``."""

    @get("/health/ready")
    async def ready(request: Request[Any, Any, Any]) -> Response[Any]:
        """Answer 200 if the store can be read, opening it if needed; otherwise 503 with the reason."""
        try:
            await (await backend.memory())._probe()
        except Exception as error:
            return not_ready(request, error)
        return Response(OK)

    return Router("/", route_handlers=[live, ready], opt={**PUBLIC, **rules(exact_path)}, include_in_schema=False)


@get("/health/live")
async def live() -> dict[str, str]:
    """Answer 200 while the event loop runs, whatever the store does."""
    return OK
