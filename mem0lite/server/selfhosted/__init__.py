"""mem0's self-hosted REST API: paths without a version and without a slash at the end."""

from litestar import Router

from ..backend import Backend
from ..bodies import JsonBody
from ..guards import exact_path, rules
from ..ignored import note_parameters
from ..parameters import no_misspelt_id, one_of_each_id
from ..routing import dependencies
from . import entities, keys, memories, moving, operating, searching, watching

_ROOMS = (memories, searching, entities, keys, operating, watching, moving)


def create_router(backend: Backend) -> Router:
    """Return the routes, serving the memory of ``backend``."""
    return Router(
        "/",
        route_handlers=[handler for room in _ROOMS for handler in room.HANDLERS],
        dependencies=dependencies(backend),
        opt=rules(exact_path, one_of_each_id, no_misspelt_id, note_parameters),
        dto=JsonBody,
        return_dto=None,
    )
