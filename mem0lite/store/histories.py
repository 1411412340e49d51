"""What a change leaves behind, as stores keep it: a row of a history, with the state that was replaced. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

from ..data.records import AddEvent, Change, Job, Record, Scope, State
from ..types import ChangeItem, Event, EventItem
from ..values import new_id, to_iso
from .damage import check_instants, check_list, check_object, check_optional_texts, check_texts, undamaged

COLUMNS = (
    "id, event, text_before, new_memory, created_at, updated_at, actor_id, role, feedback, feedback_reason, "
    "superseded_by, superseded_at"
)
"""The columns of a history that a Change begins with."""


def change(event: Event, before: Record | None, after: Record) -> Change:
    """Return the change that an event made."""
    return Change(
        id=new_id(),
        event=event,
        old_memory=None if before is None else before.text,
        new_memory=None if event == "DELETE" else after.text,
        created_at=after.created_at,
        updated_at=after.updated_at,
        actor_id=after.actor_id,
        role=after.role,
        feedback=after.feedback if event == "FEEDBACK" else None,
        feedback_reason=after.feedback_reason if event == "FEEDBACK" else None,
        superseded_by=after.superseded_by if event == "SUPERSEDE" else None,
        superseded_at=after.superseded_at if event == "SUPERSEDE" else None,
        before=None if before is None else State.of(before),
    )


class Noted(NamedTuple):
    """A change to note."""

    scope: int
    """The number of the memory's scope."""
    memory_id: str
    change: Change
    key: int | None = None
    """Of a memory that is deleted: what lists are in the order of."""


def state_json(state: State, key: int | None) -> str:
    """Return a state as the store keeps it: without what is None."""
    fields = {name: value for name, value in (*state._asdict().items(), ("position", key)) if value is not None}
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def to_state(text: str) -> State:
    """Return a state that the store keeps."""
    with undamaged():
        fields = json.loads(text)
        check_object(fields)
        state = State(*(fields.get(name) for name in State._fields))
        if state.sources is not None:
            check_list(state.sources)
            check_texts(*state.sources)
            state = state._replace(sources=tuple(state.sources))
        check_optional_texts(
            state.expiration_date, state.feedback, state.feedback_reason, state.key, state.superseded_by
        )
        ends = [one for one in (state.expires_at, state.superseded_at) if one is not None]
        check_instants(state.created_at, state.updated_at, *ends)
        if state.metadata is not None:
            check_object(state.metadata)
    return state


def key_in(text: str) -> int | None:
    """Return the key that a deleted memory had."""
    with undamaged():
        key: int | None = json.loads(text).get("position")
        return key


def to_change(row: Sequence[Any]) -> Change:
    """Return the change in a row of ``COLUMNS``, which may go on with an instant and a state."""
    change_id, event, old, new, created_at, updated_at, *rest = row
    texts, superseded_at, recorded = rest[:5], rest[5], rest[6:]
    with undamaged():
        check_texts(change_id, event)
        check_optional_texts(old, new, *texts)
        check_instants(created_at, updated_at, *([] if superseded_at is None else [superseded_at]), *recorded[:1])
    change = Change(*row[: len(row) - len(recorded)])
    if not recorded:
        return change
    recorded_at, before = recorded
    return change._replace(recorded_at=recorded_at, before=None if before is None else to_state(before))


def to_ids(row: Sequence[Any]) -> dict[str, str]:
    """Return the ids of a scope that are set."""
    with undamaged():
        check_optional_texts(*row)
    return Scope(*row).ids()


def to_item(row: Sequence[Any]) -> ChangeItem:
    """Return the change in a row of its number, the id of its memory, the ids of its scope, and ``COLUMNS``."""
    sequence, memory_id, *rest = row
    ids, change = rest[:4], to_change(rest[4:])
    return cast("ChangeItem", {**change.to_item(memory_id), "sequence": sequence, **to_ids(ids)})


EVENT_COLUMNS = (
    "e.id, e.created_at, e.results, s.user_id, s.agent_id, s.run_id, s.app_id, s.id, "
    "j.wishes, j.due_at, j.changed_at, j.problem, e.finished_at"
)
"""What a store tells of an event e, its scope s and its job j, if it has one."""


def event_type(results: Sequence[Sequence[str]]) -> Literal["ADD", "UPDATE"]:
    """Return what was called: what the results of an edit begin with, no addition has at its beginning."""
    return "UPDATE" if results and results[0][1] == "UPDATE" else "ADD"


def event_item(row: Sequence[Any], texts: Mapping[str, str]) -> EventItem:
    """Return the call of ``add`` in a row of EVENT_COLUMNS, with the texts that its memories have now."""
    event_id, created_at, results, *ids, _, wishes, due_at, changed_at, problem, finished_at = row
    with undamaged():
        check_texts(event_id, *texts.values())
        happened = json.loads(results)
        item: EventItem = {
            "id": event_id,
            "event_type": event_type(happened),
            "status": "SUCCEEDED" if wishes is None else "FAILED" if due_at is None else "PENDING",
            "created_at": to_iso(created_at),
            "updated_at": to_iso(next(one for one in (changed_at, finished_at, created_at) if one is not None)),
            "results": [
                {"id": memory_id, "event": cast("Any", event), "memory": texts.get(memory_id)}
                for memory_id, event in happened
            ],
        }
    if problem is not None:
        item["problem"] = problem
    item.update(cast("Any", to_ids(ids)))
    return item


def to_add_event(row: Sequence[Any]) -> AddEvent:
    """Return the call of ``add`` in a row of EVENT_COLUMNS, as an export has it."""
    event_id, created_at, results, *ids, _, wishes, due_at, _, problem, finished_at = row
    job = None if wishes is None else Job(to_document(wishes), problem, given_up=due_at is None)
    with undamaged():
        check_texts(event_id)
        check_instants(created_at, *(() if finished_at is None else (finished_at,)))
        check_optional_texts(*ids, problem)
        happened = [(one, event) for one, event in json.loads(results)]
    return AddEvent(event_id, Scope(*ids), created_at, happened, job, finished_at)


def to_document(value: str) -> dict[str, Any]:
    """Return the document that is kept as this text."""
    with undamaged():
        document = json.loads(value)
        check_object(document)
    return cast("dict[str, Any]", document)
