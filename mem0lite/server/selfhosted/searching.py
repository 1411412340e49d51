"""The self-hosted API's searches: for memories, and for what they say about entities."""

from typing import Annotated, Any, Literal

from litestar import Response, get, post
from litestar.params import JSONBody, Parameter

from ...data.parameters import instant
from ...memory import DEFAULT_GRAPH_LIMIT, MAX_GRAPH_DEPTH, MAX_GRAPH_LIMIT
from .. import responses
from ..ignored import NamingResponse
from ..parameters import (
    AgentId,
    AppId,
    AsOf,
    Filters,
    LatestOnly,
    RunId,
    ShowExpired,
    UserId,
    read_object,
)
from ..requests import ContextRequest, SearchRequest
from ..routing import (
    Answer,
    Memory,
    answers,
    body,
    or_text,
)
from .selecting import Categories, DomainTags, Lifespans, ProjectIds, either, filters_of


@post(
    "/search",
    status_code=200,
    tags=["search"],
    summary="Search memories",
    responses=answers(responses.SearchResponse, "The memories, best first", 422),
    operation_class=body({"query": "What can she not eat?", "filters": {"user_id": "alice"}, "top_k": 10}),
)
async def search_memories(memory: Memory, data: JSONBody[SearchRequest]) -> Answer:
    """Find the memories of a user, agent, run or app that best match a query, by meaning and words."""
    threshold: dict[str, Any] = {} if data.threshold is None else {"threshold": data.threshold}
    return await memory.search(
        data.query,
        filters=data.filters,
        user_id=data.user_id,
        agent_id=data.agent_id,
        run_id=data.run_id,
        app_id=data.app_id,
        top_k=data.top_k,
        limit=data.limit,
        rerank=data.rerank,
        explain=bool(data.explain),
        show_expired=bool(data.show_expired),
        latest_only=data.latest_only is not False,
        reference_date=data.reference_date,
        ranking=data.ranking,
        as_of=data.as_of,
        relevant_only=bool(data.relevant_only),
        kinds=data.kinds,
        **threshold,
    )


@post(
    "/context",
    status_code=200,
    tags=["search"],
    summary="Get a block of memories for a prompt",
    responses=answers(responses.ContextResponse, "The block, and what is in it", 422),
    operation_class=body({"query": "What can she not eat?", "user_id": "alice", "max_tokens": 500}),
)
async def get_context(memory: Memory, data: JSONBody[ContextRequest]) -> Answer:
    """Get the memories that best match a query as a text for a prompt: dated, with speakers, marked as quotations, and
    not longer than asked for."""
    length: dict[str, Any] = {} if data.max_tokens is None else {"max_tokens": data.max_tokens}
    return await memory.context(
        data.query,
        filters=data.filters,
        user_id=data.user_id,
        agent_id=data.agent_id,
        run_id=data.run_id,
        app_id=data.app_id,
        reference_date=data.reference_date,
        ranking=data.ranking,
        as_of=data.as_of,
        rerank=bool(data.rerank),
        latest_only=data.latest_only is not False,
        relevant_only=data.relevant_only is not False,
        kinds=data.kinds,
        **length,
    )


@get(
    "/graph",
    tags=["search"],
    summary="Get entities and their relations",
    responses=answers(responses.GraphResponse, "The graph", 422),
    operation_class=or_text("text/plain", "application/xml"),
)
async def get_graph(
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
    entity: Annotated[str | None, Parameter(description="Only entities near this one.")] = None,
    depth: Annotated[
        int, Parameter(ge=0, le=MAX_GRAPH_DEPTH, description="How many relations away from `entity`.")
    ] = 1,
    limit: Annotated[
        int, Parameter(ge=1, le=MAX_GRAPH_LIMIT, description="Maximum number of entities to return.")
    ] = DEFAULT_GRAPH_LIMIT,
    show_expired: ShowExpired = False,
    latest_only: LatestOnly = True,
    as_of: AsOf = None,
    format: Annotated[
        Literal["json", "mermaid", "graphml"],
        Parameter(description="JSON, or text: a Mermaid flowchart, or GraphML."),
    ] = "json",
) -> Response[Any]:
    """Get the entities that memories of graph categories name, and what the memories say about them. The memories are
    those that match all ids and filters, or all memories if there are none.
    """
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    found: Any = await memory.graph(
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
        entity=entity,
        depth=depth,
        limit=limit,
        show_expired=show_expired,
        latest_only=latest_only,
        as_of=instant(as_of),
        format=format,
    )
    return NamingResponse(found, media_type=_MEDIA_TYPES[format])


_MEDIA_TYPES = {
    "json": "application/json",
    "mermaid": "text/plain",
    "graphml": "application/xml",
}


HANDLERS = (search_memories, get_context, get_graph)
