"""What happened and what is kept beside the memories: histories, events, and documents."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from ...data.filters import Expression
from ...data.records import AddEvent, Change, Gone, Scope
from ...types import EventItem
from .. import histories
from .database import Connection
from .filter_sql import compile_filter
from .schema import LIVE

CHANGES = ", ".join(f"h.{column}" for column in histories.COLUMNS.split(", "))
_WITH_STATES = f"{CHANGES}, h.recorded_at, h.before"

# A view numbers its user's changes itself, as in a SQLite file: the first number is the present, and above the highest
# number of all users who were forgotten.
_NOTE = (
    "WITH f AS (INSERT INTO follower AS f (user_id, last) SELECT s.user_id, greatest(%s, 1 + coalesce("
    "(SELECT value::bigint FROM meta WHERE name = 'followed'), 0)) FROM scope s WHERE s.id = %s "
    "AND s.user_id IS NOT NULL ON CONFLICT (user_id) DO UPDATE SET last = f.last + 1 RETURNING id, last) "
    f"INSERT INTO history (sequence, scope, memory_id, {histories.COLUMNS}, recorded_at, imported, before, "
    "follower_id, number) VALUES (nextval('change_number'), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
    "%s, %s, %s, (SELECT id FROM f), (SELECT last FROM f))"
)


def note(connection: Connection, noted: Sequence[histories.Noted], now: int) -> None:
    """Note changes."""
    with connection.pipelined():
        for one in noted:
            change = one.change
            connection.send(
                _NOTE,
                (
                    *(now, one.scope, one.scope, one.memory_id, change.id, change.event, change.old_memory),
                    *(change.new_memory, change.created_at, change.updated_at, change.actor_id, change.role),
                    *(change.feedback, change.feedback_reason, change.superseded_by, change.superseded_at),
                    *((now, False) if change.recorded_at is None else (min(change.recorded_at, now), True)),
                    None if change.before is None else histories.state_json(change.before, one.key),
                ),
            )


def forget_followers(connection: Connection, users: Iterable[str | None] | None = None) -> None:
    """Forget the numbers of users who have nothing left: of these users, by default of all."""
    gone = "NOT EXISTS (SELECT 1 FROM scope s WHERE s.user_id = f.user_id)"
    parameters: list[Any] = []
    if users is not None:
        gone += " AND f.user_id = ANY(%s::text[])"
        parameters = [[user for user in users if user is not None]]
    if last := connection.value(f"SELECT max(f.last) FROM follower f WHERE {gone}", parameters):
        connection.run(
            "INSERT INTO meta AS m VALUES ('followed', %s) ON CONFLICT (name) "
            "DO UPDATE SET value = greatest(m.value::bigint, excluded.value::bigint)::text",
            (str(last),),
        )
        connection.run(f"DELETE FROM follower f WHERE {gone}", parameters)


def gone(connection: Connection, within: Expression) -> Iterator[Gone]:
    """Yield the histories of deleted memories in the scopes that match, in the order in which they began."""
    where, parameters = compile_filter(within)
    found = connection.fetch(
        f"SELECT h.memory_id, h.scope, s.user_id, s.agent_id, s.run_id, s.app_id, {_WITH_STATES} "
        "FROM scope s JOIN history h ON h.scope = s.id WHERE NOT EXISTS "
        f"(SELECT 1 FROM place l WHERE l.id = h.memory_id AND l.key >> 32 = h.scope) AND {where} "
        "ORDER BY min(h.sequence) OVER (PARTITION BY h.scope, h.memory_id), h.sequence",
        parameters,
    )
    for _, of_one in groupby(found, key=itemgetter(0, 1)):
        first, *rest = of_one
        yield Gone(first[0], Scope(*first[2:6]), [histories.to_change(row[6:]) for row in (first, *rest)])


def add_events(connection: Connection, within: Expression) -> Iterator[AddEvent]:
    """Yield the calls of ``add`` in the scopes that match, oldest first."""
    where, parameters = compile_filter(within)
    found = connection.fetch(f"SELECT {EVENT_COLUMNS} {EVENTS} WHERE {where} ORDER BY e.sequence", parameters)
    yield from map(histories.to_add_event, found)


_INSERT_EVENT = (
    "INSERT INTO event (id, scope, created_at, results, finished_at) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (id) DO NOTHING"
)


def _event_row(event: AddEvent, scope: int) -> Sequence[Any]:
    return event.id, scope, event.created_at, json.dumps(event.results), event.finished_at


def send_event(connection: Connection, event: AddEvent, scope: int) -> None:
    """Keep a call of ``add``, unless there is one with that id."""
    connection.send(_INSERT_EVENT, _event_row(event, scope))


def insert_event(connection: Connection, event: AddEvent, scope: int) -> bool:
    """Keep a call of ``add``, unless there is one with that id; return whether it was kept."""
    return bool(connection.run(_INSERT_EVENT, _event_row(event, scope)))


def history(
    connection: Connection, memory_id: str, within: Expression, scope: int | None = None, *, states: bool = False
) -> list[Change]:
    """Return a memory's changes: those in the scopes that match, or in one, as an imported id may have been another's
    before. With ``states`` they say when they were recorded, and what they replaced."""
    where, parameters = compile_filter(within)
    if scope is not None:
        where, parameters = f"{where} AND s.id = %s", [*parameters, scope]
    found = connection.fetch(
        f"SELECT {_WITH_STATES if states else CHANGES} FROM history h JOIN scope s ON s.id = h.scope "
        f"WHERE h.memory_id = %s AND {where} ORDER BY h.sequence",
        (memory_id, *parameters),
    )
    return [histories.to_change(row) for row in found]


# -- events and documents


EVENTS = "FROM event e JOIN scope s ON s.id = e.scope LEFT JOIN job j ON j.event_id = e.id"
EVENT_COLUMNS = histories.EVENT_COLUMNS


def to_event(connection: Connection, row: Sequence[Any], now: int) -> EventItem:
    """Return the call of ``add`` in a row of EVENT_COLUMNS, with the texts its live memories have now."""
    texts = dict(
        connection.fetch(
            "SELECT m.id, m.text FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key "
            f"WHERE l.id = ANY(%s::text[]) AND l.key >> 32 = %s AND {LIVE}",
            ([memory_id for memory_id, _ in json.loads(row[2])], row[7], now),
        )
    )
    return histories.event_item(row, texts)


def document(connection: Connection, kind: str, name: str) -> dict[str, Any] | None:
    """Return a document, or None."""
    value = connection.value("SELECT value FROM document WHERE kind = %s AND name = %s", (kind, name))
    return None if value is None else histories.to_document(value)


def documents(connection: Connection, kind: str) -> list[dict[str, Any]]:
    """Return the documents of a kind, oldest first."""
    found = connection.fetch("SELECT value FROM document WHERE kind = %s ORDER BY sequence", (kind,))
    return [histories.to_document(value) for (value,) in found]


def change_document(
    connection: Connection,
    kind: str,
    name: str,
    change: Callable[[dict[str, Any] | None], dict[str, Any] | None],
) -> dict[str, Any] | None:
    """Replace a document by what ``change`` makes of it; return what it became."""
    value = change(document(connection, kind, name))
    if value is None:
        connection.run("DELETE FROM document WHERE kind = %s AND name = %s", (kind, name))
    else:
        put_document(connection, kind, name, value)
    return value


def put_document(connection: Connection, kind: str, name: str, value: dict[str, Any]) -> None:
    """Keep a document, and replace the one that is there."""
    connection.run(
        "INSERT INTO document (kind, name, value) VALUES (%s, %s, %s) "
        "ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value",
        (kind, name, json.dumps(value, ensure_ascii=False, allow_nan=False)),
    )
