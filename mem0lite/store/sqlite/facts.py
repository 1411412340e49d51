"""Which facts were drawn from which memories. A fact and its sources are of one scope.

A pair stays while the fact does, also when the source is gone: an import may bring the source later.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

import apsw

from ...data.records import Record
from ..drawn import Drawn

_LISTED = "(SELECT value FROM json_each(?))"
_DRAWN = (
    "SELECT DISTINCT p.key FROM json_each(?) l CROSS JOIN memory t ON t.key = l.value "
    "CROSS JOIN source p ON p.source_id = t.id AND p.key >> 32 = t.key >> 32"
)
_SOURCES = (
    f"SELECT f.key, m.key, m.expires_at FROM ({_DRAWN}) d CROSS JOIN memory f ON f.key = d.key "
    "CROSS JOIN json_each(f.sources) j CROSS JOIN memory m ON m.id = j.value AND m.key >> 32 = f.key >> 32 "
    "ORDER BY f.key"
)


def link(connection: apsw.Connection, key: int, record: Record) -> None:
    """Note the sources of a memory, if it is a fact."""
    if record.sources is not None:
        connection.executemany("INSERT OR IGNORE INTO source VALUES (?, ?)", [(one, key) for one in record.sources])


def unlink(connection: apsw.Connection, keys: Iterable[int]) -> None:
    """Forget the sources of memories that are about to be removed."""
    if _any(connection):
        connection.execute(
            "DELETE FROM source WHERE (source_id, key) IN (SELECT j.value, f.key FROM memory f, json_each(f.sources) j "
            f"WHERE f.key IN {_LISTED})",
            (json.dumps(list(keys)),),
        )


def drawn_from(connection: apsw.Connection, keys: Sequence[int]) -> list[Drawn]:
    """Return the facts that were drawn from memories, with all their sources."""
    if not keys or not _any(connection):
        return []
    found: list[tuple[int, int, int | None]]
    found = connection.execute(_SOURCES, (json.dumps(list(keys)),)).fetchall()  # type: ignore[assignment]
    return [
        Drawn(key, {source: expires_at for _, source, expires_at in pairs})
        for key, pairs in groupby(found, key=itemgetter(0))
    ]


def expiries(connection: apsw.Connection, ids: Sequence[str], scope: int) -> list[int | None]:
    """Return when those of the sources expire that are in a scope."""
    found = connection.execute(
        f"SELECT expires_at FROM memory WHERE id IN {_LISTED} AND key >> 32 = ?", (json.dumps(list(ids)), scope)
    )
    return [expires_at for (expires_at,) in found]


def states(connection: apsw.Connection, ids: Iterable[str]) -> list[tuple[str, str, int]]:
    """Return the ids, hashes and dates of memories, of those that are there."""
    found: list[tuple[str, str, int]]
    found = connection.execute(  # type: ignore[assignment]
        f"SELECT id, text_hash, created_at FROM memory WHERE id IN {_LISTED}", (json.dumps(list(ids)),)
    ).fetchall()
    return found


def _any(connection: apsw.Connection) -> bool:
    return connection.execute("SELECT 1 FROM source LIMIT 1").get is not None
