"""Whether the server runs and can serve requests, for supervisors and load balancers."""

from typing import Any

from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec

from . import responses
from .auth import PUBLIC
from .backend import Backend
from .errors import not_ready
from .guards import exact_path, rules

OK = {"status": "ok"}
_FINE = ResponseSpec(responses.HealthResponse, description="It can", generate_examples=False)
_NOT = ResponseSpec(responses.ErrorResponse, description="It cannot; the reason", generate_examples=False)


def create_router(backend: Backend) -> Router:
    """Return the routes ``/health/live`` and ``/health/ready``."""

    @get(
        "/health/ready",
        tags=["server"],
        summary="Ask whether requests can be served",
        security=[{}],
        responses={200: _FINE, 503: _NOT},
    )
    async def ready(request: Request[Any, Any, Any]) -> Response[Any]:
        """Answer 200 if the store can be read, opening it if needed; otherwise 503 with the reason."""
        try:
            await (await backend.memory())._probe()
        except Exception as error:
            return not_ready(request, error)
        return Response(OK)

    return Router("/", route_handlers=[live, ready], opt={**PUBLIC, **rules(exact_path)})


@get(
    "/health/live",
    tags=["server"],
    summary="Ask whether the process answers",
    security=[{}],
    responses={200: _FINE},
)
async def live() -> dict[str, str]:
    """Answer 200 while the event loop runs, whatever the store does."""
    return OK
