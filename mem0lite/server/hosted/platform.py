"""The hosted API beside memories and entities: what happened, feedback, exports, webhooks."""

from typing import Annotated, Any

from litestar import delete, get, post, put
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import JSONBody, Parameter

from ...values import argument_id
from ..examples import EXAMPLE_ID
from ..guards import SLASH_OR_NONE
from ..parameters import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    After,
    AgentId,
    AppId,
    Filters,
    RunId,
    SessionId,
    UserId,
    joined,
    read_object,
)
from ..routing import DONE, Answer, Answers, AnyRequest, Memory, Server, answers, body
from . import responses
from .memories import Page, PageSize
from .organization import ProjectPath
from .requests import ExportFilters, ExportQuery, ExportRequest, FeedbackRequest, WebhookCreate
from .requests import WebhookUpdate as WebhookChange
from .scopes import scope_in, scope_of, spelled
from .shapes import event, page_after, page_of

EVENTS, EXPORTS, WEBHOOKS = "hosted: events and feedback", "hosted: exports", "hosted: webhooks"


# -- events and feedback


@get(
    "/v1/event/{event_id:str}",
    tags=[EVENTS],
    summary="Get an event",
    responses=answers(responses.HostedEvent, "The event", 404),
)
async def hosted_event(
    memory: Memory, event_id: Annotated[str, Parameter(description="The event_id that an add answered.")]
) -> Answer:
    """Get one call of add and what became of its messages; it always succeeded, as nothing is done later."""
    found = await memory.event(event_id)
    if found is None:
        raise NotFoundException(f"Event with id {event_id} not found")
    return event(found)


NotSelected = Annotated[str | None, Parameter(description="Refused: events are listed newest first, page by page.")]


@get(
    "/v1/events",
    tags=[EVENTS],
    summary="List events",
    responses=answers(responses.HostedEvents, "One page of events", 422),
)
async def hosted_events(
    request: AnyRequest,
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    app_id: AppId = None,
    run_id: RunId = None,
    session_id: SessionId = None,
    event_type: Annotated[str | None, Parameter(description="`ADD`: other calls are not recorded.")] = None,
    start_date: NotSelected = None,
    end_date: NotSelected = None,
    page: Page = None,
    page_size: PageSize = None,
    after: After = None,
) -> Answer:
    """List the calls of add, newest first. Other calls are not recorded, and dates select none."""
    _refuse_selection(event_type, start_date=start_date, end_date=end_date)
    scope = scope_of(user_id, agent_id, app_id, run_id, session_id)
    page_size = min(page_size or DEFAULT_LIST_SIZE, MAX_LIST_SIZE)
    found = await memory.events(**scope, page=page, page_size=page_size, after=after)
    results = [event(one) for one in found["results"]]
    if after is not None:
        return page_after(request, results, found)
    shown = page_of(request, results, found["total"], page or 1, page_size)
    return {**shown, "next_cursor": found["next_cursor"]}


hosted_memory_events = get(
    "/v1/memories/events",
    operation_id="hosted_memory_events",
    tags=[EVENTS],
    summary="List events, at their older address",
    responses=answers(responses.HostedEvents, "One page of events", 422),
)(hosted_events.fn)


def _refuse_selection(event_type: str | None, **dates: str | None) -> None:
    if event_type is not None and event_type.upper() != "ADD":
        raise ClientException("Invalid event_type: only calls of add are recorded. Leave it out, or give ADD.")
    for name, value in dates.items():
        if value is not None:
            raise ClientException(f"Invalid {name}: events are not selected by date. Page through them, newest first.")


