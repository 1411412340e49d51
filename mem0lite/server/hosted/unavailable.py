"""Routes that make no sense for one store on one machine. Each answers 501 and says why."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from litestar import route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Operation
from litestar.openapi.spec import Parameter as OpenAPIParameter

from ..auth import PUBLIC, admin_only
from ..routing import NOT_HERE, unserved

_ACCOUNTS = "There are no accounts here: access is given by the server's API keys (MEM0LITE_API_KEYS)."
_MEMBERS = "There are no members here: access is given by the server's API keys (MEM0LITE_API_KEYS)."
_OTHER_ORGANIZATION = "There is only one organization here. For another one, run a second server with its own file."
_ORGANIZATION_STAYS = "The only organization cannot be deleted. To remove every memory, call POST /reset."
_OTHER_PROJECT = "There is only one project here. For another one, run a second server with its own file."
_PROJECT_STAYS = "The only project cannot be deleted. To remove every memory, call POST /reset."
_RUSH = "Agent Rush is a game on mem0's own platform: no memory here takes part in it."
_DREAM = "Dream merges and rewrites memories with a language model, which mem0lite does not have."
_NO_MODEL = "are written by a language model, and this server has none. Search or export the memories instead."
SUMMARIES = f"Summaries {_NO_MODEL}"
PROFILES = f"Profiles {_NO_MODEL}"
_ALL_PROFILES = (
    "Profiles are written by a language model when somebody asks for one, and again when its memories have changed. "
    "There is nothing to regenerate: ask for the profiles that you need."
)


class NotHereError(HTTPException):
    """The route makes no sense for a single store; the detail says why."""

    status_code = 501


class _Absent(NamedTuple):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    summary: str
    reason: str


_AUTH = "/api/v1/auth"
_ORGS = "/api/v1/orgs/organizations"
_ORG = f"{_ORGS}/{{org_id:str}}"
_PROJECT = f"{_ORG}/projects/{{project_id:str}}"
_DREAMS = f"{_PROJECT}/dream"

_ABSENT = (
    # accounts, which mem0's command line makes
    _Absent("POST", f"{_AUTH}/agent_mode", "agent_mode", "Create an account for an agent", _ACCOUNTS),
    _Absent("PATCH", f"{_AUTH}/agent_mode/caller", "agent_caller", "Name the agent of an account", _ACCOUNTS),
    _Absent("POST", f"{_AUTH}/email_code", "email_code", "Sign in by e-mail", _ACCOUNTS),
    _Absent("POST", f"{_AUTH}/email_code/verify", "verify_email_code", "Sign in with a code", _ACCOUNTS),
    _Absent("POST", "/v1/agent-rush/memories", "rush_add", "Play Agent Rush: add", _RUSH),
    _Absent("POST", "/v1/agent-rush/memories/search", "rush_search", "Play Agent Rush: search", _RUSH),
    # what a language model would write
    _Absent("POST", "/v2/profiles/regenerate", "regenerate_profiles", "Regenerate all profiles", _ALL_PROFILES),
    _Absent("GET", f"{_DREAMS}/config", "dream_config", "Get the settings of Dream", _DREAM),
    _Absent("PATCH", f"{_DREAMS}/config", "set_dream_config", "Change the settings of Dream", _DREAM),
    _Absent("POST", f"{_DREAMS}/preview", "dream_preview", "Preview what Dream would read", _DREAM),
    _Absent("GET", f"{_DREAMS}/stats", "dream_stats", "Count what Dream did", _DREAM),
    _Absent("GET", f"{_DREAMS}/activity", "dream_activity", "List what Dream did", _DREAM),
    _Absent("GET", f"{_DREAMS}/runs", "dream_runs", "List the runs of Dream", _DREAM),
    _Absent("GET", f"{_DREAMS}/runs/{{run_id:str}}/memories", "dream_run", "List what a run of Dream wrote", _DREAM),
    _Absent("GET", f"{_DREAMS}/memory/{{memory_id:str}}/sources", "dream_sources", "List what Dream read", _DREAM),
    # other organizations and projects, and members
    _Absent("POST", _ORGS, "create_organization", "Create an organization", _OTHER_ORGANIZATION),
    _Absent("DELETE", _ORG, "delete_organization", "Delete the organization", _ORGANIZATION_STAYS),
    _Absent("POST", f"{_ORG}/projects", "create_project", "Create a project", _OTHER_PROJECT),
    _Absent("DELETE", _PROJECT, "delete_project", "Delete the project", _PROJECT_STAYS),
    _Absent("POST", f"{_ORG}/members", "add_organization_member", "Add a member to the organization", _MEMBERS),
    _Absent("PUT", f"{_ORG}/members", "change_organization_member", "Change a member of the organization", _MEMBERS),
    _Absent(
        "DELETE", f"{_ORG}/members", "remove_organization_member", "Remove a member from the organization", _MEMBERS
    ),
    _Absent("POST", f"{_PROJECT}/members", "add_project_member", "Add a member to the project", _MEMBERS),
    _Absent("PUT", f"{_PROJECT}/members", "change_project_member", "Change a member of the project", _MEMBERS),
    _Absent("DELETE", f"{_PROJECT}/members", "remove_project_member", "Remove a member from the project", _MEMBERS),
)

_PARAMETERS = {
    "org_id": "Any name: there is only one organization.",
    "project_id": "Any name: there is only one project.",
    "run_id": "Any name.",
    "memory_id": "Any name.",
}


@dataclass
class _Described(Operation):
    """The documentation of a route that reads nothing: the parameters of its path are described, and no value of them
    is refused."""

    def __post_init__(self) -> None:
        cast("dict[str, Any]", self.responses).pop("400", None)
        for parameter in cast("list[OpenAPIParameter]", self.parameters or []):
            parameter.description = _PARAMETERS[parameter.name]


def _handler(absent: _Absent) -> HTTPRouteHandler:
    async def say() -> None:
        raise NotHereError(detail=absent.reason)

    return route(
        absent.path,
        http_method=absent.method,
        status_code=NotHereError.status_code,
        guards=[admin_only] if absent.path.startswith(_ORGS) else [],
        opt=PUBLIC if absent.reason is _ACCOUNTS else {},  # whoever asks for a key has none yet
        operation_id=f"hosted_{absent.name}",
        tags=[NOT_HERE],
        summary=absent.summary,
        description=absent.reason,
        responses=unserved(absent.reason),
        operation_class=_Described,
    )(say)


HANDLERS = (*(_handler(one) for one in _ABSENT),)
