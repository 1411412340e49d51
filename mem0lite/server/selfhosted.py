"""mem0's self-hosted REST API: bare paths without a trailing slash."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router, delete, get, post, put
from litestar.exceptions import ClientException
from litestar.params import JSONBody, Parameter

from .. import types
from ..data.filters import ANY_SCOPE, SCOPE_IDS
from ..errors import ValidationError
from ..memory import DEFAULT_GRAPH_LIMIT, MAX_GRAPH_DEPTH, MAX_GRAPH_LIMIT
from . import responses
from .auth import admin_only
from .backend import Backend
from .bodies import JsonBody
from .guards import exact_path
from .ignored import NamingResponse, note_parameters, refuse_noted
from .parameters import (
    DEFAULT_LIST_SIZE,
    MAX_LIST_SIZE,
    After,
    AgentId,
    AppId,
    Filters,
    MemoryId,
    RunId,
    ShowExpired,
    UserId,
    any_value,
    joined,
    no_misspelt_id,
    one_of_each_id,
    read_object,
)
from .requests import ConfigurationUpdate, ErasedScope, MemoryCreate, MemoryUpdate, ResetScope, SearchRequest
from .routing import (
    DONE,
    Answer,
    Answers,
    AnyRequest,
    Memory,
    Server,
    answers,
    body,
    dependencies,
    exact_scope,
    given,
    or_text,
)


def _any_of(what: str) -> Any:
    return Parameter(
        description=f"Memories with any of these {what}; repeated, or separated by commas (a value with a comma in "
        "double quotes). 5 is the number as well as the text, true the boolean."
    )


Values = list[str] | None
ProjectIds = Annotated[Values, _any_of("values of metadata.project_id")]
Lifespans = Annotated[Values, _any_of("values of metadata.memory_lifespan")]
Categories = Annotated[Values, _any_of("values of metadata.memory_category")]
DomainTags = Annotated[Values, _any_of("values in metadata.domain_tags")]


# -- memories


@post(
    "/memories",
    status_code=200,
    tags=["memories"],
    summary="Store memories",
    responses=answers(responses.AddResponse, "The outcome of each message", 422),
    operation_class=body(
        {
            "messages": [{"role": "user", "content": "I am allergic to peanuts"}],
            "user_id": "alice",
            "metadata": {"domain_tags": ["food"]},
        }
    ),
)
async def add_memories(memory: Memory, data: JSONBody[MemoryCreate]) -> Answer:
    """Store each message as a memory of a user, an agent, a run or an app: all of them or, on an error, none."""
    fields = msgspec.structs.asdict(data)
    if memory.user_id is None and all(fields[name] is None for name in SCOPE_IDS):
        raise ClientException("At least one identifier (user_id, agent_id, run_id, app_id) is required.")
    fields["messages"] = msgspec.to_builtins(data.messages)
    fields["infer"] = data.infer is not False
    added = await memory.add(**fields)
    return {name: value for name, value in added.items() if name in ("results", "relations", "skipped")}


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
    offset: Annotated[int, Parameter(ge=0, description="How many results to pass over.")] = 0,
    page: Annotated[int | None, Parameter(ge=1, description="Number of the page, instead of offset.")] = None,
    page_size: Annotated[
        int | None, Parameter(ge=1, le=MAX_LIST_SIZE, description="Results per page, instead of top_k.")
    ] = None,
    after: After = None,
    show_expired: ShowExpired = False,
    relations: Annotated[bool, Parameter(description="Add what memories of graph categories state.")] = False,
) -> Answer:
    """List memories, newest first. Ids and filters are AND-ed; with none of them, all memories are listed."""
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    return await memory.get_all(
        filters=_filters(
            memory,
            ids,
            read_object(filters, "filters"),
            project_id=project_id,
            memory_lifespan=memory_lifespan,
            memory_category=memory_category,
            domain_tags=_either(domain_tag, domain_tags),
        ),
        **ids,
        top_k=top_k,
        offset=offset or None,  # the library refuses it beside a page
        page=page,
        page_size=page_size,
        after=after,
        show_expired=show_expired,
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
    """Delete every memory that has all the given ids. At least one id is needed; histories stay. A parameter that is
    not one of these ids is refused, so that no misspelt id deletes more.
    """
    _refuse_unknown(request.query_params)
    refuse_noted(request)
    scope = exact_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    if not scope:
        raise ClientException("At least one identifier is required.")
    await memory.delete_all(**scope)
    return {"message": "All relevant memories deleted"}


@get(
    "/memories/{memory_id:str}",
    tags=["memories"],
    summary="Get a memory",
    responses=answers(responses.MemoryResponse | None, "The memory, or null"),
)
async def get_memory(memory: Memory, memory_id: MemoryId) -> Answer | None:
    """Get one memory, or null when the id is unknown or its memory expired."""
    return await memory.get(memory_id)


@put(
    "/memories/{memory_id:str}",
    tags=["memories"],
    summary="Change a memory",
    responses=answers(responses.UpdatedResponse, "Done", 404, 422),
    operation_class=body({"text": "I am allergic to nuts", "metadata": {"verified": True}}),
)
async def update_memory(memory: Memory, memory_id: MemoryId, data: JSONBody[MemoryUpdate]) -> Answer:
    """Change a memory's text, merge into its metadata, or set its expiration date (null clears it)."""
    return await memory.update(memory_id, **given(data))


