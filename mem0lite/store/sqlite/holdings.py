"""Counting what users keep."""

import json
from collections.abc import Sequence

import apsw

from ..protocol import Held
from .schema import LIVE, MEMORIES

# octet_length reads no text, only its size. ``memory_by_id`` and ``scope_by_ids`` find the rows.
_COUNTED = (
    "count(*), ifnull(sum(octet_length(m.text) + ifnull(octet_length(json(m.metadata)), 0)), 0), min(m.expires_at)"
)
_BY_IDS = "FROM memory m JOIN scope s ON s.id = m.key >> 32 WHERE m.id IN (SELECT value FROM json_each(?))"


def users(connection: apsw.Connection, ids: Sequence[str]) -> set[str]:
    """Return the users of the memories with these ids."""
    found = connection.execute(f"SELECT DISTINCT s.user_id {_BY_IDS}", (json.dumps(list(ids)),))
    return {user for (user,) in found if user is not None}


def state(connection: apsw.Connection, user_id: str) -> tuple[int, int]:
    """Return the number of scopes of a user, and the version of the last change in one of them."""
    row = connection.execute("SELECT count(*), ifnull(max(version), 0) FROM scope WHERE user_id = ?", (user_id,)).get
    return row[0], row[1]


def of_user(connection: apsw.Connection, user_id: str, now: int) -> Held:
    """Count all live memories of a user."""
    return Held(*connection.execute(f"SELECT {_COUNTED} {MEMORIES} WHERE s.user_id = ? AND {LIVE}", (user_id, now)).get)


def of_memories(connection: apsw.Connection, ids: Sequence[str], now: int) -> dict[str, Held]:
    """Count the live memories with these ids, by their users."""
    found = connection.execute(
        f"SELECT s.user_id, {_COUNTED} {_BY_IDS} AND s.user_id IS NOT NULL AND {LIVE} GROUP BY s.user_id",
        (json.dumps(list(ids)), now),
    )
    return {user: Held(*counted) for user, *counted in found}
