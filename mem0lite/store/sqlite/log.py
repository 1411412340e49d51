"""What happened and what is kept beside the memories: histories, events, and documents."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, cast

import apsw

from ...data.filters import Expression
from ...data.records import AddEvent, Change, Gone, Job, Record, Scope, State
from ...types import Event, EventItem
from ...values import new_id, to_iso
from .damage import check_instants, check_list, check_object, check_optional_texts, check_texts, undamaged
from .filter_sql import compile_filter
from .schema import LIVE


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


_CHANGE_COLUMNS = (
    "id, event, text_before, new_memory, created_at, updated_at, actor_id, role, feedback, feedback_reason, "
    "superseded_by, superseded_at"
)
CHANGES = ", ".join(f"h.{column}" for column in _CHANGE_COLUMNS.split(", "))
_WITH_STATES = (
    f"{CHANGES}, ifnull(h.recorded_at, (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'recorded_since')), "
    "json(h.before)"
)
"""What an older version recorded was recorded when this version first opened the file, or before."""


# A view numbers its user's changes itself: from the file's numbers one could tell how much others write. The first
# number is the present, so that a user whom a reset or a vacuum forgot goes on with higher ones than before, and no
# other user is in it; should a clock stand still, it is above the highest number of all who were forgotten.
_NEXT_NUMBER = (
    "INSERT INTO follower (user_id, last) SELECT s.user_id, max(?1, 1 + ifnull((SELECT CAST(value AS INTEGER) "
    "FROM meta WHERE name = 'followed'), 0)) FROM scope s WHERE s.id = ?2 AND s.user_id IS NOT NULL "
    "ON CONFLICT (user_id) DO UPDATE SET last = last + 1 RETURNING id, last"
)


class Noted(NamedTuple):
    """A change to note."""

    scope: int
    """The number of the memory's scope."""
    memory_id: str
    change: Change
    key: int | None = None
    """Of a memory that is deleted: what lists are in the order of."""


def note(connection: apsw.Connection, changes: Iterable[Noted], now: int) -> None:
    """Note changes."""
    connection.executemany(
        f"INSERT INTO history (scope, memory_id, {_CHANGE_COLUMNS}, follower_id, number, recorded_at, imported, before)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, jsonb(?))",
        [
            (
                *(one.scope, one.memory_id, change.id, change.event, change.old_memory, change.new_memory),
                *(change.created_at, change.updated_at, change.actor_id, change.role),
                *(change.feedback, change.feedback_reason, change.superseded_by, change.superseded_at),
                *(connection.execute(_NEXT_NUMBER, (now, one.scope)).get or (None, None)),
                *((now, None) if change.recorded_at is None else (min(change.recorded_at, now), 1)),
                None if change.before is None else _to_json(change.before, one.key),
            )
            for one in changes
            for change in (one.change,)
        ],
    )


def _to_json(state: State, key: int | None) -> str:
    """Return a state as the file keeps it: without what is None."""
    fields = {name: value for name, value in (*state._asdict().items(), ("position", key)) if value is not None}
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def to_state(text: str) -> State:
    """Return a state that the file keeps."""
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


def forget_followers(connection: apsw.Connection, users: Iterable[str | None] | None = None) -> None:
    """Forget the numbers of users who have nothing left: of these users, by default of all."""
    listed = (None if users is None else json.dumps([user for user in users if user is not None]),)
    gone = (
        "(?1 IS NULL OR f.user_id IN (SELECT value FROM json_each(?1))) "
        "AND NOT EXISTS (SELECT 1 FROM scope s WHERE s.user_id = f.user_id)"
    )
    if last := connection.execute(f"SELECT max(f.last) FROM follower f WHERE {gone}", listed).get:
        forbid_numbers(connection, last)
        connection.execute(f"DELETE FROM follower AS f WHERE {gone}", listed)


def forbid_numbers(connection: apsw.Connection, last: int) -> None:
    """Make new users begin with a number above ``last``."""
    connection.execute(
        "INSERT INTO meta VALUES ('followed', ?1) "
        "ON CONFLICT (name) DO UPDATE SET value = CAST(max(CAST(value AS INTEGER), CAST(?1 AS INTEGER)) AS TEXT)",
        (str(last),),
    )


def followed(connection: apsw.Connection) -> dict[str, int]:
    """Return the number of the last change of every user."""
    return dict(connection.execute("SELECT user_id, last FROM follower"))


def go_on_from(connection: apsw.Connection, numbers: Mapping[str, int]) -> None:
    """Make every user's next numbers higher than those given before."""
    connection.executemany("UPDATE follower SET last = max(last, ?2) WHERE user_id = ?1", numbers.items())
    forbid_numbers(connection, max(numbers.values(), default=0))


def gone(connection: apsw.Connection, within: Expression) -> Iterator[Gone]:
    """Yield the histories of deleted memories in the scopes that match, in the order in which they began."""
    where, parameters = compile_filter(within)
    found = connection.execute(
        f"SELECT h.memory_id, h.scope, s.user_id, s.agent_id, s.run_id, s.app_id, {_WITH_STATES} "
        "FROM scope s CROSS JOIN history h ON h.scope = s.id WHERE NOT EXISTS "
        f"(SELECT 1 FROM memory m WHERE m.id = h.memory_id AND m.key >> 32 = h.scope) AND {where} "
        "ORDER BY min(h.sequence) OVER (PARTITION BY h.scope, h.memory_id), h.sequence",
        parameters,
    )
    for _, of_one in groupby(found, key=itemgetter(0, 1)):
        first, *rest = of_one
        with undamaged():
            check_texts(first[0])
            check_optional_texts(*first[2:6])
        yield Gone(first[0], Scope(*first[2:6]), [to_change(row[6:]) for row in (first, *rest)])


