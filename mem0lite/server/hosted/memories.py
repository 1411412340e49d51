"""The hosted API's memories: add, read, change and delete them."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from litestar import delete, get, post, put
from litestar.exceptions import ClientException
from litestar.params import JSONBody
from msgspec import UNSET

from ... import types
from ...data.filters import ANY_SCOPE, SCOPE_IDS
from ...data.parameters import instant
from ...memory import UpdateItem
from ..examples import EXAMPLE_ID
from ..ignored import note, refuse_noted
from ..parameters import (
    AgentId,
    AppId,
    AsOf,
    DeleteLinked,
    MemoryId,
    RunId,
    SessionId,
    UserId,
)
from ..responses import BatchUpdatedResponse
from ..routing import DONE, Answer, Answers, AnyRequest, Memory, answers, body, given
from ..wishes import wishes_of
from . import responses
from .requests import AddRequest, BatchDelete, BatchUpdate, HostedUpdate
from .scopes import (
    beside_ids,
    metadata_of,
    moment_of,
    scope_of,
    scope_to_add,
)
from .shapes import (
    embedded,
    found,
    item,
    known,
    outcomes,
    place_of,
    relations,
    skipped,
)

MAX_BATCH = 1_000

MEMORIES = "hosted: memories"

# -- add


_ADD = {"messages": [{"role": "user", "content": "I am allergic to peanuts"}], "user_id": "alice"}


@post(
    "/v3/memories/add",
    status_code=200,
    tags=[MEMORIES],
    summary="Store memories",
    responses=answers(responses.HostedAdded, "The outcome of each message", 404, 422),
    operation_class=body(_ADD),
)
async def hosted_add(request: AnyRequest, memory: Memory, data: JSONBody[AddRequest]) -> Answer:
    """Store each message as a memory of a user, an agent, an app or a run. On an error, none is stored."""
    return await _add(request, memory, data)


@post(
    "/v1/memories",
    status_code=200,
    tags=[MEMORIES],
    summary="Store memories (v1)",
    responses=answers(list[responses.Outcome] | responses.HostedAdded, "The outcome of each message", 404, 422),
    operation_class=body(_ADD),
)
async def hosted_add_v1(request: AnyRequest, memory: Memory, data: JSONBody[AddRequest]) -> Answer | Answers:
    """Store messages, for clients before 2.x: the answer is a list or, with `output_format: "v1.1"`, an object."""
    added = await _add(request, memory, data)
    if data.output_format == "v1.1":
        return added
    for part in added.get("skipped", ()):  # which a list has no place for
        note(request, place_of(part), part["reason"])
    outcomes: list[dict[str, Any]] = added["results"]
    return outcomes


_MESSAGES = {
    "SUCCEEDED": "Memories stored.",
    "PENDING": "Memories stored. Facts are drawn from them in the background.",
    "FAILED": "Memories stored. No facts could be drawn from them.",
}


async def _add(request: AnyRequest, memory: Memory, data: AddRequest) -> dict[str, Any]:
    for field in beside_ids(data.filters or {}):
        note(request, f"filters.{field}", 'An add reads only ids from filters, given as {"user_id": "…"}.')
    added = await memory.add(
        msgspec.to_builtins(data.messages),
        **scope_to_add(data, data.filters),
        metadata=metadata_of(data),
        expiration_date=data.expiration_date,
        ttl=data.ttl,
        timestamp=moment_of(data),
        infer=data.infer is not False,
        memory_type=data.memory_type,
        roles=data.roles,
        key=data.key,
        supersedes=data.supersedes,
        **wishes_of(request, memory, data),
    )
    progress = added.get("extraction", {"status": "SUCCEEDED"})
    return {
        "message": _MESSAGES[progress["status"]],
        "status": progress["status"],
        "event_id": added["event_id"],
        "results": outcomes(added),
        **{name: progress[name] for name in ("problem", "refused") if name in progress},
        **relations(added),
        **skipped(added),
    }


# -- one memory


@get(
    "/v1/memories/{memory_id:str}",
    tags=[MEMORIES],
    summary="Get a memory",
    responses=answers(responses.HostedMemory, "The memory", 404, 422),
)
async def hosted_get(memory: Memory, memory_id: MemoryId, as_of: AsOf = None) -> Answer:
    """Get one memory. 404 if no memory has the id or the memory has expired, 400 if it is also not a UUID."""
    with known(memory_id):
        return item(found(await memory.get(memory_id, as_of=instant(as_of)), memory_id))


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
        updated, after = await memory._update_one(cast("UpdateItem", {"memory_id": memory_id, **given(data)}))
        return {**item(after), **embedded(updated)}


@delete(
    "/v1/memories/{memory_id:str}",
    status_code=200,
    tags=[MEMORIES],
    summary="Delete a memory",
    responses=answers(*DONE, 404, 422),
)
async def hosted_delete(
    request: AnyRequest,
    memory: Memory,
    memory_id: MemoryId,
    delete_linked: DeleteLinked = False,
) -> Answer:
    """Delete one memory; its history is kept. Unknown parameters are refused."""
    refuse_noted(request)
    with known(memory_id):
        return await memory.delete(memory_id, delete_linked=delete_linked)


@get(
    "/v1/memories/{memory_id:str}/history",
    tags=[MEMORIES],
    summary="Get a memory's history",
    responses=answers(list[types.HistoryItem], "The changes", 404),
)
async def hosted_history(memory: Memory, memory_id: MemoryId) -> Answers:
    """Get every change of a memory, oldest first, even after its deletion. 404 or 400 if no memory had the id."""
    changes = await memory.history(memory_id)
    if not changes:
        with known(memory_id):
            found(await memory.get(memory_id), memory_id)
    return changes


# -- many memories


IGNORED = ("org_id", "project_id", "org_name", "project_name", "source")
"""Parameters that clients add to every request (`source` comes from mem0's command line)."""


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
    """Delete every memory that has all the given ids. At least one is required; histories are kept. `*` means any id,
    and four of them mean every memory. An unknown parameter is refused, so that a misspelt id does not delete more.
    """
    refuse_unknown(request, *SCOPE_IDS, "session_id")
    scope = scope_of(user_id, agent_id, app_id, run_id, session_id)
    if not scope:
        raise ClientException("Nothing was deleted: at least one id is required. Give user_id, for example.")
    if len(scope) == len(SCOPE_IDS) and set(scope.values()) == {"*"}:
        return await memory.delete_all(filters=ANY_SCOPE)
    return await memory.delete_all(filters=scope)  # where "*" means any, as it does in this request


def refuse_unknown(request: AnyRequest, *names: str) -> None:
    """Refuse a deletion with unknown query parameters (a misspelt id, or part of an id that was not encoded), or with
    a body, which it does not read."""
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
    """Change 1 to 1000 memories. On an error, none is changed."""
    return await memory.update_many([cast("UpdateItem", given(one)) for one in _batch(data.memories)])


@delete(
    "/v1/batch",
    status_code=200,
    tags=[MEMORIES],
    summary="Delete many memories",
    responses=answers(*DONE, 404, 422),
    operation_class=body({"memories": [{"memory_id": EXAMPLE_ID}]}),
)
async def hosted_batch_delete(
    request: AnyRequest, memory: Memory, data: JSONBody[BatchDelete], delete_linked: DeleteLinked = False
) -> Answer:
    """Delete 1 to 1000 memories. On an error, none is deleted. Their histories are kept. Other fields beside the list
    are refused; other fields of an entry are not.
    """
    refuse_noted(request)
    if (data.memories is UNSET) == (data.memory_ids is UNSET):
        raise ClientException("Give either memories or memory_ids. Nothing was done.")
    ids = data.memory_ids if data.memories is UNSET else [one.memory_id for one in data.memories]
    return await memory.delete_many([*_batch(cast("list[str]", ids))], delete_linked=delete_linked)


def _batch(memories: Sequence[Any]) -> Sequence[Any]:
    if not 1 <= len(memories) <= MAX_BATCH:
        raise ClientException(f"Invalid memories: {len(memories)} entries, give 1 to {MAX_BATCH}. Nothing was done.")
    return memories


HANDLERS = (
    *(hosted_add, hosted_add_v1, hosted_get, hosted_update, hosted_delete, hosted_history),
    *(hosted_delete_all, hosted_batch_update, hosted_batch_delete),
)
