"""The hosted API beside memories: who is there, what happened, exports, settings of the project, webhooks."""

from typing import Annotated, Any, Literal

from litestar import delete, get, patch, post, put
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import JSONBody, Parameter

from ...values import argument_id
from ..routing import (
    DEFAULT_LIST_SIZE,
    DONE,
    MAX_LIST_SIZE,
    After,
    Answer,
    Answers,
    AnyRequest,
    Memory,
    Server,
    answers,
    body,
    exact_scope,
)
from ..routing import given as given_fields
from ..schemas import EXAMPLE_ID
from . import schemas
from .memories import AgentId, AppId, Page, PageSize, RunId, SessionId, UserId, refuse_unknown
from .schemas import ExportFilters, ExportQuery, ExportRequest, FeedbackRequest, ProjectUpdate, WebhookCreate
from .schemas import WebhookUpdate as WebhookChange
from .scopes import joined, scope_in, scope_of, spelled
from .shapes import ORG_ID, PROJECT_ID, entity, event, page_after, page_of
from .unavailable import NeedsModelError

ENTITIES, EVENTS, EXPORTS = "hosted: entities", "hosted: events and feedback", "hosted: exports"
PROJECT, WEBHOOKS = "hosted: project", "hosted: webhooks"


@get("/v1/ping", tags=[PROJECT], summary="Check the API key", responses=answers(schemas.Ping, "The server is there"))
async def hosted_ping(memory: Memory) -> Answer:
    """Answer what clients ask before anything else: that the key is accepted, and the names of its project."""
    return {
        "status": "ok",
        "message": "The API key is accepted.",
        "org_id": ORG_ID,
        "project_id": PROJECT_ID,
        "user_email": None,
    }


# -- entities


@get(
    "/v1/entities",
    tags=[ENTITIES],
    summary="List users, agents, runs and apps",
    responses=answers(schemas.EntityPage, "The entities that have memories", 422),
)
async def hosted_entities(
    request: AnyRequest,
    memory: Memory,
    page: Page = None,
    page_size: Annotated[
        int | None, Parameter(ge=1, description="Results per page, at most 1000; without a page, all are listed.")
    ] = None,
) -> Answer:
    """List every user, agent, run and app that has memories; all of them unless a page is asked for, because clients
    that delete them all read one answer only.
    """
    all_of_them = [entity(one) for one in await memory.entities()]
    size = min(page_size, MAX_LIST_SIZE) if page_size else DEFAULT_LIST_SIZE if page else max(1, len(all_of_them))
    start = ((page or 1) - 1) * size
    return page_of(request, all_of_them[start : start + size], len(all_of_them), page or 1, size)


_ENTITY_PATHS = ["/v2/entities/{entity_type:str}/{entity_id:path}", "/v1/entities/{entity_type:str}/{entity_id:path}"]
EntityType = Annotated[Literal["user", "agent", "run", "app"], Parameter(description="What it is.")]
EntityId = Annotated[str, Parameter(description="Its id, in which a slash may be encoded or not.")]


@get(
    _ENTITY_PATHS,
    tags=[ENTITIES],
    summary="Get a user, agent, run or app",
    responses=answers(schemas.HostedEntity, "The entity", 404, 422),
)
async def hosted_get_entity(memory: Memory, entity_type: EntityType, entity_id: EntityId) -> Answer:
    """Get one user, agent, run or app; 404 when it has no memories. Its `profile/` answers 501."""
    name = entity_id.removeprefix("/")
    for one in await memory.entities():
        if (one["type"], one["id"]) == (entity_type, name):
            return entity(one)
    if name.endswith("/profile"):
        raise NeedsModelError("Profiles")
    raise NotFoundException(f"No {entity_type} with id {name} has memories")


@delete(
    _ENTITY_PATHS,
    status_code=200,
    tags=[ENTITIES],
    summary="Delete a user, agent, run or app",
    responses=answers(*DONE, 422),
)
async def hosted_delete_entity(
    request: AnyRequest, memory: Memory, entity_type: EntityType, entity_id: EntityId
) -> Answer:
    """Delete every memory of one user, agent, run or app; histories stay. One that has no memories is no error."""
    refuse_unknown(request)
    await memory.delete_all(**exact_scope(**{f"{entity_type}_id": entity_id.removeprefix("/")}))
    return {"message": "Entity deleted successfully."}