def add_events(connection: apsw.Connection, within: Expression) -> Iterator[AddEvent]:
    """Yield the calls of ``add`` in the scopes that match, oldest first."""
    where, parameters = compile_filter(within)
    for event_id, created_at, results, *ids, _, wishes, due_at, _, problem, finished_at in connection.execute(
        f"SELECT {EVENT_COLUMNS} {EVENTS} WHERE {where} ORDER BY e.sequence", parameters
    ):
        job = None if wishes is None else Job(to_document(wishes), problem, given_up=due_at is None)
        with undamaged():
            check_texts(event_id)
            check_instants(created_at, *(() if finished_at is None else (finished_at,)))
            check_optional_texts(*ids, problem)
            happened = [(one, event) for one, event in json.loads(results)]
        yield AddEvent(event_id, Scope(*ids), created_at, happened, job, finished_at)


def insert_event(connection: apsw.Connection, event: AddEvent, scope: int) -> bool:
    """Keep a call of ``add``, unless there is one with that id; return whether it was kept."""
    connection.execute(
        "INSERT OR IGNORE INTO event (id, scope, created_at, results, finished_at) VALUES (?, ?, ?, ?, ?)",
        (event.id, scope, event.created_at, json.dumps(event.results), event.finished_at),
    )
    return bool(connection.changes())


def history(
    connection: apsw.Connection,
    memory_id: str,
    within: Expression,
    scope: int | None = None,
    *,
    states: bool = False,
) -> list[Change]:
    """Return a memory's changes: those in the scopes that match, or in one, as an imported id may have been another's
    before. With ``states`` they say when they were recorded, and what they replaced."""
    where, parameters = compile_filter(within)
    if scope is not None:
        where, parameters = f"{where} AND s.id = ?", [*parameters, scope]
    rows = connection.execute(
        f"SELECT {_WITH_STATES if states else CHANGES} FROM history h WHERE h.memory_id = ? "
        f"AND EXISTS (SELECT 1 FROM scope s WHERE s.id = h.scope AND {where}) ORDER BY h.sequence",
        (memory_id, *parameters),
    )
    return [to_change(row) for row in rows]


def to_change(row: Sequence[Any]) -> Change:
    """Return the change in a row of CHANGES, which may go on with an instant and a state."""
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


# -- events and documents


EVENTS = "FROM event e JOIN scope s ON s.id = e.scope LEFT JOIN job j ON j.event_id = e.id"
EVENT_COLUMNS = (
    "e.id, e.created_at, e.results, s.user_id, s.agent_id, s.run_id, s.app_id, s.id, "
    "j.wishes, j.due_at, j.changed_at, j.problem, e.finished_at"
)


def to_event(connection: apsw.Connection, row: Sequence[Any], now: int) -> EventItem:
    """Return the call of ``add`` in a row of EVENT_COLUMNS, with the texts its live memories have now."""
    event_id, created_at, results, *ids, scope, wishes, due_at, changed_at, problem, finished_at = row
    pending = wishes is not None and due_at is not None
    texts = dict(
        connection.execute(
            "SELECT m.id, m.text FROM memory m WHERE m.id IN (SELECT value ->> 0 FROM json_each(?)) "
            f"AND m.key >> 32 = ? AND {LIVE}",
            (results, scope, now),
        )
    )
    with undamaged():
        check_texts(event_id, *texts.values())
        item: EventItem = {
            "id": event_id,
            "event_type": "ADD",
            "status": "SUCCEEDED" if wishes is None else "PENDING" if pending else "FAILED",
            "created_at": to_iso(created_at),
            "updated_at": to_iso(next(one for one in (changed_at, finished_at, created_at) if one is not None)),
            "results": [
                {"id": memory_id, "event": event, "memory": texts.get(memory_id)}
                for memory_id, event in json.loads(results)
            ],
        }
    if problem is not None:
        item["problem"] = problem
    item.update(cast("Any", to_ids(ids)))
    return item


def to_ids(row: Sequence[Any]) -> dict[str, str]:
    """Return the ids of a scope that are set."""
    with undamaged():
        check_optional_texts(*row)
    return Scope(*row).ids()


def document(connection: apsw.Connection, kind: str, name: str) -> dict[str, Any] | None:
    """Return a document, or None."""
    value = connection.execute("SELECT value FROM document WHERE kind = ? AND name = ?", (kind, name)).get
    return None if value is None else to_document(value)


def documents(connection: apsw.Connection, kind: str) -> list[dict[str, Any]]:
    """Return the documents of a kind, oldest first."""
    found: list[Any] = connection.execute(
        "SELECT value FROM document WHERE kind = ? ORDER BY sequence", (kind,)
    ).fetchall()
    return [to_document(value) for (value,) in found]


def change_document(
    connection: apsw.Connection,
    kind: str,
    name: str,
    change: Callable[[dict[str, Any] | None], dict[str, Any] | None],
) -> dict[str, Any] | None:
    """Replace a document by what ``change`` makes of it; return what it became."""
    value = change(document(connection, kind, name))
    if value is None:
        connection.execute("DELETE FROM document WHERE kind = ? AND name = ?", (kind, name))
    else:
        put_document(connection, kind, name, value)
    return value


def put_document(connection: apsw.Connection, kind: str, name: str, value: dict[str, Any]) -> None:
    """Keep a document, and replace the one that is there."""
    connection.execute(
        "INSERT INTO document (kind, name, value) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (kind, name) DO UPDATE SET value = ?3",
        (kind, name, json.dumps(value, ensure_ascii=False, allow_nan=False)),
    )


def to_document(value: str) -> dict[str, Any]:
    """Return the document that is kept as this text."""
    with undamaged():
        document = json.loads(value)
        check_object(document)
    return cast("dict[str, Any]", document)