@post(
    "/v1/feedback",
    status_code=200,
    tags=[EVENTS],
    summary="Give feedback",
    responses=answers(responses.FeedbackResponse, "What was stored", 404, 422),
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
    responses=answers(responses.ExportMade, "The export", 422),
    operation_class=body({"schema": {"properties": {"memory": {}}}, "filters": {"user_id": "alice"}}),
)
async def hosted_create_export(memory: Memory, data: JSONBody[ExportRequest]) -> Answer:
    """Keep what to export: the fields of a JSON schema, of the memories that match the filters."""
    made = await memory.create_memory_export(data.schema, _export_filters(memory, data))
    return {**made, "status": "SUCCEEDED"}


@post(
    "/v1/exports/get",
    status_code=200,
    opt=SLASH_OR_NONE,
    tags=[EXPORTS],
    summary="Read an export",
    responses=answers(responses.Exported, "The memories", 404, 422),
    operation_class=body({"filters": {"user_id": "alice"}}),
)
async def hosted_get_export(memory: Memory, data: JSONBody[ExportQuery]) -> Answer:
    """Read the memories of an export as they are now, or those of a filter."""
    return await memory.get_memory_export(data.memory_export_id, _export_filters(memory, data))


@get(
    "/v1/exports",
    tags=[EXPORTS],
    summary="Read an export, by the address",
    responses=answers(responses.Exported, "The memories", 404, 422),
)
async def hosted_read_export(
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    app_id: AppId = None,
    run_id: RunId = None,
    session_id: SessionId = None,
    filters: Filters = None,
    memory_export_id: Annotated[str | None, Parameter(description="Id of the export.")] = None,
) -> Answer:
    """Read the memories of an export as they are now, or those of a filter."""
    wanted = ExportFilters(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        session_id=session_id,
        filters=read_object(filters, "filters"),
    )
    return await memory.get_memory_export(memory_export_id, _export_filters(memory, wanted))


def _export_filters(memory: Memory, data: ExportFilters) -> dict[str, Any] | None:
    ids = scope_in(data)
    if memory.user_id is None:  # a view refuses "*" itself, in filters too
        ids = {name: argument_id(value, name) for name, value in ids.items()}
    return joined(ids, spelled(data.filters or {})) or None


# -- webhooks


WebhookId = Annotated[str, Parameter(description="Id of the webhook.")]
_WEBHOOK = {"url": "https://hooks.example/memory", "name": "Memory logger", "event_types": ["memory_add"]}


@get(
    "/api/v1/webhooks/projects/{project_id:str}",
    tags=[WEBHOOKS],
    summary="List webhooks",
    responses=answers(list[responses.Webhook], "The webhooks"),
)
async def hosted_list_webhooks(memory: Memory, project_id: ProjectPath) -> Answers:
    """List where events are sent."""
    return await memory.get_webhooks()


@post(
    "/api/v1/webhooks/projects/{project_id:str}",
    status_code=200,
    tags=[WEBHOOKS],
    summary="Make a webhook",
    responses=answers(responses.Webhook, "The webhook", 422),
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
    responses=answers(responses.Webhook, "The webhook as it is now", 404, 422),
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


_BY_PROJECT, _BY_WEBHOOK = "/api/v1/webhooks/{project_id:str}/webhook", "/api/v1/webhooks/{webhook_id:str}/webhook"
_OTHER_ADDRESSES = (
    get(_BY_PROJECT, include_in_schema=False)(hosted_list_webhooks.fn),
    post(_BY_PROJECT, status_code=200, include_in_schema=False)(hosted_create_webhook.fn),
    put(_BY_WEBHOOK, include_in_schema=False)(hosted_update_webhook.fn),
    delete(_BY_WEBHOOK, status_code=200, include_in_schema=False)(hosted_delete_webhook.fn),
)
"""Where the examples of mem0's reference look for webhooks; its clients ask elsewhere."""

HANDLERS = (
    *(hosted_event, hosted_events, hosted_memory_events, hosted_feedback),
    *(hosted_create_export, hosted_get_export, hosted_read_export),
    *(hosted_list_webhooks, hosted_create_webhook, hosted_update_webhook, hosted_delete_webhook),
    *_OTHER_ADDRESSES,
)
