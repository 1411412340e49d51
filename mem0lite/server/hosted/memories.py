"""The hosted API's memories: add, search, list, read, change and delete them."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

import msgspec
from litestar import Response, delete, get, post, put
from litestar.exceptions import ClientException
from litestar.params import JSONBody, Parameter
from msgspec import UNSET

from ... import types
from ...data.filters import ANY_SCOPE, SCOPE_IDS
from ...memory import DEFAULT_THRESHOLD, UpdateItem
from ..examples import EXAMPLE_ID
from ..ignored import NamingResponse, note, refuse_noted
from ..parameters import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    After,
    AgentId,
    AppId,
    Filters,
    MemoryId,
    RunId,
    SessionId,
    ShowExpired,
    UserId,
    any_value,
    read_object,
)
from ..responses import BatchUpdatedResponse
from ..routing import DONE, Answer, Answers, AnyRequest, Memory, answers, body, given
from . import responses
from .requests import AddRequest, BatchDelete, BatchUpdate, HostedList, HostedSearch, HostedUpdate
from .scopes import (
    STRINGIFIED,
    beside_ids,
    filters_of,
    metadata_of,
    moment_of,
    scope_in,
    scope_of,
    scope_to_add,
)
from .shapes import (
    LIST_FORMAT,
    as_list,
    embedded,
    found,
    item,
    items,
    known,
    not_reranked,
    outcomes,
    page_after,
    page_of,
    place_of,
    relations,
    skipped,
    with_fields,
)

DEFAULT_TOP_K = 10
MAX_BATCH = 1_000

MEMORIES, SEARCH = "hosted: memories", "hosted: search"

Page = Annotated[int | None, Parameter(ge=1, description="Number of the page, from 1.")]
PageSize = Annotated[
    int | None,
    Parameter(ge=1, description=f"Results per page, by default {DEFAULT_LIST_SIZE}; at most {MAX_LIST_SIZE} count."),
]
Limit = Annotated[int | None, Parameter(ge=1, description=f"Another name of page_size; at most {MAX_LIST_SIZE} count.")]
Format = Annotated[str | None, Parameter(description="`v1.1` answers an object, `v1.0` a list.")]


# -- add


_ADD = {"messages": [{"role": "user", "content": "I am allergic to peanuts"}], "user_id": "alice"}


@post(
    "/v3/memories/add",
    status_code=200,
    tags=[MEMORIES],
    summary="Store memories",
    responses=answers(responses.HostedAdded, "The outcome of each message", 422),
    operation_class=body(_ADD),
)
async def hosted_add(request: AnyRequest, memory: Memory, data: JSONBody[AddRequest]) -> Answer:
    """Store each message as a memory of a user, an agent, an app or a run: all of them or, on an error, none."""
    return await _add(request, memory, data)


@post(
    "/v1/memories",
    status_code=200,
    tags=[MEMORIES],
    summary="Store memories (v1)",
    responses=answers(list[responses.Outcome] | responses.HostedAdded, "The outcome of each message", 422),
    operation_class=body(_ADD),
)
async def hosted_add_v1(request: AnyRequest, memory: Memory, data: JSONBody[AddRequest]) -> Answer | Answers:
    """Store messages as clients before 2.x do: the answer is a bare list, with `output_format: "v1.1"` an object."""
    added = await _add(request, memory, data)
    if data.output_format == "v1.1":
        return added
    for part in added.get("skipped", ()):  # which a list has no place for
        note(request, place_of(part), part["reason"])
    outcomes: list[dict[str, Any]] = added["results"]
    return outcomes


async def _add(request: AnyRequest, memory: Memory, data: AddRequest) -> dict[str, Any]:
    for field in beside_ids(data.filters or {}):
        note(request, f"filters.{field}", "An add takes nothing from filters but ids that they ask for by equality.")
    added = await memory.add(
        msgspec.to_builtins(data.messages),
        **scope_to_add(data, data.filters),
        metadata=metadata_of(data),
        expiration_date=data.expiration_date,
        ttl=data.ttl,
        timestamp=moment_of(data),
        infer=data.infer is not False,
        memory_type=data.memory_type,
    )
    return {
        "message": "Memories stored.",
        "status": "SUCCEEDED",
        "event_id": added["event_id"],
        "results": outcomes(added),
        **relations(added),
        **skipped(added),
    }


# -- search and list


_SEARCH = {"query": "What can she not eat?", "filters": {"user_id": "alice"}, "top_k": 10}


@post(
    "/v3/memories/search",
    status_code=200,
    tags=[SEARCH],
    summary="Search memories",
    responses=answers(responses.HostedFound, "The memories, best first", 422),
    operation_class=body(_SEARCH),
)
async def hosted_search(memory: Memory, data: JSONBody[HostedSearch]) -> Answer:
    """Find the memories nearest to a query in meaning and words; an id is needed, in the filters or beside them."""
    return await _search(memory, data)


@post(
    ["/v2/memories/search", "/v1/memories/search"],
    status_code=200,
    tags=[SEARCH],
    summary="Search memories (v1, v2)",
    responses=answers(list[responses.HostedMemory] | responses.HostedFound, "The memories, best first", 422),
    operation_class=body(_SEARCH),
)
async def hosted_search_bare(request: AnyRequest, memory: Memory, data: JSONBody[HostedSearch]) -> Answer | Answers:
    """Find memories as clients before 2.x do: the answer is a bare list, with `output_format: "v1.1"` an object."""
    found = await _search(memory, data)
    if data.output_format == "v1.1":
        return found
    if "not_reranked" in found:  # which a list has no place for
        note(request, "rerank", found["not_reranked"])
    if (part := found.get("embedded")) is not None:
        note(request, "query", f"It is too long: {part['windows']} of its {part['of']} parts were asked for.")
    results: list[dict[str, Any]] = found["results"]
    return results


async def _search(memory: Memory, data: HostedSearch) -> dict[str, Any]:
    top_k = DEFAULT_TOP_K if data.top_k is None and data.limit is None else data.top_k
    found = await memory.search(
        data.query,
        filters=filters_of(data),
        **scope_in(data),
        top_k=top_k,
        limit=data.limit,
        threshold=DEFAULT_THRESHOLD if data.threshold is None else data.threshold,
        rerank=data.rerank,
        explain=bool(data.explain),
        show_expired=bool(data.show_expired),
        reference_date=data.reference_date,
        ranking=data.ranking,
    )
    return {
        "results": with_fields(items(found), data.fields),
        **relations(found),
        **not_reranked(found),
        **embedded(found),
    }


@post(
    "/v3/memories",
    status_code=200,
    tags=[MEMORIES],
    summary="List memories",
    responses=answers(responses.HostedPage, "One page, and how many memories match in all", 422),
    operation_class=body({"filters": {"user_id": "alice"}}),
)
async def hosted_list(
    request: AnyRequest,
    memory: Memory,
    data: JSONBody[HostedList],
    page: Page = None,
    page_size: PageSize = None,
    after: After = None,
) -> Answer:
    """List memories, newest first; an id is needed, in the filters or beside them. Repeat the request with `next` for
    the next page."""
    return await _list(request, memory, data, page, page_size, after)


@post(
    "/v2/memories",
    status_code=200,
    tags=[MEMORIES],
    summary="List memories (v2)",
    responses=answers(list[responses.HostedMemory] | responses.HostedPage, "The memories, or one page of them", 422),
    operation_class=body({"filters": {"user_id": "alice"}}),
)
async def hosted_list_v2(
    request: AnyRequest,
    memory: Memory,
    data: JSONBody[HostedList],
    page: Page = None,
    page_size: PageSize = None,
    after: After = None,
    output_format: Format = None,
) -> Response[Any]:
    """List memories as clients of 1.x do, newest first; an id is needed, in the filters or beside them. The answer is a
    bare list of at most 1000, whose headers have their number and the address of those that follow. With both `page`
    and `page_size`, with `after` or with `output_format: "v1.1"` it is an object, unless that says `v1.0`.
    """
    data.output_format = data.output_format or output_format
    return await _list_bare(request, memory, data, page, page_size, after)


@get(
    "/v1/memories",
    tags=[MEMORIES],
    summary="List memories (v1)",
    responses=answers(list[responses.HostedMemory] | responses.HostedPage, "The memories, or one page of them", 422),
)
async def hosted_list_v1(
    request: AnyRequest,
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    app_id: AppId = None,
    run_id: RunId = None,
    session_id: SessionId = None,
    filters: Filters = None,
    metadata: Annotated[str | None, Parameter(description="Metadata the memories have, written likewise.")] = None,
    categories: Annotated[
        list[str] | None,
        Parameter(description="Any of these in metadata.categories; repeated, or separated by commas."),
    ] = None,
    start_date: Annotated[str | None, Parameter(description="Created on or after this instant or day.")] = None,
    end_date: Annotated[str | None, Parameter(description="Created on or before this instant or day.")] = None,
    show_expired: ShowExpired = False,
    page: Page = None,
    page_size: PageSize = None,
    top_k: Limit = None,
    limit: Limit = None,
    after: After = None,
    keywords: Annotated[
        list[str] | None, Parameter(description="Memories whose text has this, or one of these, in any case; repeated.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        Parameter(description="Only these fields of each memory; repeated, or separated by commas."),
    ] = None,
    output_format: Format = None,
) -> Response[Any]:
    """List memories as clients before 1.0 do, newest first; an id is needed, in the filters or beside them. The answer
    is a list or an object, as that of `POST /v2/memories/` is.
    """
    data = HostedList(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        session_id=session_id,
        filters=_read(request, filters, "filters"),
        metadata=_read(request, metadata, "metadata"),
        categories=None if categories is None else any_value("categories", categories),
        start_date=start_date,
        end_date=end_date,
        show_expired=show_expired,
        top_k=top_k,
        limit=limit,
        keywords=keywords,
        fields=fields,
        output_format=output_format,
    )
    return await _list_bare(request, memory, data, page, page_size, after)


def _read(request: AnyRequest, text: str | None, name: str) -> dict[str, Any] | None:
    if text != STRINGIFIED:
        return read_object(text, name)
    note(request, name, f"The client wrote {STRINGIFIED} instead of what it was given. List by POST.")
    return None


async def _list_bare(
    request: AnyRequest, memory: Memory, data: HostedList, page: int | None, page_size: int | None, after: str | None
) -> Response[Any]:
    """Answer a list, in which clients have no place to read that there is more: so it is as long as one can be."""
    paged = after is not None or ((page or data.page) and (page_size or data.page_size))
    if data.output_format == "v1.1" or (paged and data.output_format != LIST_FORMAT):
        return NamingResponse(await _list(request, memory, data, page, page_size, after))
    return as_list(await _list(request, memory, data, page, page_size, after, most=MAX_LIST_SIZE))


async def _list(
    request: AnyRequest,
    memory: Memory,
    data: HostedList,
    page: int | None,
    page_size: int | None,
    after: str | None,
    most: int = DEFAULT_LIST_SIZE,
) -> dict[str, Any]:
    page = page or data.page
    page_size = page_size or data.page_size or data.top_k or data.limit or most
    page_size = min(page_size, MAX_LIST_SIZE)  # a limit is no promise to read all in one page: the links lead on
    matching = await memory.get_all(
        filters=filters_of(data),
        **scope_in(data),
        page=page,
        page_size=page_size,
        after=after,
        show_expired=bool(data.show_expired),
    )
    results = with_fields(items(matching), data.fields)
    if after is not None:
        return page_after(request, results, matching)
    shown = page_of(request, results, matching["total"], page or 1, page_size)
    return {**shown, "next_cursor": matching["next_cursor"]}


# -- one memory


@get(
    "/v1/memories/{memory_id:str}",
    tags=[MEMORIES],
    summary="Get a memory",
    responses=answers(responses.HostedMemory, "The memory", 404),
)
async def hosted_get(memory: Memory, memory_id: MemoryId) -> Answer:
    """Get one memory; 404 when the id is unknown or its memory expired, 400 when it is not even a UUID."""
    with known(memory_id):
        return item(found(await memory.get(memory_id), memory_id))


@put(
    "/v1/memories/{memory_id:str}",
    tags=[MEMORIES],
    summary="Change a memory",
    responses=answers(responses.HostedUpdated, "The memory as it is now", 404, 422),
    operation_class=body({"text": "I am allergic to nuts", "metadata": {"verified": True}}),
)
async def hosted_update(memory: Memory, memory_id: MemoryId, data: JSONBody[HostedUpdate]) -> Answer:
    """Change a memory's text, merge into its metadata, or set its dates (an expiration_date of null clears it)."""
    with known(memory_id):
        updated = await memory.update(memory_id, **given(data))
        return {**item(found(await memory.get(memory_id, show_expired=True), memory_id)), **embedded(updated)}


