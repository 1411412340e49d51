"""The hosted API's ways to find memories: searches and lists, of three versions."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import JSONBody, Parameter

from ...data.parameters import instant
from ...memory import DEFAULT_THRESHOLD
from ..ignored import NamingResponse, note
from ..parameters import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    After,
    AgentId,
    AppId,
    AsOf,
    Filters,
    Kinds,
    LatestOnly,
    RunId,
    SessionId,
    ShowExpired,
    UserId,
    any_value,
    read_object,
)
from ..routing import Answer, Answers, AnyRequest, Memory, answers, body
from . import responses
from .memories import MEMORIES
from .paging import LIST_FORMAT, Format, Limit, Page, PageSize, as_list, page_after, page_of
from .requests import HostedList, HostedSearch
from .scopes import (
    STRINGIFIED,
    filters_of,
    scope_in,
)
from .shapes import (
    embedded,
    items,
    not_reranked,
    relations,
    with_fields,
)

DEFAULT_TOP_K = 10

SEARCH = "hosted: search"


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
    """Find the memories that best match a query, by meaning and words. An id is required, in the filters or beside
    them."""
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
    """Find memories, for clients before 2.x: the answer is a list or, with `output_format: "v1.1"`, an object."""
    found = await _search(memory, data)
    if data.output_format == "v1.1":
        return found
    if "not_reranked" in found:  # a list has no field for it
        note(request, "rerank", found["not_reranked"])
    if (part := found.get("embedded")) is not None:
        note(request, "query", f"It is too long: {part['windows']} of its {part['of']} parts were searched for.")
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
        latest_only=data.latest_only is not False,
        reference_date=data.reference_date,
        ranking=data.ranking,
        as_of=data.as_of,
        relevant_only=bool(data.relevant_only),
        kinds=data.kinds,
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
    """List memories, newest first. An id is required, in the filters or beside them. For the next page, repeat the
    request at the address in `next`."""
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
    """List memories, newest first, for clients 1.x. An id is required, in the filters or beside them. The answer is a
    list of at most 1000 memories; headers have the total (`X-Total-Count`) and the address of the next ones (`Link`).
    With both `page` and `page_size`, with `after`, or with `output_format: "v1.1"`, the answer is an object, unless
    `output_format` is `v1.0`.
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
    metadata: Annotated[
        str | None,
        Parameter(description="Metadata that the memories have: a JSON object, or a dictionary as Python prints it."),
    ] = None,
    categories: Annotated[
        list[str] | None,
        Parameter(
            description="Only memories with any of these in metadata.categories: repeated, or separated by commas."
        ),
    ] = None,
    start_date: Annotated[
        str | None, Parameter(description="Only memories created on or after this time or day.")
    ] = None,
    end_date: Annotated[
        str | None, Parameter(description="Only memories created on or before this time or day.")
    ] = None,
    show_expired: ShowExpired = False,
    latest_only: LatestOnly = True,
    as_of: AsOf = None,
    kinds: Kinds = None,
    page: Page = None,
    page_size: PageSize = None,
    top_k: Limit = None,
    limit: Limit = None,
    after: After = None,
    keywords: Annotated[
        list[str] | None,
        Parameter(
            description="Only memories whose text contains this, or any of these (repeated), in upper or lower case."
        ),
    ] = None,
    fields: Annotated[
        list[str] | None,
        Parameter(description="Return only these fields of each memory: repeated, or separated by commas."),
    ] = None,
    output_format: Format = None,
) -> Response[Any]:
    """List memories, newest first, for clients before 1.0. An id is required, in the filters or beside them. The answer
    is a list or an object, as with `POST /v2/memories/`.
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
        latest_only=latest_only,
        as_of=instant(as_of),
        kinds=kinds,
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
    """Answer with a list. It is as long as a list may be, because its clients do not see that there is more."""
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
    page_size = min(page_size, MAX_LIST_SIZE)  # larger values are cut, not refused: the links lead to the rest
    matching = await memory.get_all(
        filters=filters_of(data),
        **scope_in(data),
        page=page,
        page_size=page_size,
        after=after,
        show_expired=bool(data.show_expired),
        latest_only=data.latest_only is not False,
        as_of=data.as_of,
        kinds=data.kinds,
    )
    results = with_fields(items(matching), data.fields)
    if after is not None:
        return page_after(request, results, matching)
    shown = page_of(request, results, matching["total"], page or 1, page_size)
    return {**shown, "next_cursor": matching["next_cursor"]}


HANDLERS = (
    *(hosted_search, hosted_search_bare),
    *(hosted_list, hosted_list_v2, hosted_list_v1),
)
