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
"""The only organization and the only project. Clients refuse to start without their names."""

_EMPTY = dict.fromkeys(
    (
        *("id", "memory", "hash", "user_id", "agent_id", "app_id", "run_id", "session_id", "metadata", "categories"),
        *("created_at", "updated_at", "expiration_date"),
    )
)
_FIELDS = (
    *_EMPTY,
    *("expires_at", "actor_id", "role", "score", "rerank_score", "score_details", "feedback", "feedback_reason"),
    *("key", "superseded_by", "valid_from", "valid_to", "sources"),
)
"""The fields a memory can have."""

_FIELD_ALIASES = {
    **{re.sub(r"_([a-z])", lambda match: match[1].upper(), name): name for name in _FIELDS},
    "text": "memory",
}


def item(memory: Mapping[str, Any]) -> dict[str, Any]:
    """Return a memory with all fields of the hosted API; those without a value are null."""
    shaped = {**_EMPTY, **memory, "session_id": memory.get("run_id")}
    categories = (memory.get("metadata") or {}).get("categories")
    shaped["categories"] = categories if isinstance(categories, list) else None
    if shaped.get("score", 0) is None:
        del shaped["score"]
    return shaped


def items(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the memories of one of the library's answers."""
    return [item(memory) for memory in found["results"]]


def with_fields(shown: list[dict[str, Any]], fields: Sequence[str] | str | None) -> list[dict[str, Any]]:
    """Return memories with only the given fields, or with all fields if none is given.

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
    """Return the field ``relations`` of an answer, if it has one."""
    return {"relations": found["relations"]} if "relations" in found else {}


def not_reranked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field ``not_reranked`` of an answer, if it has one."""
    return {"not_reranked": found["not_reranked"]} if "not_reranked" in found else {}


def skipped(added: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field ``skipped`` of an answer, if it has one."""
    return {"skipped": added["skipped"]} if "skipped" in added else {}


def place_of(part: Mapping[str, Any]) -> str:
    """Return the path, in the request, of a part that was skipped."""
    place = f"messages[{part['message']}]"
    return place if part["part"] is None else f"{place}.content[{part['part']}]"


def embedded(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field ``embedded`` of an answer, if it has one."""
    return {"embedded": answer["embedded"]} if "embedded" in answer else {}


def outcomes(added: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the outcome of each message, with its text in both places where clients look for it."""
    return [{**one, "data": {"memory": one["memory"]}} for one in added["results"]]


def event(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call of add, with the user of the call in each outcome."""
    results = [{**one, "user_id": found.get("user_id")} for one in outcomes(found)]
    return {**_NO_IDS, **found, "results": results}


_NO_IDS: dict[str, Any] = dict.fromkeys(("id", "event_type", "status", "user_id", "agent_id", "app_id", "run_id"))


def entity(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user, agent, run or app; its name is its id."""
    return {**found, "name": found["id"], "owner": ORG_ID, "organization": ORG_ID, "metadata": {}}


@contextmanager
def known(memory_id: str) -> Iterator[None]:
    """Answer 400 instead of 404 when no memory has an id and the id is not a UUID, as mem0's ids are."""
    try:
        yield
    except MemoryNotFoundError:
        if _is_uuid(memory_id):
            raise
        raise ClientException(f"Invalid memory_id: {memory_id!r} is not a UUID, and no memory has it.") from None


def found(answer: T | None, memory_id: str) -> T:
    """Return the library's answer about an id; raise MemoryNotFoundError if it is None."""
    if answer is None:
        raise MemoryNotFoundError(f"Memory with id {memory_id} not found")
    return answer


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