@delete(
    "/v1/memories/{memory_id:str}",
    status_code=200,
    tags=[MEMORIES],
    summary="Delete a memory",
    responses=answers(*DONE, 404),
)
async def hosted_delete(
    request: AnyRequest,
    memory: Memory,
    memory_id: MemoryId,
    delete_linked: Annotated[str | None, Parameter(description="Accepted: no memory is linked to another.")] = None,
) -> Answer:
    """Delete one memory; its history stays. `delete_linked` is accepted: no memory here replaces another one. Any
    other parameter is refused.
    """
    refuse_noted(request)
    with known(memory_id):
        return await memory.delete(memory_id)


@get(
    "/v1/memories/{memory_id:str}/history",
    tags=[MEMORIES],
    summary="Get a memory's history",
    responses=answers(list[types.HistoryItem], "The changes", 404),
)
async def hosted_history(memory: Memory, memory_id: MemoryId) -> Answers:
    """Get every change of a memory, oldest first, also after its deletion; of an unknown one 404 or 400, as above."""
    changes = await memory.history(memory_id)
    if not changes:
        with known(memory_id):
            found(await memory.get(memory_id), memory_id)
    return changes


# -- many memories


IGNORED = ("org_id", "project_id", "org_name", "project_name", "source")
"""What clients add to every request; the last one mem0's command line."""


