"""mem0's hosted REST API, which ``MemoryClient``, mem0's npm client and its command line call: paths end in a slash."""

from litestar import Router

from ..backend import Backend
from ..guards import closed_path
from ..routing import dependencies
from ..validation import JsonBody, one_of_each_id
from . import entities, memories, organization, platform, unavailable

_ROOMS = (memories, entities, organization, platform, unavailable)


def create_router(backend: Backend) -> Router:
    """Return the routes, serving the memory of ``backend``."""
    return Router(
        "/",
        route_handlers=[handler for room in _ROOMS for handler in room.HANDLERS],
        dependencies=dependencies(backend),
        guards=[closed_path, one_of_each_id],
        dto=JsonBody,
        return_dto=None,
    )
