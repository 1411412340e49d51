"""The shapes of the hosted API's answers: items with every field, and outcomes."""

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from litestar.exceptions import ClientException

from ...errors import MemoryNotFoundError, ValidationError

T = TypeVar("T")

ORG_ID, PROJECT_ID = "mem0lite", "default"
"""The one organization and the one project there is; clients refuse to start without the names of both."""

_EMPTY = dict.fromkeys(
    (
        *("id", "memory", "hash", "user_id", "agent_id", "app_id", "run_id", "session_id", "metadata", "categories"),
        *("created_at", "updated_at", "expiration_date"),
    )
)
_FIELDS = (
    *_EMPTY,
    *("expires_at", "actor_id", "role", "score", "rerank_score", "score_details", "feedback", "feedback_reason"),
)
"""The fields a memory can have."""

_FIELD_ALIASES = {
    **{re.sub(r"_([a-z])", lambda match: match[1].upper(), name): name for name in _FIELDS},
    "text": "memory",
}


def item(memory: Mapping[str, Any]) -> dict[str, Any]:
    """Return a memory with all the fields the hosted API has, null where it has nothing to tell."""
    shaped = {**_EMPTY, **memory, "session_id": memory.get("run_id")}
    categories = (memory.get("metadata") or {}).get("categories")
    shaped["categories"] = categories if isinstance(categories, list) else None
    if shaped.get("score", 0) is None:
        del shaped["score"]
    return shaped


def items(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the memories of an answer of the library."""
    return [item(memory) for memory in found["results"]]


def with_fields(shown: list[dict[str, Any]], fields: Sequence[str] | str | None) -> list[dict[str, Any]]:
    """Return memories with the fields that are asked for only, or with all when none is.

    Raises ValidationError for a field that no memory has.
    """
    given = [fields] if isinstance(fields, str) else fields or ()
    names = [name.strip() for one in given for name in one.split(",") if name.strip()]
    wanted = [_FIELD_ALIASES.get(name, name) for name in names]
    for name, field in zip(names, wanted, strict=True):
        if field not in _FIELDS:
            raise ValidationError(
                f"Invalid fields: a memory has no {name[:100]!r}. It has: {', '.join(_FIELDS)}.", field="fields"
            )
    return [{name: memory[name] for name in wanted if name in memory} for memory in shown] if wanted else shown


def relations(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field of an answer that has what memories of graph categories state, if there is one."""
    return {"relations": found["relations"]} if "relations" in found else {}


def not_reranked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field of an answer that says why no reranker ordered it although one was asked for, if it is so."""
    return {"not_reranked": found["not_reranked"]} if "not_reranked" in found else {}


def skipped(added: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field of an answer that has what was left out of the messages, if anything was."""
    return {"skipped": added["skipped"]} if "skipped" in added else {}


def place_of(part: Mapping[str, Any]) -> str:
    """Return where in a request what was skipped is."""
    place = f"messages[{part['message']}]"
    return place if part["part"] is None else f"{place}.content[{part['part']}]"


def embedded(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field of an answer that says how much of a long text or question was embedded, if not all was."""
    return {"embedded": answer["embedded"]} if "embedded" in answer else {}


def outcomes(added: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what became of each message, its text in both places where clients look for it."""
    return [{**one, "data": {"memory": one["memory"]}} for one in added["results"]]


def event(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call of add, each of its outcomes with its user."""
    results = [{**one, "user_id": found.get("user_id")} for one in outcomes(found)]
    return {**_NO_IDS, **found, "results": results}


_NO_IDS: dict[str, Any] = dict.fromkeys(("id", "event_type", "status", "user_id", "agent_id", "app_id", "run_id"))


def entity(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user, agent, run or app; its name is its id."""
    return {**found, "name": found["id"], "owner": ORG_ID, "organization": ORG_ID, "metadata": {}}


@contextmanager
def known(memory_id: str) -> Iterator[None]:
    """Answer 400 rather than 404 where an id that no memory has is not even a UUID, as mem0's are."""
    try:
        yield
    except MemoryNotFoundError:
        if _is_uuid(memory_id):
            raise
        raise ClientException(f"Invalid memory_id: {memory_id!r} is not a UUID, and no memory has it.") from None


def found(answer: T | None, memory_id: str) -> T:
    """Return what the library answered about an id; raise MemoryNotFoundError where that is nothing."""
    if answer is None:
        raise MemoryNotFoundError(f"Memory with id {memory_id} not found")
    return answer


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
