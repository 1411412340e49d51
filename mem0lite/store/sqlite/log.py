"""What happened and what is kept beside the memories: histories, events, and documents."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import apsw

from ...data.filters import Expression
from ...data.records import AddEvent, Change, Gone, Scope
from ...types import EventItem
from .. import histories
from ..damage import check_optional_texts, check_texts, undamaged
from .filter_sql import compile_filter
from .schema import LIVE

CHANGES = ", ".join(f"h.{column}" for column in histories.COLUMNS.split(", "))
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


def note(connection: apsw.Connection, changes: Iterable[histories.Noted], now: int) -> None:
    """Note changes."""
    connection.executemany(
        f"INSERT INTO history (scope, memory_id, {histories.COLUMNS}, "
        "follower_id, number, recorded_at, imported, before) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, jsonb(?))",
        [
            (
                *(one.scope, one.memory_id, change.id, change.event, change.old_memory, change.new_memory),
                *(change.created_at, change.updated_at, change.actor_id, change.role),
                *(change.feedback, change.feedback_reason, change.superseded_by, change.superseded_at),
                *(connection.execute(_NEXT_NUMBER, (now, one.scope)).get or (None, None)),
                *((now, None) if change.recorded_at is None else (min(change.recorded_at, now), 1)),
                None if change.before is None else histories.state_json(change.before, one.key),
            )
            for one in changes
            for change in (one.change,)
        ],
    )


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
        yield Gone(first[0], Scope(*first[2:6]), [histories.to_change(row[6:]) for row in (first, *rest)])


def add_events(connection: apsw.Connection, within: Expression) -> Iterator[AddEvent]:
    """Yield the calls of ``add`` in the scopes that match, oldest first."""
    where, parameters = compile_filter(within)
    for row in connection.execute(f"SELECT {EVENT_COLUMNS} {EVENTS} WHERE {where} ORDER BY e.sequence", parameters):
        yield histories.to_add_event(row)


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
    return [histories.to_change(row) for row in rows]


# -- events and documents


EVENTS = "FROM event e JOIN scope s ON s.id = e.scope LEFT JOIN job j ON j.event_id = e.id"
EVENT_COLUMNS = histories.EVENT_COLUMNS


def to_event(connection: apsw.Connection, row: Sequence[Any], now: int) -> EventItem:
    """Return the call of ``add`` in a row of EVENT_COLUMNS, with the texts its live memories have now."""
    texts = dict(
        connection.execute(
            "SELECT m.id, m.text FROM memory m WHERE m.id IN (SELECT value ->> 0 FROM json_each(?)) "
            f"AND m.key >> 32 = ? AND {LIVE}",
            (row[2], row[7], now),
        )
    )
    return histories.event_item(row, texts)


def document(connection: apsw.Connection, kind: str, name: str) -> dict[str, Any] | None:
    """Return a document, or None."""
    value = connection.execute("SELECT value FROM document WHERE kind = ? AND name = ?", (kind, name)).get
    return None if value is None else histories.to_document(value)


def documents(connection: apsw.Connection, kind: str) -> list[dict[str, Any]]:
    """Return the documents of a kind, oldest first."""
    found: list[Any] = connection.execute(
        "SELECT value FROM document WHERE kind = ? ORDER BY sequence", (kind,)
    ).fetchall()
    return [histories.to_document(value) for (value,) in found]


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
