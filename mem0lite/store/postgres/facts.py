"""Which facts were drawn from which memories. A fact and its sources are of one scope.

A pair stays while the fact does, also when the source is gone: an import may bring the source later.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from ...data.records import Record
from ..drawn import Drawn
from .database import Connection

_DRAWN = (
    "SELECT DISTINCT p.owner_id, p.key FROM unnest(%s::bigint[]) l(key) JOIN scope s ON s.id = l.key >> 32 "
    "JOIN memory t ON t.owner_id = s.owner_id AND t.key = l.key "
    "JOIN source p ON p.owner_id = t.owner_id AND p.source_id = t.id AND p.key >> 32 = t.key >> 32"
)
_SOURCES = (
    f"SELECT d.key, m.key, m.expires_at FROM ({_DRAWN}) d "
    "JOIN source p ON p.owner_id = d.owner_id AND p.key = d.key "
    "JOIN place l ON l.id = p.source_id AND l.key >> 32 = d.key >> 32 "
    "JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key ORDER BY d.key"
)


def send_links(connection: Connection, owner: int, key: int, record: Record) -> None:
    """Note the sources of a memory, if it is a fact."""
    if record.sources is not None:
        connection.send(
            "INSERT INTO source (owner_id, source_id, key) SELECT DISTINCT %s, l.id, %s FROM unnest(%s::text[]) l(id)",
            (owner, key, list(record.sources)),
        )


def drawn_from(connection: Connection, keys: Sequence[int]) -> list[Drawn]:
    """Return the facts that were drawn from memories, with all their sources."""
    found = connection.fetch(_SOURCES, (list(keys),)) if keys else []
    return [
        Drawn(key, {source: expires_at for _, source, expires_at in pairs})
        for key, pairs in groupby(found, key=itemgetter(0))
    ]


def states(connection: Connection, ids: Iterable[str]) -> list[tuple[str, str, int]]:
    """Return the ids, hashes and dates of memories, of those that are there."""
    return connection.fetch(
        "SELECT m.id, m.text_hash, m.created_at FROM place l "
        "JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key WHERE l.id = ANY(%s::text[])",
        (list(ids),),
    )


def expiries(connection: Connection, ids: Sequence[str], scope: int) -> list[int | None]:
    """Return when those of the sources expire that are in a scope."""
    found = connection.fetch(
        "SELECT m.expires_at FROM place l JOIN memory m ON m.owner_id = l.owner_id AND m.key = l.key "
        "WHERE l.id = ANY(%s::text[]) AND l.key >> 32 = %s",
        (list(ids), scope),
    )
    return [expires_at for (expires_at,) in found]