@delete(
    "/v1/memories",
    status_code=200,
    tags=[MEMORIES],
    summary="Delete the memories of a user, agent, app or run",
    responses=answers(*DONE, 422),
)
async def hosted_delete_all(
    request: AnyRequest,
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    app_id: AppId = None,
    run_id: RunId = None,
    session_id: SessionId = None,
) -> Answer:
    """Delete every memory that has all the given ids; at least one is needed, and histories stay. `*` is any id, and
    four of them are every memory. A parameter that is not known is refused, so that no misspelt id deletes more.
    """
    refuse_unknown(request, *SCOPE_IDS, "session_id")
    scope = scope_of(user_id, agent_id, app_id, run_id, session_id)
    if not scope:
        raise ClientException("Nothing was deleted: at least one id is required. Give user_id, for example.")
    if len(scope) == len(SCOPE_IDS) and set(scope.values()) == {"*"}:
        return await memory.delete_all(filters=ANY_SCOPE)
    return await memory.delete_all(filters=scope)  # where "*" means any, as it does in this request


def refuse_unknown(request: AnyRequest, *names: str) -> None:
    """Refuse a deletion with query parameters that have no meaning, a misspelt id, or a part of one that was not
    encoded, or with a body, which it does not read."""
    for name in request.query_params:
        if name not in (*names, *IGNORED):
            cure = f"Give {', '.join(names)}." if names else "Encode the id."
            raise ClientException(f"Nothing was deleted: unknown parameter {name!r}. {cure}")
    refuse_noted(request)


