"""The self-hosted API's view of the store: counts and sizes, calls of add, changes, and whether everything agrees."""

from pathlib import Path
from typing import Annotated, Any

from litestar import get
from litestar.params import Parameter

from .. import responses
from ..auth import admin_only
from ..parameters import DEFAULT_LIST_SIZE, MAX_LIST_SIZE, After, AgentId, AppId, RunId, UserId
from ..routing import Answer, Memory, answers

Size = Annotated[int, Parameter(ge=0, le=MAX_LIST_SIZE, description="Maximum number of results to return.")]


@get(
    "/stats",
    tags=["server"],
    summary="Get counts and sizes",
    guards=[admin_only],
    responses=answers(responses.StatsResponse, "Counts, sizes and the embedding model"),
)
async def get_stats(memory: Memory) -> Answer:
    """Get how much is stored, and with which model. The path is the name of the file, without its folder."""
    found = await memory.stats()
    return {**found, "path": Path(found["path"]).name}


@get(
    "/usage",
    tags=["server"],
    summary="Get what a user keeps",
    responses=answers(responses.UsageResponse, "Numbers of memories and bytes, and their limits"),
)
async def get_usage(memory: Memory, user_id: UserId = None) -> Answer:
    """Get how many live memories a user keeps, of how many bytes, and how many the quotas allow; null is any number.

    A key of one user need not name that user."""
    return await memory.usage(user_id)


@get(
    "/check",
    tags=["server"],
    summary="Check the store",
    guards=[admin_only],
    responses=answers(responses.CheckResponse, "What was found"),
)
async def check(memory: Memory) -> Answer:
    """Check that everything in the file agrees. This reads the whole file, and repairs nothing."""
    return await memory.check()


@get(
    "/events",
    tags=["server"],
    summary="List the calls of add",
    responses=answers(responses.EventsResponse, "One page of events", 422),
)
async def list_events(
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    run_id: RunId = None,
    app_id: AppId = None,
    top_k: Size = DEFAULT_LIST_SIZE,
    after: After = None,
    event_type: Annotated[
        str | None,
        Parameter(description="`ADD`, or `UPDATE` for edited messages whose facts are drawn again. Default: both."),
    ] = None,
) -> Answer:
    """List the calls of add, and the edits whose facts are drawn again, newest first, with what became of each
    message."""
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    return await memory.events(**ids, top_k=top_k, after=after, event_type=event_type)


@get(
    "/changes",
    tags=["server"],
    summary="Follow the changes",
    responses=answers(responses.ChangesResponse, "The changes after a number", 422),
)
async def list_changes(
    memory: Memory,
    after: Annotated[int, Parameter(ge=0, description="The `sequence` of the last change that is known.")] = 0,
    limit: Size = DEFAULT_LIST_SIZE,
) -> Answer:
    """List what was added, updated and deleted, oldest first. To follow the store, ask again with the last
    `sequence`."""
    return await memory.changes(after=after, limit=limit)


HANDLERS = (get_stats, get_usage, check, list_events, list_changes)