# -- events and feedback


@get(
    "/v1/event/{event_id:str}",
    tags=[EVENTS],
    summary="Get an event",
    responses=answers(schemas.HostedEvent, "The event", 404),
)
async def hosted_event(
    memory: Memory, event_id: Annotated[str, Parameter(description="The event_id that an add answered.")]
) -> Answer:
    """Get one call of add and what became of its messages; it always succeeded, as nothing is done later."""
    found = await memory.event(event_id)
    if found is None:
        raise NotFoundException(f"Event with id {event_id} not found")
    return event(found)


@get(
    "/v1/events",
    tags=[EVENTS],
    summary="List events",
    responses=answers(schemas.HostedEvents, "One page of events", 422),
)
async def hosted_events(
    request: AnyRequest,
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    app_id: AppId = None,
    run_id: RunId = None,
    session_id: SessionId = None,
    page: Page = None,
    page_size: PageSize = None,
    after: After = None,
) -> Answer:
    """List the calls of add, newest first."""
    scope = scope_of(user_id, agent_id, app_id, run_id, session_id)
    page_size = min(page_size or DEFAULT_LIST_SIZE, MAX_LIST_SIZE)
    found = await memory.events(**scope, page=page, page_size=page_size, after=after)
    results = [event(one) for one in found["results"]]
    if after is not None:
        return page_after(request, results, found)
    shown = page_of(request, results, found["total"], page or 1, page_size)
    return {**shown, "next_cursor": found["next_cursor"]}


@post(
    "/v1/feedback",
    status_code=200,
    tags=[EVENTS],
    summary="Give feedback",
    responses=answers(schemas.FeedbackResponse, "What was stored", 404, 422),
    operation_class=body({"memory_id": EXAMPLE_ID, "feedback": "POSITIVE", "feedback_reason": "still true"}),
)
async def hosted_feedback(memory: Memory, data: JSONBody[FeedbackRequest]) -> Answer:
    """Say how good a memory is. It is shown with the memory, and can be filtered by."""
    stored = await memory.feedback(data.memory_id, data.feedback, data.feedback_reason)
    return {"message": "Feedback stored.", **stored}


# -- exports


@post(
    "/v1/exports",
    status_code=200,
    tags=[EXPORTS],
    summary="Make an export",
    responses=answers(schemas.ExportMade, "The export", 422),
    operation_class=body({"schema": {"properties": {"memory": {}}}, "filters": {"user_id": "alice"}}),
)
async def hosted_create_export(memory: Memory, data: JSONBody[ExportRequest]) -> Answer:
    """Keep what to export: the fields of a JSON schema, of the memories that match the filters."""
    made = await memory.create_memory_export(data.schema, _export_filters(memory, data))
    return {**made, "status": "SUCCEEDED"}


@post(
    "/v1/exports/get",
    status_code=200,
    tags=[EXPORTS],
    summary="Read an export",
    responses=answers(schemas.Exported, "The memories", 404, 422),
    operation_class=body({"filters": {"user_id": "alice"}}),
)
async def hosted_get_export(memory: Memory, data: JSONBody[ExportQuery]) -> Answer:
    """Read the memories of an export as they are now, or those of a filter."""
    return await memory.get_memory_export(data.memory_export_id, _export_filters(memory, data))


def _export_filters(memory: Memory, data: ExportFilters) -> dict[str, Any] | None:
    ids = scope_in(data)
    if memory.user_id is None:  # a view refuses "*" itself, in filters too
        ids = {name: argument_id(value, name) for name, value in ids.items()}
    return joined(ids, spelled(data.filters or {})) or None


# -- the project


ProjectPath = Annotated[str, Parameter(description="Any name: there is one project.")]
OrgPath = Annotated[str, Parameter(description="Any name: there is one organization.")]
_PROJECT_PATH = "/api/v1/orgs/organizations/{org_id:str}/projects/{project_id:str}"


