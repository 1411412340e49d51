"""The hosted API's users, agents, runs and apps: who has memories, which, and how many."""

from collections import Counter
from typing import Annotated, Literal

from litestar import delete, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import JSONBody, Parameter

from ...data.filters import ANY_SCOPE
from ...errors import PermissionDeniedError
from ...values import clean_id
from ..parameters import DEFAULT_LIST_SIZE, MAX_LIST_SIZE, After
from ..routing import DONE, Answer, Answers, AnyRequest, Memory, answers, body, exact_scope
from . import responses
from .memories import MEMORIES, refuse_unknown
from .paging import Format, Page, PageSize, page_after, page_of
from .requests import NewAgent, NewApp, NewEntity, NewRun, NewUser
from .shapes import entity, items
from .summaries import profile

ENTITIES = "hosted: entities"

_TYPES = ("user", "agent", "run", "app")

EntityType = Annotated[Literal["user", "agent", "run", "app"], Parameter(description="What it is.")]
EntityId = Annotated[str, Parameter(description="Its id. A slash in it may be encoded or not.")]


@get(
    "/v1/entities",
    tags=[ENTITIES],
    summary="List users, agents, runs and apps",
    responses=answers(responses.EntityPage, "The entities that have memories", 422),
)
async def hosted_entities(
    request: AnyRequest,
    memory: Memory,
    page: Page = None,
    page_size: Annotated[
        int | None, Parameter(ge=1, description="Results per page, at most 1000. Without a page, all are listed.")
    ] = None,
) -> Answer:
    """List every user, agent, run and app that has memories. Without a page, all are listed, because clients that
    delete them all read only one answer.
    """
    all_of_them = [entity(one) for one in await memory.entities()]
    size = min(page_size, MAX_LIST_SIZE) if page_size else DEFAULT_LIST_SIZE if page else max(1, len(all_of_them))
    start = ((page or 1) - 1) * size
    return page_of(request, all_of_them[start : start + size], len(all_of_them), page or 1, size)


@get(
    "/v1/entities/filters",
    tags=[ENTITIES],
    summary="List the types of entities",
    responses=answers(responses.EntityTypes, "The types, and the filter for each"),
)
async def hosted_entity_filters(memory: Memory) -> Answer:
    """List the types of entities, the filter that selects each, and how many of each type have memories."""
    counts = await _counted(memory)
    return {"results": [{"type": name, "filter": f"{name}_id", "total": counts[name]} for name in _TYPES]}


_ENTITY_PATHS = ["/v2/entities/{entity_type:str}/{entity_id:path}", "/v1/entities/{entity_type:str}/{entity_id:path}"]


@get(
    _ENTITY_PATHS,
    tags=[ENTITIES],
    summary="Get a user, agent, run or app",
    responses=answers(responses.HostedEntity, "The entity", 404, 422),
)
async def hosted_get_entity(memory: Memory, entity_type: EntityType, entity_id: EntityId) -> Answer:
    """Get one user, agent, run or app. 404 if it has no memories. Its `profile/` is written by the server's language
    model; without one it answers 501."""
    name = entity_id.removeprefix("/")
    for one in await memory.entities():
        if (one["type"], one["id"]) == (entity_type, name):
            return entity(one)
    if name.endswith("/profile"):
        return await profile(memory, entity_type, name.removesuffix("/profile"))
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
    """Delete every memory of one user, agent, run or app; histories are kept. It is no error if there are none."""
    refuse_unknown(request)
    await memory.delete_all(**exact_scope(**{f"{entity_type}_id": entity_id.removeprefix("/")}))
    return {"message": "Entity deleted successfully."}


# -- making one


@post(
    "/v1/users",
    status_code=200,
    tags=[ENTITIES],
    summary="Register a user (no effect)",
    responses=answers(responses.Named, "The id as it is stored", 422),
    operation_class=body({"user_id": "alice"}),
)
async def hosted_create_user(memory: Memory, data: JSONBody[NewUser]) -> Answer:
    """Check the id of a user. Nothing is created: a user exists from their first memory on."""
    return _named(memory, "user", data.user_id, data)


@post(
    "/v1/agents",
    status_code=200,
    tags=[ENTITIES],
    summary="Register an agent (no effect)",
    responses=answers(responses.Named, "The id as it is stored", 422),
    operation_class=body({"agent_id": "travel-planner"}),
)
async def hosted_create_agent(memory: Memory, data: JSONBody[NewAgent]) -> Answer:
    """Check the id of an agent. Nothing is created: an agent exists from its first memory on."""
    return _named(memory, "agent", data.agent_id, data)


