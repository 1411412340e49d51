"""Which memory of a scope holds now: keys that have one value at a time, and memories that supersede others."""

from collections.abc import Sequence
from typing import NamedTuple

from ...data.records import Record
from ...errors import MemoryNotFoundError
from .. import histories
from ..protocol import Entry
from . import log, rows
from .database import Connection
from .schema import LATEST, LIVE, MEMORY_BY_ID


class Row(NamedTuple):
    """A memory and its place in the store."""

    key: int
    record: Record


def named(connection: Connection, ids: Sequence[str], scope: rows.ScopeRow, now: int) -> list[Row]:
    """Return the memories that a caller supersedes by hand, without those that are superseded already.

    Raises MemoryNotFoundError for an id that no live memory of the scope has: which of the two is missing is nobody's
    business who may only see another scope.
    """
    found = []
    for memory_id in ids:
        row = connection.first(
            f"SELECT {rows.COLUMNS} {MEMORY_BY_ID} AND s.id = %s AND {LIVE}", (memory_id, scope.number, now)
        )
        if row is None:
            raise MemoryNotFoundError(
                f"Memory with id {memory_id} not found. A memory supersedes only those with the same user, agent, run "
                "and app"
            )
        found.append(Row(row[0], rows.to_record(row)))
    return [one for one in found if one.record.superseded_at is None]


def replaced(connection: Connection, entry: Entry, scope: rows.ScopeRow, now: int) -> tuple[Record, list[Row]]:
    """Return how an entry with a key is to be stored, perhaps as superseded, and the memories that it supersedes."""
    record = entry.record
    row = connection.first(f"{rows.KEYED} AND {LATEST}", (*scope.place, record.key))
    if row is None:
        return record, []
    current = Row(row[0], rows.to_record(row))
    if not entry.dated or current.record.created_at <= record.created_at or current.record.is_expired(now):
        return record, [current]
    later = connection.first(
        f"{rows.KEYED} AND {LIVE} AND m.created_at > %s ORDER BY m.created_at, m.key LIMIT 1",
        (*scope.place, record.key, now, record.created_at),
    )
    successor = rows.to_record(later or row)
    before = connection.fetch(
        f"{rows.KEYED} AND {LIVE} AND m.superseded_by = %s AND m.created_at <= %s AND m.superseded_at > %s",
        (*scope.place, record.key, now, successor.id, record.created_at, record.created_at),
    )
    return record.superseded(successor.id, successor.created_at, now), [
        Row(one[0], rows.to_record(one)) for one in before
    ]


def supersede(
    connection: Connection, found: Sequence[Row], by: str, since: int, scope: rows.ScopeRow, version: int, now: int
) -> list[str]:
    """Supersede memories of a scope, note it in their histories, and return their ids."""
    for key, before in found:
        after = before.superseded(by, since, now)
        connection.send(
            "UPDATE memory SET superseded_by = %s, superseded_at = %s, version = %s WHERE owner_id = %s AND key = %s",
            (after.superseded_by, after.superseded_at, version, scope.owner, key),
        )
        change = histories.change("SUPERSEDE", before, after._replace(updated_at=now))
        log.note(connection, [histories.Noted(scope.number, before.id, change)], now)
    if found:
        rows.note_rewritten(connection, version, [scope.number])
        scope.rewritten = version
    return [before.id for _, before in found]


def predecessors(connection: Connection, keys: Sequence[int], now: int) -> tuple[list[int], list[int]]:
    """Return the keys of what memories superseded, of what that superseded, and so on: of live ones, and of expired
    ones. All are of the scope of the memory that superseded them."""
    found = connection.fetch(
        "WITH RECURSIVE old(owner_id, key) AS ("
        "SELECT s.owner_id, l.key FROM unnest(%s::bigint[]) l(key) JOIN scope s ON s.id = l.key >> 32 "
        "UNION SELECT m.owner_id, m.key FROM old JOIN memory s ON s.owner_id = old.owner_id AND s.key = old.key "
        "JOIN memory m ON m.owner_id = s.owner_id AND m.superseded_by = s.id AND m.key >> 32 = s.key >> 32) "
        f"SELECT m.key, {LIVE} FROM old JOIN memory m ON m.owner_id = old.owner_id AND m.key = old.key ORDER BY m.key",
        (list(keys), now),
    )
    before = [(key, lives) for key, lives in found if key not in keys]
    return [key for key, lives in before if lives], [key for key, lives in before if not lives]