@put(
    "/v1/batch",
    tags=[MEMORIES],
    summary="Change many memories",
    responses=answers(BatchUpdatedResponse, "Done", 404, 422),
    operation_class=body({"memories": [{"memory_id": EXAMPLE_ID, "text": "I am allergic to nuts"}]}),
)
async def hosted_batch_update(memory: Memory, data: JSONBody[BatchUpdate]) -> Answer:
    """Change 1 to 1000 memories: all of them or, on an error, none."""
    return await memory.update_many([cast("UpdateItem", given(one)) for one in _batch(data.memories)])


@delete(
    "/v1/batch",
    status_code=200,
    tags=[MEMORIES],
    summary="Delete many memories",
    responses=answers(*DONE, 404, 422),
    operation_class=body({"memories": [{"memory_id": EXAMPLE_ID}]}),
)
async def hosted_batch_delete(request: AnyRequest, memory: Memory, data: JSONBody[BatchDelete]) -> Answer:
    """Delete 1 to 1000 memories: all of them or, on an error, none. Their histories stay. Fields beside the list
    are refused, those of an entry are not.
    """
    refuse_noted(request)
    if (data.memories is UNSET) == (data.memory_ids is UNSET):
        raise ClientException("Give either memories or memory_ids. Nothing was done.")
    ids = data.memory_ids if data.memories is UNSET else [one.memory_id for one in data.memories]
    return await memory.delete_many([*_batch(cast("list[str]", ids))])


def _batch(memories: Sequence[Any]) -> Sequence[Any]:
    if not 1 <= len(memories) <= MAX_BATCH:
        raise ClientException(f"Invalid memories: {len(memories)} entries, give 1 to {MAX_BATCH}. Nothing was done.")
    return memories


HANDLERS = (
    *(hosted_add, hosted_add_v1, hosted_search, hosted_search_bare, hosted_list, hosted_list_v2, hosted_list_v1),
    *(hosted_get, hosted_update, hosted_delete, hosted_history),
    *(hosted_delete_all, hosted_batch_update, hosted_batch_delete),
)
