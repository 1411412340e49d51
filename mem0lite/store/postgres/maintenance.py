"""Removing what is over: expired memories, old events, expired exports."""

from .. import histories
from . import rows
from .database import Connection, Database
from .schema import EXPIRED, OF_SCOPES

_BATCH = 1_000  # rows removed per transaction, so that writers get their turn
_EVENT_LIFETIME = 30 * 24 * 3600 * 1_000_000  # microseconds
_OLD_EVENTS = (
    "FROM event e WHERE e.created_at <= %s "
    "AND NOT EXISTS (SELECT 1 FROM job j WHERE j.event_id = e.id AND j.due_at IS NOT NULL)"
)


def vacuum(database: Database, now: int) -> int:
    """Remove expired memories, old events and expired exports; return the number of memories. Write nothing if there is
    nothing to remove: a server does this every minute."""
    with database.read(limited=False) as connection:
        expired = connection.value(f"SELECT EXISTS (SELECT 1 FROM memory m WHERE {EXPIRED})", (now,))
        old = _old_exports(connection, now) or connection.value(
            f"SELECT EXISTS (SELECT 1 {_OLD_EVENTS})", (now - _EVENT_LIFETIME,)
        )
    removed = 0
    while expired and (count := database.write(lambda connection: _remove_expired(connection, now))):
        removed += count
    while old and database.write(lambda connection: _remove_old(connection, now)):
        pass
    return removed


def _old_exports(connection: Connection, now: int) -> list[int]:
    """Return the numbers of the exports that expired."""
    found = connection.fetch(f"SELECT sequence, value FROM document WHERE {OF_SCOPES}")
    ends = [(sequence, histories.to_document(value).get("expires_at")) for sequence, value in found]
    return [sequence for sequence, end in ends if isinstance(end, int) and end <= now]


def _remove_expired(connection: Connection, now: int) -> int:
    """Remove a batch of expired memories; return how many there were."""
    batch = connection.fetch(f"SELECT m.key FROM memory m WHERE {EXPIRED} LIMIT {_BATCH}", (now,))
    return rows.purge(connection, [key for (key,) in batch])


def _remove_old(connection: Connection, now: int) -> bool:
    """Remove a batch of old events, and expired exports; return whether there may be more."""
    connection.run("DELETE FROM document WHERE sequence = ANY(%s::bigint[])", (_old_exports(connection, now),))
    old = connection.fetch(
        f"DELETE FROM event WHERE sequence IN (SELECT e.sequence {_OLD_EVENTS} ORDER BY e.sequence LIMIT {_BATCH}) "
        "RETURNING scope",
        (now - _EVENT_LIFETIME,),
    )
    connection.run(
        "DELETE FROM job j WHERE j.due_at IS NULL AND NOT EXISTS (SELECT 1 FROM event e WHERE e.id = j.event_id)"
    )
    scopes = {scope for (scope,) in old}
    kept = connection.fetch("SELECT DISTINCT scope FROM event WHERE scope = ANY(%s::bigint[])", (list(scopes),))
    rows.remove_empty_scopes(connection, scopes - {scope for (scope,) in kept})
    return len(old) == _BATCH