@delete(
    "/memories/{memory_id:str}",
    status_code=200,
    tags=["memories"],
    summary="Delete a memory",
    responses=answers(*DONE, 404),
)
async def delete_memory(request: AnyRequest, memory: Memory, memory_id: MemoryId) -> Answer:
    """Delete one memory; its history stays. A parameter is refused."""
    refuse_noted(request)
    await memory.delete(memory_id)
    return {"message": "Memory deleted successfully"}


@get(
    "/memories/{memory_id:str}/history",
    tags=["memories"],
    summary="Get a memory's history",
    responses=answers(list[types.HistoryItem], "The changes"),
)
async def get_history(memory: Memory, memory_id: MemoryId) -> Answers:
    """Get every change of a memory, oldest first; of an unknown one, none."""
    return await memory.history(memory_id)


# -- search


@post(
    "/search",
    status_code=200,
    tags=["search"],
    summary="Search memories",
    responses=answers(responses.SearchResponse, "The memories, best first", 422),
    operation_class=body({"query": "What can she not eat?", "filters": {"user_id": "alice"}, "top_k": 10}),
)
async def search_memories(memory: Memory, data: JSONBody[SearchRequest]) -> Answer:
    """Find the memories of a user, agent, run or app that are nearest to a query in meaning and words."""
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
        reference_date=data.reference_date,
        ranking=data.ranking,
        **threshold,
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
    entity: Annotated[str | None, Parameter(description="Only what is near this entity.")] = None,
    depth: Annotated[
        int, Parameter(ge=0, le=MAX_GRAPH_DEPTH, description="How many relations away from the entity.")
    ] = 1,
    limit: Annotated[
        int, Parameter(ge=1, le=MAX_GRAPH_LIMIT, description="Maximum number of entities to return.")
    ] = DEFAULT_GRAPH_LIMIT,
    show_expired: ShowExpired = False,
    format: Annotated[
        Literal["json", "mermaid", "graphml"],
        Parameter(description="json, or a text: a Mermaid flowchart, or GraphML."),
    ] = "json",
) -> Response[Any]:
    """Get what memories of graph categories name and state. Ids and filters are AND-ed; with none of them, it is the
    graph of all memories.
    """
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    found: Any = await memory.graph(
        filters=_filters(
            memory,
            ids,
            read_object(filters, "filters"),
            project_id=project_id,
            memory_lifespan=memory_lifespan,
            memory_category=memory_category,
            domain_tags=_either(domain_tag, domain_tags),
        ),
        **ids,
        entity=entity,
        depth=depth,
        limit=limit,
        show_expired=show_expired,
        format=format,
    )
    return NamingResponse(found, media_type=_MEDIA_TYPES[format])


_MEDIA_TYPES = {
    "json": "application/json",
    "mermaid": "text/plain",
    "graphml": "application/xml",
}


# -- entities


@get(
    "/entities",
    tags=["entities"],
    summary="List users, agents, runs and apps",
    responses=answers(list[types.Entity], "The users, agents, runs and apps"),
)
async def list_entities(memory: Memory) -> Answers:
    """List every user, agent, run and app that has memories."""
    return await memory.entities()


@delete(
    "/entities/{entity_type:str}/{entity_id:str}",
    status_code=200,
    tags=["entities"],
    summary="Delete a user, agent, run or app",
    responses=answers(*DONE, 422),
)
async def delete_entity(
    request: AnyRequest,
    memory: Memory,
    entity_type: Annotated[Literal["user", "agent", "run", "app"], Parameter(description="What it is.")],
    entity_id: Annotated[str, Parameter(description="Its id.")],
) -> Answer:
    """Delete every memory of one user, agent, run or app; histories stay."""
    _refuse_unknown(request.query_params, (), "Encode the id.")
    refuse_noted(request)
    await memory.delete_all(**exact_scope(**{f"{entity_type}_id": entity_id}))
    return {"message": "Entity deleted"}


# -- the server


