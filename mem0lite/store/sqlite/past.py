"""What a file held at an instant: its rows, with what was changed since undone, as a small store of their own.

A change keeps the state that it replaced. So the state at an instant is what the first later change replaced, and where
there is none, what the memory is now. Lists, filters, searches and the graph then run on the copy as they do on a file,
and so they answer as they did then. The rejected option, a condition on every query, would be written once more for
each of them, and cost something where nobody asks for the past.

What counts is the order in which changes were recorded. All changes up to the last one that was recorded by the instant
belong to it, whatever the clock did in between. Changes that came with an import count by their own instants.
"""

import json
from collections.abc import Sequence
from typing import Any, cast

import apsw

from ...data.filters import scope_part
from ...data.records import Record, Scope
from ...errors import ValidationError
from ...values import text_hash, to_iso
from .. import histories
from ..damage import check_agreement, check_optional_texts, check_texts, undamaged
from ..protocol import Entry
from ..replay import Asked, Changed, Held, Was
from . import rows, vectors
from .filter_sql import compile_filter

_LISTED = "(SELECT value FROM json_each(?))"
_HISTORY = "FROM json_each(?1) l CROSS JOIN history h ON h.scope = l.value"
_OF_SCOPE = "BETWEEN l.value << 32 AND (l.value << 32) + 4294967295"
_KNOWN = "CASE WHEN h.imported THEN h.recorded_at <= ?2 ELSE h.recorded_at IS NULL OR h.sequence <= ?3 END"
_REMEMBERED = ("version", "seal", "graph", "graph_followed")


# -- reading the file


def read(connection: apsw.Connection, asked: Asked, categories: tuple[str, ...]) -> Held:
    """Return what the connection's snapshot tells of the instant. Raises ValidationError where it is not known."""
    where, parameters = compile_filter(scope_part(asked.within))
    if asked.ids is not None:
        where = f"{where} AND s.id IN (SELECT h.scope FROM history h WHERE h.memory_id IN {_LISTED})"
        parameters = [*parameters, json.dumps(list(asked.ids))]
    scopes = rows.fetch(connection, f"SELECT s.* FROM scope s WHERE {where}", parameters)
    numbers = json.dumps([number for number, *_ in scopes])
    undone = _undone(connection, asked, numbers)
    now = _now(connection, undone)
    tables = _unchanged(connection, asked, numbers, json.dumps([row[0] for row in now.values()]))
    listed = ", ".join(f"'{name}'" for name in _REMEMBERED)
    tables["meta"] = rows.fetch(connection, f"SELECT name, value FROM meta WHERE name IN ({listed})")
    tables["scope"] = scopes
    changed = []
    for memory_id, scope, last in undone:
        was = None if last is None else _was(connection, memory_id, scope, last)
        if was is not None:
            changed.append(_changed(connection, was, now.get((memory_id, scope)), searched=asked.terms is not None))
    return Held(tables, changed, categories, asked.terms is not None)


def _undone(connection: apsw.Connection, asked: Asked, scopes: str) -> list[tuple[str, int, int | None]]:
    """Return the memories that were changed after the instant: id, number of the scope, and the number of the last
    change before, None for what was not there."""
    ids = [] if asked.ids is None else [json.dumps(list(asked.ids))]
    only = "AND h.memory_id IN (SELECT value FROM json_each(?4))" if ids else ""
    return rows.fetch(
        connection,
        f"SELECT memory_id, scope, max(CASE WHEN known THEN sequence END) AS last "
        f"FROM (SELECT h.memory_id, h.scope, h.sequence, {_KNOWN} AS known {_HISTORY} {only}) "
        "GROUP BY scope, memory_id HAVING last IS NULL OR last < max(sequence) ORDER BY scope, min(sequence)",
        (scopes, asked.instant, _last(connection, scopes, asked.instant), *ids),
    )


def _last(connection: apsw.Connection, scopes: str, instant: int) -> int:
    """Return the number of the last change that was recorded by the instant, 0 if there is none.

    Raises ValidationError for an instant before states were kept, if anything in the scopes is that old.
    """
    last: int | None = connection.execute(
        f"SELECT max(h.sequence) {_HISTORY} AND h.recorded_at <= ?2 AND h.imported IS NULL", (scopes, instant)
    ).get
    with undamaged():
        since = int(connection.execute("SELECT value FROM meta WHERE name = 'recorded_since'").get)
    if (
        last is None
        and instant < since
        and rows.fetch_first(connection, f"SELECT 1 {_HISTORY} AND h.recorded_at IS NULL LIMIT 1", (scopes,))
    ):
        raise ValidationError(
            f"Invalid as_of: an older version of mem0lite, which kept no earlier states, wrote this file until "
            f"{to_iso(since)}. Give that instant or a later one.",
            field="as_of",
        )
    return last or 0


