"""The self-hosted API's memories: add, list, read, change and delete them."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.exceptions import ClientException
from litestar.params import JSONBody, Parameter

from ... import types
from ...data.filters import SCOPE_IDS
from ...data.parameters import instant
from .. import responses
from ..ignored import refuse_noted
from ..parameters import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    After,
    AgentId,
    AppId,
    AsOf,
    DeleteLinked,
    Filters,
    Kinds,
    LatestOnly,
    MemoryId,
    RunId,
    ShowExpired,
    UserId,
    read_object,
)
from ..requests import MemoryCreate, MemoryUpdate
from ..routing import (
    DONE,
    Answer,
    Answers,
    AnyRequest,
    Memory,
    answers,
    body,
    exact_scope,
    given,
)
from ..wishes import WISHES, wishes_of
from .selecting import Categories, DomainTags, Lifespans, ProjectIds, either, filters_of, refuse_unknown


@post(
    "/memories",
    status_code=200,
    tags=["memories"],
    summary="Store memories",
    responses=answers(responses.AddResponse, "The outcome of each message", 404, 422),
    operation_class=body(
        {
            "messages": [{"role": "user", "content": "I am allergic to peanuts"}],
            "user_id": "alice",
            "metadata": {"domain_tags": ["food"]},
        }
    ),
)
async def add_memories(request: AnyRequest, memory: Memory, data: JSONBody[MemoryCreate]) -> Answer:
    """Store each message as a memory of a user, an agent, a run or an app. On an error, none is stored."""
    fields = msgspec.structs.asdict(data)
    if memory.user_id is None and all(fields[name] is None for name in SCOPE_IDS):
        raise ClientException("At least one identifier (user_id, agent_id, run_id, app_id) is required.")
    fields["messages"] = msgspec.to_builtins(data.messages)
    fields["infer"] = data.infer is not False
    wishes = wishes_of(request, memory, data)
    added = await memory.add(**{name: one for name, one in fields.items() if name not in WISHES}, **wishes)
    shown = ["results", "relations", "skipped"]
    if "extraction" in added:  # then there is something to wait for
        shown += ["extraction", "event_id"]
    return {name: value for name, value in added.items() if name in shown}


@get(
    "/memories",
    tags=["memories"],
    summary="List memories",
    responses=answers(responses.MemoryPage, "One page, and how many memories match in all", 422),
)
async def list_memories(
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    run_id: RunId = None,
    app_id: AppId = None,
    project_id: ProjectIds = None,
    memory_lifespan: Lifespans = None,
    memory_category: Categories = None,
    domain_tag: DomainTags = None,
    domain_tags: DomainTags = None,
    filters: Filters = None,
    top_k: Annotated[
        int, Parameter(ge=0, le=MAX_LIST_SIZE, description="Maximum number of results to return.")
    ] = DEFAULT_LIST_SIZE,
    offset: Annotated[int, Parameter(ge=0, description="How many results to skip.")] = 0,
    page: Annotated[
        int | None, Parameter(ge=1, description="Number of the page, from 1, in place of `offset`.")
    ] = None,
    page_size: Annotated[
        int | None, Parameter(ge=1, le=MAX_LIST_SIZE, description="Results per page, in place of `top_k`.")
    ] = None,
    after: After = None,
    show_expired: ShowExpired = False,
    latest_only: LatestOnly = True,
    as_of: AsOf = None,
    kinds: Kinds = None,
    relations: Annotated[
        bool, Parameter(description="Add what memories of graph categories say about entities.")
    ] = False,
) -> Answer:
    """List memories, newest first: those that match all ids and filters, or all memories if there are none."""
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    return await memory.get_all(
        filters=filters_of(
            memory,
            ids,
            read_object(filters, "filters"),
            project_id=project_id,
            memory_lifespan=memory_lifespan,
            memory_category=memory_category,
            domain_tags=either(domain_tag, domain_tags),
        ),
        **ids,
        top_k=top_k,
        offset=offset or None,  # the library refuses it beside a page
        page=page,
        page_size=page_size,
        after=after,
        show_expired=show_expired,
        latest_only=latest_only,
        as_of=instant(as_of),
        kinds=kinds,
        relations=relations,
    )


@delete(
    "/memories",
    status_code=200,
    tags=["memories"],
    summary="Delete the memories of a user, agent, run or app",
    responses=answers(*DONE, 422),
)
async def delete_memories(
    request: AnyRequest,
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    run_id: RunId = None,
    app_id: AppId = None,
) -> Answer:
    """Delete every memory that has all the given ids. At least one id is required; histories are kept. Any other
    parameter is refused, so that a misspelt id does not delete more.
    """
    refuse_unknown(request.query_params)
    refuse_noted(request)
    scope = exact_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    if not scope:
        raise ClientException(
            f"At least one identifier is required. Give {', '.join(SCOPE_IDS)} in the query, such as ?user_id=alice."
        )
    await memory.delete_all(**scope)
    return {"message": "All relevant memories deleted"}


@get(
    "/memories/{memory_id:str}",
    tags=["memories"],
    summary="Get a memory",
    responses=answers(responses.MemoryResponse | None, "The memory, or null", 422),
)
async def get_memory(memory: Memory, memory_id: MemoryId, as_of: AsOf = None) -> Answer | None:
    """Get one memory, or null if no memory has the id or the memory has expired."""
    return await memory.get(memory_id, as_of=instant(as_of))


@put(
    "/memories/{memory_id:str}",
    tags=["memories"],
    summary="Change a memory",
    responses=answers(responses.UpdatedResponse, "Done", 404, 422),
    operation_class=body({"text": "I am allergic to nuts", "metadata": {"verified": True}}),
)
async def update_memory(memory: Memory, memory_id: MemoryId, data: JSONBody[MemoryUpdate]) -> Answer:
    """Change a memory's text, merge into its metadata, or set its dates (an expiration_date of null clears it)."""
    return await memory.update(memory_id, **given(data))


@delete(
    "/memories/{memory_id:str}",
    status_code=200,
    tags=["memories"],
    summary="Delete a memory",
    responses=answers(*DONE, 404, 422),
)
async def delete_memory(
    request: AnyRequest, memory: Memory, memory_id: MemoryId, delete_linked: DeleteLinked = False
) -> Answer:
    """Delete one memory; its history is kept. Unknown parameters are refused."""
    refuse_noted(request)
    await memory.delete(memory_id, delete_linked=delete_linked)
    return {"message": "Memory deleted successfully"}


@get(
    "/memories/{memory_id:str}/history",
    tags=["memories"],
    summary="Get a memory's history",
    responses=answers(list[types.HistoryItem], "The changes"),
)
async def get_history(memory: Memory, memory_id: MemoryId) -> Answers:
    """Get every change of a memory, oldest first. An unknown memory has none."""
    return await memory.history(memory_id)


HANDLERS = (add_memories, list_memories, delete_memories, get_memory, update_memory, delete_memory, get_history)
