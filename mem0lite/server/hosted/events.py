"""The hosted API's events, one for each add, and feedback on memories."""

from typing import Annotated

from litestar import get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import JSONBody, Parameter

from ..examples import EXAMPLE_ID
from ..parameters import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    After,
    AgentId,
    AppId,
    RunId,
    SessionId,
    UserId,
)
from ..routing import Answer, AnyRequest, Memory, answers, body
from . import responses
from .paging import Page, PageSize, page_after, page_of
from .requests import FeedbackRequest
from .scopes import scope_of
from .shapes import event

EVENTS = "hosted: events and feedback"


@get(
    "/v1/event/{event_id:str}",
    tags=[EVENTS],
    summary="Get an event",
    responses=answers(responses.HostedEvent, "The event", 404),
)
async def hosted_event(
    memory: Memory, event_id: Annotated[str, Parameter(description="The `event_id` that an add returned.")]
) -> Answer:
    """Get one call of add and what happened to its messages, which are stored in any case. PENDING: a language model is
    still to draw facts from them. FAILED: that was given up, and `problem` says why."""
    found = await memory.event(event_id)
    if found is None:
        raise NotFoundException(f"Event with id {event_id} not found")
    return event(found)


NotSelected = Annotated[str | None, Parameter(description="Refused: events cannot be selected by date.")]


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
    event_type: Annotated[
        str | None,
        Parameter(description="`ADD`, or `UPDATE` for edited messages whose facts are drawn again. Default: both."),
    ] = None,
    start_date: NotSelected = None,
    end_date: NotSelected = None,
    page: Page = None,
    page_size: PageSize = None,
    after: After = None,
) -> Answer:
    """List the calls of add, and the edits whose facts are drawn again, newest first. Other calls are not recorded, and
    events cannot be selected by date."""
    _refuse_selection(start_date=start_date, end_date=end_date)
    scope = scope_of(user_id, agent_id, app_id, run_id, session_id)
    page_size = min(page_size or DEFAULT_LIST_SIZE, MAX_LIST_SIZE)
    found = await memory.events(**scope, page=page, page_size=page_size, after=after, event_type=event_type)
    results = [event(one) for one in found["results"]]
    if after is not None:
        return page_after(request, results, found)
    shown = page_of(request, results, found["total"], page or 1, page_size)
    return {**shown, "next_cursor": found["next_cursor"]}


hosted_memory_events = get(
    "/v1/memories/events",
    operation_id="hosted_memory_events",
    tags=[EVENTS],
    summary="List events (older address)",
    responses=answers(responses.HostedEvents, "One page of events", 422),
)(hosted_events.fn)


def _refuse_selection(**dates: str | None) -> None:
    for name, value in dates.items():
        if value is not None:
            raise ClientException(
                f"Invalid {name}: events cannot be selected by date. Page through them, newest first."
            )


@post(
    "/v1/feedback",
    status_code=200,
    tags=[EVENTS],
    summary="Give feedback",
    responses=answers(responses.FeedbackResponse, "What was stored", 404, 422),
    operation_class=body({"memory_id": EXAMPLE_ID, "feedback": "POSITIVE", "feedback_reason": "still true"}),
)
async def hosted_feedback(memory: Memory, data: JSONBody[FeedbackRequest]) -> Answer:
    """Rate a memory. The rating is shown with the memory, and filters can use it."""
    stored = await memory.feedback(data.memory_id, data.feedback, data.feedback_reason)
    return {"message": "Feedback stored.", **stored}


HANDLERS = (hosted_event, hosted_events, hosted_memory_events, hosted_feedback)