@post(
    "/reset",
    status_code=200,
    tags=["server"],
    summary="Remove everything, or a scope",
    responses=answers(*DONE, 422),
    operation_class=body({"user_id": "alice"}, required=False),
)
async def reset(
    request: AnyRequest,
    memory: Memory,
    data: JSONBody[ResetScope | None] = None,
    user_id: UserId = None,
    agent_id: AgentId = None,
    run_id: RunId = None,
    app_id: AppId = None,
) -> Answer:
    """Remove the memories and the histories of a user, agent, run or app, which the body or the query names; with
    neither body nor query, everybody's. A parameter or field that is not one of these ids is refused here.
    """
    _refuse_unknown(request.query_params)
    wanted = {} if data is None else given(data)
    scope = exact_scope(user_id=user_id, agent_id=agent_id, run_id=run_id, app_id=app_id)
    for name, value in exact_scope(**wanted).items():
        if scope.setdefault(name, value) != value:
            raise ClientException(f"Nothing was removed: the body and the query name two values of {name}.")
    if wanted and not scope:
        raise ClientException("Nothing was removed: every id is null. Leave the body out to remove everything.")
    await memory.reset(**scope)
    return {"message": "All memories reset"}


@post(
    "/erase",
    status_code=200,
    tags=["server"],
    summary="Erase a user, agent, run or app from the file",
    guards=[admin_only],
    responses=answers(responses.ErasureReceipt, "The receipt", 422),
    operation_class=body({"user_id": "alice"}),
)
async def erase(request: AnyRequest, memory: Memory, data: JSONBody[ErasedScope]) -> Answer:
    """Remove a user, agent, run or app from the bytes of the file, with all older copies in it, and say what that was.

    The file is written anew, which takes as long as copying it. At least one id is needed.
    """
    _refuse_unknown(request.query_params, (), "The body names whom to erase.")
    return await memory.erase(**exact_scope(**given(data)))


@get(
    "/configure",
    tags=["server"],
    summary="Get the settings",
    guards=[admin_only],
    responses=answers(responses.Configuration, "The settings"),
)
async def get_configuration(server: Server) -> Answer:
    """Get the settings of the server; none of them is secret."""
    return await server.configuration()


@post(
    "/configure",
    status_code=200,
    tags=["server"],
    summary="Change the settings",
    guards=[admin_only],
    responses=answers(*DONE, 422),
    operation_class=body({"vacuum_interval_seconds": 60}),
)
async def configure(server: Server, data: JSONBody[ConfigurationUpdate]) -> Answer:
    """Change what can be changed while the server runs; until it stops."""
    if isinstance(interval := data.vacuum_interval_seconds, float):
        if not 0 <= interval < math.inf:
            raise ValidationError(
                f"Invalid vacuum_interval_seconds: {interval:g}. Must be 0 (never) or more.",
                field="vacuum_interval_seconds",
            )
        await server.timer.change(interval)
    return {"message": "Configuration set successfully"}


def create_router(backend: Backend) -> Router:
    """Return the routes, serving the memory of ``backend``."""
    return Router(
        "/",
        route_handlers=[
            *(add_memories, list_memories, delete_memories, get_memory, update_memory, delete_memory, get_history),
            *(search_memories, get_graph, list_entities, delete_entity, reset, erase, get_configuration, configure),
        ],
        dependencies=dependencies(backend),
        guards=[exact_path, one_of_each_id, no_misspelt_id, note_parameters],
        response_class=NamingResponse,
        dto=JsonBody,
        return_dto=None,
    )


def _refuse_unknown(
    parameters: Mapping[str, Any],
    allowed: Sequence[str] = SCOPE_IDS,
    cure: str = f"Give {', '.join(SCOPE_IDS)}.",
) -> None:
    for name in parameters:
        if name not in allowed:
            raise ClientException(f"Nothing was removed: unknown parameter {name!r}. {cure}")


def _either(*values: Values) -> Values:
    """Return the values of a parameter that has two names."""
    given = [one for some in values if some is not None for one in some]
    return given if any(some is not None for some in values) else None


def _filters(
    memory: Memory,
    ids: Mapping[str, str | None],
    filters: Mapping[str, Any] | None,
    **parameters: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the filter of what a list is asked for; without ids, of everybody's memories."""
    everybody = memory.user_id is None and all(one is None for one in ids.values())
    return joined(ANY_SCOPE if everybody else {}, dict(filters or {}), _metadata_filters(**parameters))


def _metadata_filters(**parameters: Sequence[str] | None) -> dict[str, Any]:
    """Return the filter of the query parameters that are given: each any-of, all of them AND-ed."""
    conditions = [
        {f"metadata.{name}": any_value(name, values)} for name, values in parameters.items() if values is not None
    ]
    return {"AND": conditions} if conditions else {}
