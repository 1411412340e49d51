"""Facts, the memories that they were drawn from, and the jobs that draw them, whichever store keeps them. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..data.records import AddEvent, Job, Record, Scope
from ..values import new_id
from . import histories
from .damage import check_object, check_texts, undamaged
from .protocol import Claimed


class Drawn(NamedTuple):
    """A fact, and when its sources expire that are still there, by key; None is never."""

    key: int
    sources: dict[int, int | None]


class Edited(NamedTuple):
    """A memory that got another text or date."""

    key: int
    record: Record


def is_edit(before: Record, after: Record) -> bool:
    """Whether what a memory says, or when it was said, is another; what is a fact itself does not count."""
    return before.sources is None and (before.text, before.created_at) != (after.text, after.created_at)


def to_draw_again(edited: Sequence[Edited], drawn: Iterable[Drawn], now: int) -> list[tuple[int, AddEvent]]:
    """Return the events of the jobs that draw facts again, each with the number of its scope: those of edited memories
    that any facts were drawn from."""
    sources = {key for fact in drawn for key in fact.sources}
    scopes: dict[int, list[Record]] = {}
    for one in edited:
        if one.key in sources:
            scopes.setdefault(one.key >> 32, []).append(one.record)
    return [
        (
            number,
            AddEvent(
                new_id(), records[0].scope, now, [(one, "UPDATE") for one in dict.fromkeys(r.id for r in records)]
            ),
        )
        for number, records in scopes.items()
    ]


def has_changed(read: Mapping[str, tuple[str, int]], found: Iterable[tuple[str, str, int]]) -> bool:
    """Whether a memory, found with its id, its hash and its date, is not as a model read it."""
    return any(read[memory_id] != (text_hash, created_at) for memory_id, text_hash, created_at in found)


def last_expiry(found: Iterable[int | None]) -> int | None:
    """Return when the last of some memories expires; None is never."""
    ends = list(found)
    return None if None in ends else max(one for one in ends if one is not None)


# -- jobs


JOB_COLUMNS = "e.results, e.created_at, j.attempts, j.wishes, s.user_id, s.agent_id, s.run_id, s.app_id, e.id"
"""What a claim tells of a job j, its event e and its scope s."""


def wishes_json(job: Job) -> str:
    """Return what a call asks of the model, as the store keeps it."""
    return json.dumps(job.wishes, ensure_ascii=False, allow_nan=False)


def claimed(row: Sequence[Any], token: str) -> Claimed:
    """Return the job in a row of JOB_COLUMNS."""
    results, created_at, attempts, wishes, *ids, event_id = row
    with undamaged():
        found = json.loads(wishes)
        check_object(found)
        happened = json.loads(results)
        turns = [memory_id for memory_id, event in happened if event in ("ADD", "UPDATE")]  # its facts follow later
        edited = histories.event_type(happened) == "UPDATE"
        check_texts(event_id, *turns)
    return Claimed(event_id, token, Scope(*ids), turns, found, attempts, created_at, edited)


def with_results(before: Any, results: Sequence[tuple[str, str]]) -> str:
    """Return the results of an event whose job is done, as the store keeps them."""
    with undamaged():
        return json.dumps([*json.loads(before), *results])


def with_spent(before: str | None, spent: Mapping[str, float]) -> str:
    """Return what models used for a scope, as the store keeps it, after they used more."""
    total = {} if before is None else histories.to_document(before)
    for name, number in spent.items():
        total[name] = total.get(name, 0) + number
    return json.dumps(total)
