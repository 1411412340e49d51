"""What the database held at an instant, with what was changed since undone (``replay``).

What counts is the order in which changes were recorded. All changes up to the last one that was recorded by the instant
belong to it, whatever the clock did in between. Changes that came with an import count by their own instants.
"""

from collections.abc import Sequence
from typing import Any, cast

from ...data.filters import scope_part
from ...data.records import Record, Scope
from ...errors import ValidationError
from ...values import text_hash
from .. import histories
from ..protocol import Entry
from ..replay import Asked, Changed, Held, Was
from . import rows
from .database import Connection
from .filter_sql import compile_filter
from .schema import SCOPE_KEYS

_SCOPE = (  # in the order in which a SQLite file has its columns
    "s.id, s.owner_id, s.user_id, s.agent_id, s.run_id, s.next_sequence, s.app_id, s.version, s.rewritten, s.spent"
)


def read(connection: Connection, asked: Asked, categories: tuple[str, ...]) -> tuple[Held, list[Changed]]:
    """Return what the connection's snapshot tells of the instant: what was something else, and the memories that are as
    they were. Raises ValidationError where it is not known."""
    where, parameters = compile_filter(scope_part(asked.within))
    if asked.ids is not None:
        where = f"{where} AND s.id IN (SELECT h.scope FROM history h WHERE h.memory_id = ANY(%s::text[]))"
        parameters = [*parameters, list(asked.ids)]
    scopes = connection.fetch(f"SELECT {_SCOPE} FROM scope s WHERE {where}", parameters)
    numbers = [number for number, *_ in scopes]
    undone = _undone(connection, asked, numbers)
    now = _now(connection, undone)
    changed = []
    for memory_id, scope, last in undone:
        was = None if last is None else _was(connection, memory_id, scope, last)
        if was is not None:
            changed.append(_changed(connection, was, now.get((memory_id, scope)), searched=asked.terms is not None))
    kept = _unchanged(connection, asked, numbers, {key for key, _ in now.values()})
    tables = _graph_rows(connection, [one.key for one in kept])
    tables["scope"] = scopes
    tables["meta"] = connection.fetch("SELECT name, value FROM meta WHERE name IN ('seal', 'graph')")
    return Held(tables, changed, categories, asked.terms is not None), kept


def as_it_is(one: Changed) -> Entry:
    """Return a memory that is as it was; its part of the graph is in the tables."""
    return Entry(one.record, one.vector)


def _undone(connection: Connection, asked: Asked, scopes: Sequence[int]) -> list[tuple[str, int, int | None]]:
    """Return the memories that were changed after the instant: id, number of the scope, and the number of the last
    change before, None for what was not there."""
    last = connection.value(
        "SELECT max(h.sequence) FROM history h WHERE h.scope = ANY(%s::bigint[]) AND h.recorded_at <= %s "
        "AND NOT h.imported",
        (scopes, asked.instant),
    )
    only, ids = ("", []) if asked.ids is None else ("AND h.memory_id = ANY(%s::text[])", [list(asked.ids)])
    return connection.fetch(
        "SELECT memory_id, scope, max(sequence) FILTER (WHERE known) FROM (SELECT h.memory_id, h.scope, h.sequence, "
        "CASE WHEN h.imported THEN h.recorded_at <= %s ELSE h.sequence <= %s END AS known "
        f"FROM history h WHERE h.scope = ANY(%s::bigint[]) {only}) h GROUP BY scope, memory_id "
        "HAVING max(sequence) FILTER (WHERE known) IS DISTINCT FROM max(sequence) ORDER BY scope, min(sequence)",
        (asked.instant, last or 0, scopes, *ids),
    )


def _now(
    connection: Connection, undone: Sequence[tuple[str, int, int | None]]
) -> dict[tuple[str, int], tuple[int, Record]]:
    """Return the key and the present record of those that are still there, by id and number of the scope."""
    found = connection.fetch(
        f"SELECT {rows.COLUMNS} FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key "
        "JOIN scope s ON s.id = m.key >> 32 WHERE l.id = ANY(%s::text[])",
        ([memory_id for memory_id, *_ in undone],),
    )
    asked = {(memory_id, scope) for memory_id, scope, _ in undone}
    return {place: (row[0], rows.to_record(row)) for row in found if (place := (row[1], row[0] >> 32)) in asked}


def _was(connection: Connection, memory_id: str, scope: int, last: int) -> Was | None:
    """Return what a memory was after a change, None if that deleted it."""
    first, *later = connection.fetch(
        "SELECT h.event, h.text_before, h.actor_id, h.role, h.before FROM history h "
        "WHERE h.memory_id = %s AND h.scope = %s AND h.sequence >= %s ORDER BY h.sequence",
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
    ids = connection.first("SELECT user_id, agent_id, run_id, app_id FROM scope WHERE id = %s", (scope,))
    state = histories.to_state(before)
    record = Record(memory_id, Scope(*ids), text, text_hash(text), actor_id=actor_id, role=role, **state._asdict())
    deleted = next((row[4] for row in later if row[0] == "DELETE"), None)
    return Was(record, None if deleted is None else histories.key_in(deleted))


def _changed(connection: Connection, was: Was, now: tuple[int, Record] | None, *, searched: bool) -> Changed:
    """Return a memory that was something else, with its vector, if it is still in the store."""
    if was.key is not None:
        return Changed(was.key, was.record, None)
    key, record = cast("tuple[int, Record]", now)
    if not searched or record.text != was.record.text:
        return Changed(key, was.record, None)
    sent = connection.value(
        f"SELECT vector_send(v.vector) {rows.WITH_KEYS} JOIN embedding v ON v.owner_id = m.owner_id AND v.key = m.key",
        ([key],),
    )
    return Changed(key, was.record, rows.from_binary(sent))


def _unchanged(connection: Connection, asked: Asked, scopes: Sequence[int], hidden: set[int]) -> list[Changed]:
    """Return the memories that are as they were, with their vectors, if something is searched."""
    only, ids = ("", []) if asked.ids is None else ("AND m.id = ANY(%s::text[])", [list(asked.ids)])
    sent, joined = "NULL::bytea", ""
    if asked.terms is not None:
        sent, joined = "vector_send(v.vector)", "JOIN embedding v ON v.owner_id = m.owner_id AND v.key = m.key"
    found = connection.fetch(
        f"SELECT {sent}, {rows.COLUMNS} FROM scope s JOIN memory m ON m.owner_id = s.owner_id AND m.key {SCOPE_KEYS} "
        f"{joined} WHERE s.id = ANY(%s::bigint[]) {only} ORDER BY m.key",
        (scopes, *ids),
    )
    return [
        Changed(row[1], rows.to_record(row[1:]), None if row[0] is None else rows.from_binary(row[0]))
        for row in found
        if row[1] not in hidden
    ]


def _graph_rows(connection: Connection, keys: Sequence[int]) -> dict[str, list[Any]]:
    """Return the rows of the graph of memories, by table."""
    return {
        table: connection.fetch(
            f"SELECT t.* {rows.WITH_KEYS} JOIN {table} t ON t.owner_id = m.owner_id AND t.key = m.key", (keys,)
        )
        for table in ("mention", "relation")
    }
