"""The scale of an embedder's cosines as a file keeps it: measured with some of its vectors, whenever it has doubled.

It is a row of ``meta``, beside the embedder that it belongs to. The transaction whose memories make it due writes it:
so all processes that have the file open use the same one, and what is undone leaves none behind.
"""

import json

import apsw

from ...search.scale import SAMPLE, Scale
from . import rows
from .damage import undamaged

_NAME = "scale"
_SETTLED = 64  # changes from which it is measured only when their number has doubled, even if it could not be told
_BEGINNING = 1_000  # characters of a text that are compared, so that long texts don't keep other writers waiting
_CANDIDATES = 4 * SAMPLE  # memories that are looked at; some have the same text


def known(connection: apsw.Connection) -> Scale | None:
    """Return the scale, or None."""
    return _read(connection)[1]


def measure(connection: apsw.Connection) -> None:
    """Measure the scale, if the file has twice the changes that it had the last time."""
    changes = int(connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'history'").get or 0)
    before, scale = _read(connection)
    if changes < 2 * before and (scale is not None or before >= _SETTLED):
        return
    found = _measured(connection)
    rows.remember(connection, _NAME, [float(changes), *(found or ())])


def forget(connection: apsw.Connection) -> None:
    """Forget the scale, which was another embedder's."""
    rows.forget(connection, _NAME)


def _read(connection: apsw.Connection) -> tuple[int, Scale | None]:
    """Return the number of changes at which it was measured last, 0 if never, and the scale."""
    with undamaged():
        changes, *found = rows.remembered(connection, _NAME) or [0]
        scale = Scale(*map(float, found)) if found else None
        if scale is not None and not (abs(scale.mean) <= 1 and 0 < scale.deviation <= 1):
            raise ValueError(found)
        return int(changes), scale


def _measured(connection: apsw.Connection) -> Scale | None:
    """Return the scale of SAMPLE different texts, or of all if there are fewer.

    They are the first in the order of their texts' hashes: as good as drawn by lot, and the same in every file with the
    same texts.
    """
    import numpy as np

    candidates = rows.fetch(connection, "SELECT text_hash, key FROM memory ORDER BY text_hash LIMIT ?", (_CANDIDATES,))
    found = rows.fetch(
        connection,
        f"SELECT substr(m.text, 1, {_BEGINNING}), m.actor_id, v.embedding FROM memory m JOIN vector v USING (key) "
        "WHERE m.key IN (SELECT value FROM json_each(?)) ORDER BY m.text_hash",
        (json.dumps(list(dict(candidates).values())[:SAMPLE]),),
    )
    if not found:
        return None
    terms = [frozenset(rows.words_of(text, actor_id)) for text, actor_id, _ in found]
    with undamaged():
        return Scale.measured(np.array([np.frombuffer(vector, "<f4") for *_, vector in found]), terms)
