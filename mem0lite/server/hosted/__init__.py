"""mem0's hosted REST API, for ``MemoryClient``, mem0's npm client and its command line. Paths end in a slash."""

from litestar import Router

from ..backend import Backend
from ..bodies import JsonBody
from ..guards import closed_path, rules
from ..ignored import ROUTINE, note_parameters
from ..parameters import no_misspelt_id, one_of_each_id
from ..routing import dependencies
from . import entities, events, exports, finding, memories, organization, profiles, summaries, unavailable, webhooks

_ROOMS = (memories, finding, entities, events, exports, organization, webhooks, summaries, profiles, unavailable)

ROUTINE_FIELDS = frozenset(
    {
        *("org_id", "project_id", "org_name", "project_name", "source"),
        *("version", "api_version", "output_format", "async_mode"),
    }
)
"""What clients add to every request: the organization, the project and the program, and versions. They mean nothing
here: there is one organization and one project, and the path is the version."""


def create_router(backend: Backend) -> Router:
    """Return the routes, serving the memory of ``backend``."""
    return Router(
        "/",
        route_handlers=[handler for room in _ROOMS for handler in room.HANDLERS],
        dependencies=dependencies(backend),
        opt={**rules(closed_path, one_of_each_id, no_misspelt_id, note_parameters), ROUTINE: ROUTINE_FIELDS},
        dto=JsonBody,
        return_dto=None,
    )
