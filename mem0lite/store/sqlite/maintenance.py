"""Giving space back, and overwriting what was deleted."""

import json

import apsw

from ..damage import check_agreement
from . import rows, vectors
from .database import BUSY_TIMEOUT_MS, Database
from .schema import EXPIRED, OF_SCOPES

_BATCH = 1_000  # rows removed per transaction, so that writers get their turn
_EVENT_LIFETIME = 30 * 24 * 3600 * 1_000_000  # microseconds
_EXPIRED_EXPORT = f"{OF_SCOPES} AND value ->> 'expires_at' <= ?"
_OLD_EVENT = (
    "sequence IN (SELECT e.sequence FROM event e WHERE NOT EXISTS "
    "(SELECT 1 FROM job j WHERE j.event_id = e.id AND j.due_at IS NOT NULL) "
    f"ORDER BY e.sequence LIMIT {_BATCH}) AND created_at <= ?"
)


def vacuum(database: Database, now: int) -> tuple[int, int]:
    """Remove expired memories, old events and expired exports, and bring the vectors of an older file together; return
    the number of memories, and the bytes the file shrank. Write nothing if there is nothing to do: a server does this
    every minute."""
    with database.read(limited=False) as connection:
        expired, old = _due(connection, now)
        apart = vectors.are_apart(connection)
    removed = 0
    while expired and (count := database.write(lambda connection: _remove_expired(connection, now))):
        removed += count
    while old and database.write(lambda connection: _remove_old(connection, now)):
        pass
    while apart and database.write(vectors.pack_old):
        pass
    return removed, database.maintain(shrink)


def rewrite(connection: apsw.Connection) -> None:
    """Write every page of the file again and empty its write-ahead log.

    secure_delete overwrites what is deleted where it lies, but not the copies that SQLite leaves in the unused part of
    a page when it moves rows between pages.
    """
    connection.execute("VACUUM").fetchall()
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)  # waits for readers, for as long as for a lock


def shrink(connection: apsw.Connection) -> int:
    """Give free pages back to the disk; return the bytes, 0 while a reader keeps the file as it is."""
    before = connection.pragma("page_count")
    if connection.pragma("freelist_count"):
        connection.execute("PRAGMA incremental_vacuum").fetchall()
    connection.set_busy_timeout(0)
    try:
        logged, _ = connection.wal_checkpoint()
        if logged > 0:  # truncating an empty log would touch it
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return 0  # the next checkpoint does it; waiting for readers would keep writers waiting too
    finally:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    return int(max(0, before - connection.pragma("page_count")) * connection.pragma("page_size"))


def _due(connection: apsw.Connection, now: int) -> tuple[bool, bool]:
    """Return whether there are expired memories, and whether there are old events or expired exports."""
    expired, exports, events = connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM memory m WHERE {EXPIRED}), "
        f"EXISTS (SELECT 1 FROM document WHERE {_EXPIRED_EXPORT}), "
        f"EXISTS (SELECT 1 FROM event WHERE {_OLD_EVENT})",
        (now, now, now - _EVENT_LIFETIME),
    ).get
    return bool(expired), bool(exports or events)


def _remove_expired(connection: apsw.Connection, now: int) -> int:
    """Remove a batch of expired memories; return how many there were."""
    batch = rows.fetch(connection, f"SELECT m.key FROM memory m WHERE {EXPIRED} LIMIT {_BATCH}", (now,))
    check_agreement(rows.purge(connection, [key for (key,) in batch]), len(batch))
    return len(batch)


def _remove_old(connection: apsw.Connection, now: int) -> bool:
    """Remove a batch of old events, and expired exports; return whether there may be more."""
    connection.execute(f"DELETE FROM document WHERE {_EXPIRED_EXPORT}", (now,))
    old = rows.fetch(connection, f"DELETE FROM event WHERE {_OLD_EVENT} RETURNING scope", (now - _EVENT_LIFETIME,))
    connection.execute("DELETE FROM job WHERE due_at IS NULL AND event_id NOT IN (SELECT id FROM event)")
    kept = rows.fetch(
        connection,
        "SELECT DISTINCT scope FROM event WHERE scope IN (SELECT value FROM json_each(?))",
        (json.dumps([scope for (scope,) in old]),),
    )
    rows.remove_empty_scopes(connection, {scope for (scope,) in old} - {scope for (scope,) in kept})
    return len(old) == _BATCH
