"""Which memory of a scope holds now: keys that have one value at a time, and memories that supersede others."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import apsw

from ...data.records import Record
from ...errors import MemoryNotFoundError
from .. import histories
from ..protocol import Entry
from . import log, rows
from .schema import LATEST, LIVE


class Row(NamedTuple):
    """A memory and its place in the file."""

    key: int
    record: Record


def named(connection: apsw.Connection, ids: Sequence[str], scope: rows.ScopeRow, now: int) -> list[Row]:
    """Return the memories that a caller supersedes by hand, without those that are superseded already.

    Raises MemoryNotFoundError for an id that no live memory of the scope has: which of the two is missing is nobody's
    business who may only see another scope.
    """
    found = []
    for memory_id in ids:
        sql = f"SELECT {rows.COLUMNS} FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.id = ? AND s.id = ?"
        row = rows.fetch_first(connection, f"{sql} AND {LIVE}", (memory_id, scope.number, now))
        if row is None:
            raise MemoryNotFoundError(
                f"Memory with id {memory_id} not found. A memory supersedes only those with the same user, agent, run "
                "and app"
            )
        found.append(Row(row[0], rows.to_record(row)))
    return [one for one in found if one.record.superseded_at is None]


def replaced(connection: apsw.Connection, entry: Entry, scope: rows.ScopeRow, now: int) -> tuple[Record, list[Row]]:
    """Return how an entry with a key is to be stored, perhaps as superseded, and the memories that it supersedes."""
    record = entry.record
    row = rows.fetch_first(connection, f"{rows.KEYED} AND {LATEST}", (record.key, scope.number))
    if row is None:
        return record, []
    current = Row(row[0], rows.to_record(row))
    if not entry.dated or current.record.created_at <= record.created_at or current.record.is_expired(now):
        return record, [current]
    where = f"{LIVE} AND m.created_at > ? ORDER BY m.created_at, m.key LIMIT 1"
    later = rows.fetch_first(
        connection, f"{rows.KEYED} AND {where}", (record.key, scope.number, now, record.created_at)
    )
    successor = rows.to_record(later or row)
    before = rows.fetch(
        connection,
        f"{rows.KEYED} AND {LIVE} AND m.superseded_by = ? AND m.created_at <= ? AND m.superseded_at > ?",
        (record.key, scope.number, now, successor.id, record.created_at, record.created_at),
    )
    return record.superseded(successor.id, successor.created_at, now), [
        Row(one[0], rows.to_record(one)) for one in before
    ]


def supersede(
    connection: apsw.Connection,
    found: Sequence[Row],
    by: str,
    since: int,
    scope: rows.ScopeRow,
    version: int,
    now: int,
) -> list[str]:
    """Supersede memories of a scope, note it in their histories, and return their ids."""
    for key, before in found:
        after = before.superseded(by, since, now)
        connection.execute(
            "UPDATE memory SET superseded_by = ?, superseded_at = ?, version = ? WHERE key = ?",
            (after.superseded_by, after.superseded_at, version, key),
        )
        change = histories.change("SUPERSEDE", before, after._replace(updated_at=now))
        log.note(connection, [histories.Noted(scope.number, before.id, change)], now)
    if found:
        rows.note_rewritten(connection, version, [scope.number])
        scope.rewritten = version
    return [before.id for _, before in found]


def predecessors(connection: apsw.Connection, keys: Sequence[int], now: int) -> tuple[list[int], list[int]]:
    """Return the keys of what memories superseded, of what that superseded, and so on: of live ones, and of expired
    ones. All are of the scope of the memory that superseded them."""
    found = rows.fetch(
        connection,
        "WITH RECURSIVE old(key) AS (SELECT value FROM json_each(?) UNION SELECT m.key FROM old "
        "CROSS JOIN memory s ON s.key = old.key CROSS JOIN memory m ON m.superseded_by = s.id "
        f"AND m.key >> 32 = s.key >> 32) SELECT m.key, {LIVE} FROM old JOIN memory m ON m.key = old.key ORDER BY m.key",
        (json.dumps(list(keys)), now),
    )
    before = [(key, lives) for key, lives in found if key not in keys]
    return [key for key, lives in before if lives], [key for key, lives in before if not lives]