@get(
    _PROJECT_PATH,
    tags=[PROJECT],
    summary="Get the project's settings",
    responses=answers(schemas.Project, "The settings", 422),
)
async def hosted_get_project(
    memory: Memory,
    org_id: OrgPath,
    project_id: ProjectPath,
    fields: Annotated[list[str] | None, Parameter(description="These settings only; repeated.")] = None,
) -> Answer:
    """Get the settings that clients of mem0 keep here."""
    project = _project(await memory.get_project())
    return project if fields is None else {name: project.get(name) for name in fields}


@patch(
    _PROJECT_PATH,
    tags=[PROJECT],
    summary="Change the project's settings",
    responses=answers(schemas.ProjectUpdated, "The settings that now hold", 422),
    operation_class=body({"custom_instructions": "Keep what concerns food"}),
)
async def hosted_update_project(
    memory: Memory, org_id: OrgPath, project_id: ProjectPath, data: JSONBody[ProjectUpdate]
) -> Answer:
    """Keep settings for clients of mem0; no language model follows them."""
    settings = given_fields(data)
    if not settings:
        raise ClientException("At least one setting must be given, such as custom_instructions.")
    return {"message": "Project updated successfully.", **_project(await memory.update_project(settings))}


def _project(settings: dict[str, Any]) -> dict[str, Any]:
    return {"id": PROJECT_ID, "name": PROJECT_ID, "organization": ORG_ID, **settings}


# -- webhooks


WebhookId = Annotated[str, Parameter(description="Id of the webhook.")]
_WEBHOOK = {"url": "https://hooks.example/memory", "name": "Memory logger", "event_types": ["memory_add"]}


@get(
    "/api/v1/webhooks/projects/{project_id:str}",
    tags=[WEBHOOKS],
    summary="List webhooks",
    responses=answers(list[schemas.Webhook], "The webhooks"),
)
async def hosted_list_webhooks(memory: Memory, project_id: ProjectPath) -> Answers:
    """List where events are sent."""
    return await memory.get_webhooks()


@post(
    "/api/v1/webhooks/projects/{project_id:str}",
    status_code=200,
    tags=[WEBHOOKS],
    summary="Make a webhook",
    responses=answers(schemas.Webhook, "The webhook", 422),
    operation_class=body(_WEBHOOK),
)
async def hosted_create_webhook(
    memory: Memory, server: Server, project_id: ProjectPath, data: JSONBody[WebhookCreate]
) -> Answer:
    """Send events to an address from now on."""
    return await memory.create_webhook(
        data.url,
        name=data.name,
        event_types=_event_types(data),
        is_active=data.is_active is not False,
        secret=data.secret,
        allow_private=server.settings.webhook_allow_private,
    )


@put(
    "/api/v1/webhooks/{webhook_id:str}",
    tags=[WEBHOOKS],
    summary="Change a webhook",
    responses=answers(schemas.Webhook, "The webhook as it is now", 404, 422),
    operation_class=body(_WEBHOOK),
)
async def hosted_update_webhook(
    memory: Memory, server: Server, webhook_id: WebhookId, data: JSONBody[WebhookChange]
) -> Answer:
    """Change where events are sent, or which."""
    changed = await memory.update_webhook(
        webhook_id,
        name=data.name,
        url=data.url,
        event_types=_event_types(data),
        is_active=data.is_active,
        allow_private=server.settings.webhook_allow_private,
    )
    return {**changed, "message": "Webhook updated successfully."}


@delete(
    "/api/v1/webhooks/{webhook_id:str}",
    status_code=200,
    tags=[WEBHOOKS],
    summary="Delete a webhook",
    responses=answers(*DONE, 404),
)
async def hosted_delete_webhook(memory: Memory, webhook_id: WebhookId) -> Answer:
    """Send no more events to an address."""
    await memory.delete_webhook(webhook_id)
    return {"message": "Webhook deleted successfully."}


def _event_types(data: WebhookChange) -> list[str] | None:
    return data.event_types if data.event_types is not None else data.eventTypes


HANDLERS = (
    *(
        hosted_ping,
        hosted_entities,
        hosted_get_entity,
        hosted_delete_entity,
        hosted_event,
        hosted_events,
        hosted_feedback,
    ),
    *(hosted_create_export, hosted_get_export, hosted_get_project, hosted_update_project),
    *(hosted_list_webhooks, hosted_create_webhook, hosted_update_webhook, hosted_delete_webhook),
)
