"""Counting what users keep."""

from collections.abc import Sequence

from ..protocol import Held
from .database import Connection
from .schema import LIVE, MEMORIES

_COUNTED = (
    "count(*), coalesce(sum(octet_length(m.text) + coalesce(octet_length(m.metadata_text), 0)), 0)::bigint, "
    "min(m.expires_at)"
)
_BY_IDS = (
    "FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key JOIN scope s ON s.id = m.key >> 32 "
    "WHERE l.id = ANY(%s::text[])"
)


def users(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return the users of the memories with these ids."""
    found = connection.fetch(f"SELECT DISTINCT s.user_id {_BY_IDS}", (list(ids),))
    return {user for (user,) in found if user is not None}


def state(connection: Connection, user_id: str) -> tuple[int, int]:
    """Return the number of scopes of a user, and the version of the last change in one of them."""
    row = connection.first("SELECT count(*), coalesce(max(version), 0) FROM scope WHERE user_id = %s", (user_id,))
    return row[0], row[1]


def of_user(connection: Connection, user_id: str, now: int) -> Held:
    """Count all live memories of a user."""
    return Held(*connection.first(f"SELECT {_COUNTED} {MEMORIES} WHERE s.user_id = %s AND {LIVE}", (user_id, now)))


def of_memories(connection: Connection, ids: Sequence[str], now: int) -> dict[str, Held]:
    """Count the live memories with these ids, by their users."""
    found = connection.fetch(
        f"SELECT s.user_id, {_COUNTED} {_BY_IDS} AND s.user_id IS NOT NULL AND {LIVE} GROUP BY s.user_id",
        (list(ids), now),
    )
    return {user: Held(*counted) for user, *counted in found}