@post(
    "/v1/apps",
    status_code=200,
    tags=[ENTITIES],
    summary="Register an app (no effect)",
    responses=answers(responses.Named, "The id as it is stored", 422),
    operation_class=body({"app_id": "inbox"}),
)
async def hosted_create_app(memory: Memory, data: JSONBody[NewApp]) -> Answer:
    """Check the id of an app. Nothing is created: an app exists from its first memory on."""
    return _named(memory, "app", data.app_id, data)


@post(
    "/v1/runs",
    status_code=200,
    tags=[ENTITIES],
    summary="Register a run (no effect)",
    responses=answers(responses.Named, "The id as it is stored", 422),
    operation_class=body({"run_id": "2030-01-31"}),
)
async def hosted_create_run(memory: Memory, data: JSONBody[NewRun]) -> Answer:
    """Check the id of a run. Nothing is created: a run exists from its first memory on."""
    return _named(memory, "run", data.run_id, data)


def _named(memory: Memory, kind: str, given: str | int, data: NewEntity) -> Answer:
    name = clean_id(given, f"{kind}_id")
    if data.metadata:
        raise ClientException(f"Invalid metadata: a {kind} has no metadata of its own. Give it to the memories.")
    if data.name is not None and data.name.strip() != name:
        raise ClientException(f"Invalid name: the name of a {kind} is its id, here {name}. Leave it out.")
    if kind == "user" and memory.user_id not in (None, name):
        raise PermissionDeniedError("This API key is only for the memories of one user: name that user.")
    return {f"{kind}_id": name, "message": f"Nothing was made: the {kind} exists from the first memory on."}


# -- their memories


@get(
    "/v1/memories/{entity_type:str}/{entity_id:str}",
    tags=[MEMORIES],
    summary="List the memories of a user, agent, run or app",
    responses=answers(responses.HostedPage | list[responses.HostedMemory], "All memories, or a page", 404, 422),
)
async def hosted_entity_memories(
    request: AnyRequest,
    memory: Memory,
    entity_type: Annotated[str, Parameter(description="user, agent, run or app.")],
    entity_id: Annotated[str, Parameter(description="Its id. A slash in it must be encoded.")],
    page: Page = None,
    page_size: PageSize = None,
    after: After = None,
    output_format: Format = None,
) -> Answer | Answers:
    """List the memories of one user, agent, run or app, newest first. The answer is a list of all, or, if a page is
    asked for or `output_format` is `v1.1`, an object with one page. More than 1,000 memories are listed only by pages.
    """
    if entity_type not in _TYPES:
        raise NotFoundException(f"No memory has an id with a slash, and no entity is a {entity_type}.")
    whole = page is None and page_size is None and after is None and output_format != "v1.1"
    size = MAX_LIST_SIZE if whole else min(page_size or DEFAULT_LIST_SIZE, MAX_LIST_SIZE)
    found = await memory.get_all(
        **exact_scope(**{f"{entity_type}_id": entity_id}), page=page, page_size=size, after=after
    )
    if whole and found["total"] > size:  # a list cannot say that something is left out
        raise ClientException(f"There are {found['total']} memories, too many for one list. Give page and page_size.")
    if whole:
        return items(found)
    if after is not None:
        return page_after(request, items(found), found)
    return {**page_of(request, items(found), found["total"], page or 1, size), "next_cursor": found["next_cursor"]}


@get(
    "/v1/stats",
    tags=[ENTITIES],
    summary="Count memories and adds",
    responses=answers(responses.HostedStats, "The numbers"),
)
async def hosted_stats(memory: Memory) -> Answer:
    """Count the memories, the calls of add that are recorded, and the users, agents, runs and apps. Searches are not
    recorded: their number is null.
    """
    everybody = ANY_SCOPE if memory.user_id is None else None
    memories = await memory.get_all(filters=everybody, page_size=1)
    events = await memory.events(page_size=1)
    counts = await _counted(memory)
    return {
        "total_memories": memories["total"],
        "total_add_events": events["total"],
        "total_search_events": None,
        **{f"total_{name}s": counts[name] for name in _TYPES},
    }


async def _counted(memory: Memory) -> dict[str, int]:
    there = Counter[str](one["type"] for one in await memory.entities())
    return {name: there[name] for name in _TYPES}


HANDLERS = (
    *(hosted_entities, hosted_entity_filters, hosted_get_entity, hosted_delete_entity),
    *(hosted_create_user, hosted_create_agent, hosted_create_app, hosted_create_run),
    *(hosted_entity_memories, hosted_stats),
)
