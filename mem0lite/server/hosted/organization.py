"""The hosted API's only organization and project: what clients ask for first, and settings that they store."""

from typing import Annotated, Any

from litestar import get, patch
from litestar.exceptions import ClientException
from litestar.params import JSONBody, Parameter

from ...memory.wishing import OF_PROJECT
from ..auth import admin_only
from ..ignored import unnote
from ..routing import Answer, Answers, AnyRequest, Memory, answers, body
from ..routing import given as given_fields
from . import responses
from .requests import ProjectUpdate
from .shapes import ORG_ID, PROJECT_ID

PROJECT = "hosted: project"

ProjectPath = Annotated[str, Parameter(description="Any name: there is only one project.")]
OrgPath = Annotated[str, Parameter(description="Any name: there is only one organization.")]

_ORGS = "/api/v1/orgs/organizations"
_ORG = f"{_ORGS}/{{org_id:str}}"
_PROJECT = f"{_ORG}/projects/{{project_id:str}}"


@get("/v1/ping", tags=[PROJECT], summary="Check the API key", responses=answers(responses.Ping, "The server is there"))
async def hosted_ping(memory: Memory) -> Answer:
    """Answer what clients ask first: whether the key is accepted, whose it is, and the names of its organization and
    project."""
    return {
        "status": "ok",
        "message": "The API key is accepted.",
        "org_id": ORG_ID,
        "project_id": PROJECT_ID,
        "user_email": None,
        "user_id": memory.user_id,
    }


# -- the organization


@get(
    _ORGS,
    guards=[admin_only],
    tags=[PROJECT],
    summary="List organizations",
    responses=answers(list[responses.Organization], "The one organization"),
)
async def hosted_organizations() -> Answers:
    """List the only organization."""
    return [_organization()]


@get(
    _ORG,
    guards=[admin_only],
    tags=[PROJECT],
    summary="Get the organization",
    responses=answers(responses.Organization, "The one organization"),
)
async def hosted_organization(org_id: OrgPath) -> Answer:
    """Get the only organization."""
    return _organization()


@get(
    f"{_ORG}/members",
    guards=[admin_only],
    tags=[PROJECT],
    summary="List the organization's members",
    responses=answers(responses.Members, "Nobody"),
)
async def hosted_organization_members(org_id: OrgPath) -> Answer:
    """Return an empty list: there are no accounts, only the server's API keys."""
    return {"members": []}


def _organization() -> dict[str, Any]:
    nothing = (
        "description",
        "address",
        "contact_email",
        "phone_number",
        "website",
        "created_at",
        "updated_at",
        "owner",
    )
    return {
        "id": 1,
        "org_id": ORG_ID,
        "name": ORG_ID,
        **dict.fromkeys(nothing),
        "on_paid_plan": False,
        "members": [],
    }


# -- the project


@get(
    f"{_ORG}/projects",
    guards=[admin_only],
    tags=[PROJECT],
    summary="List projects",
    responses=answers(list[responses.Project], "The one project"),
)
async def hosted_projects(memory: Memory, org_id: OrgPath) -> Answers:
    """List the only project, with its settings."""
    return [_project(await memory.get_project())]


@get(
    _PROJECT,
    tags=[PROJECT],
    summary="Get the project's settings",
    responses=answers(responses.Project, "The settings", 422),
)
async def hosted_get_project(
    memory: Memory,
    org_id: OrgPath,
    project_id: ProjectPath,
    fields: Annotated[
        list[str] | None, Parameter(description="Return only these settings; repeat the parameter for several.")
    ] = None,
) -> Answer:
    """Get the settings that clients of mem0 store here."""
    project = _project(await memory.get_project())
    return project if fields is None else {name: project.get(name) for name in fields}


@patch(
    _PROJECT,
    tags=[PROJECT],
    summary="Change the project's settings",
    responses=answers(responses.ProjectUpdated, "The settings that are now in force", 422),
    operation_class=body({"custom_instructions": "Keep what concerns food"}),
)
async def hosted_update_project(
    request: AnyRequest, memory: Memory, org_id: OrgPath, project_id: ProjectPath, data: JSONBody[ProjectUpdate]
) -> Answer:
    """Store settings for clients of mem0. If the server has a language model, it follows the custom instructions and
    categories and the prompts for inclusion and exclusion; the answer then does not name them in `ignored`."""
    if memory.memory.has_model:
        unnote(request, *OF_PROJECT)
    settings = given_fields(data)
    if not settings:
        raise ClientException("At least one setting must be given, such as custom_instructions.")
    return {"message": "Project updated successfully.", **_project(await memory.update_project(settings))}


@get(
    f"{_PROJECT}/members",
    guards=[admin_only],
    tags=[PROJECT],
    summary="List the project's members",
    responses=answers(responses.Members, "Nobody"),
)
async def hosted_project_members(org_id: OrgPath, project_id: ProjectPath) -> Answer:
    """Return an empty list: there are no accounts, only the server's API keys."""
    return {"members": []}


def _project(settings: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {
        "id": PROJECT_ID,
        "project_id": PROJECT_ID,
        "description": None,
        "organization": ORG_ID,
        "members": [],
    }
    return {**named, **settings, "name": settings.get("name") or PROJECT_ID}


HANDLERS = (
    *(hosted_ping, hosted_organizations, hosted_organization, hosted_organization_members),
    *(hosted_projects, hosted_get_project, hosted_update_project, hosted_project_members),
)