def _now(
    connection: apsw.Connection, undone: Sequence[tuple[str, int, int | None]]
) -> dict[tuple[str, int], tuple[int, Record]]:
    """Return the key and the present record of those that are still there, by id and number of the scope."""
    wanted = json.dumps([memory_id for memory_id, *_ in undone])
    found = rows.fetch(
        connection,
        f"SELECT {rows.COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.id IN {_LISTED}",
        (wanted,),
    )
    asked = {(memory_id, scope) for memory_id, scope, _ in undone}
    return {place: (row[0], rows.to_record(row)) for row in found if (place := (row[1], row[0] >> 32)) in asked}


def _was(connection: apsw.Connection, memory_id: str, scope: int, last: int) -> Was | None:
    """Return what a memory was after a change, None if that deleted it."""
    first, *later = rows.fetch(
        connection,
        "SELECT h.event, h.text_before, h.actor_id, h.role, json(h.before) FROM history h INDEXED BY history_by_memory "
        "WHERE h.memory_id = ? AND h.scope = ? AND h.sequence >= ? ORDER BY h.sequence",
        (memory_id, scope, last),
    )
    if first[0] == "DELETE":
        return None
    _, text, actor_id, role, before = later[0]
    if before is None:
        raise ValidationError(
            f"Invalid as_of: what memory {memory_id} was then is not known, as its history was imported without the "
            "states that changes replaced. Give another instant.",
            field="as_of",
        )
    with undamaged():
        check_texts(text)
        check_optional_texts(actor_id, role)
    ids = rows.fetch_first(connection, "SELECT user_id, agent_id, run_id, app_id FROM scope WHERE id = ?", (scope,))
    state = histories.to_state(before)
    record = Record(memory_id, Scope(*ids), text, text_hash(text), actor_id=actor_id, role=role, **state._asdict())
    deleted = next((row[4] for row in later if row[0] == "DELETE"), None)
    return Was(record, None if deleted is None else histories.key_in(deleted))


def _changed(connection: apsw.Connection, was: Was, now: tuple[int, Record] | None, *, searched: bool) -> Changed:
    """Return a memory that was something else, with its vector, if it is still in the file."""
    if was.key is not None:
        return Changed(was.key, was.record, None)
    check_agreement(int(now is not None), 1)
    key, record = cast("tuple[int, Record]", now)
    kept = searched and record.text == was.record.text
    vector = vectors.of(connection, [key]).get(key) if kept else None
    return Changed(key, was.record, None if vector is None else rows.from_bytes(vector))


def _unchanged(connection: apsw.Connection, asked: Asked, scopes: str, hidden: str) -> dict[str, list[Sequence[Any]]]:
    """Return the rows that are as they were, by table."""

    def rows_of(table: str) -> list[Sequence[Any]]:
        return rows.fetch(
            connection,
            f"SELECT t.* FROM json_each(?) l CROSS JOIN {table} t ON t.key {_OF_SCOPE} AND t.key NOT IN {_LISTED}",
            (scopes, hidden),
        )

    if asked.ids is not None:
        found = rows.fetch(
            connection,
            f"SELECT m.* FROM memory m WHERE m.id IN {_LISTED} AND m.key >> 32 IN {_LISTED} AND m.key NOT IN {_LISTED}",
            (json.dumps(list(asked.ids)), scopes, hidden),
        )
        return {"memory": found}
    tables = {table: rows_of(table) for table in ("memory", "mention", "relation")}
    if asked.terms is not None:
        hidden_keys = set(json.loads(hidden))
        tables["vector"] = [
            row
            for scope in json.loads(scopes)
            for row in vectors.within(connection, scope << 32, (scope << 32) + 0xFFFFFFFF)
            if row[0] not in hidden_keys
        ]
        tables["posting"] = rows.fetch(
            connection,
            "SELECT p.* FROM json_each(?) l CROSS JOIN scope s ON s.id = l.value CROSS JOIN json_each(?) t "
            f"CROSS JOIN posting p ON p.owner_id = s.owner_id AND p.term = t.value AND p.key {_OF_SCOPE} "
            f"AND p.key NOT IN {_LISTED}",
            (scopes, json.dumps(asked.terms), hidden),
        )
    return tables


# -- making the copy


def fill(connection: apsw.Connection, held: Held, made: Sequence[Entry]) -> None:
    """Put into an empty file what was held at the instant."""
    for table, found in held.tables.items():
        if found:
            marks = ", ".join("?" * len(found[0]))
            connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", found)
    owners = dict(rows.fetch(connection, "SELECT id, owner_id FROM scope"))
    for one, entry in zip(held.changed, made, strict=True):
        rows.insert_at(connection, one.key, owners[one.key >> 32], entry, one.record, 0)
