"""The vectors of memories, in runs: a row has those of memories with consecutive keys, one after the other.

Its key is the first memory's. A first search reads a scope's vectors in half the time that a row for each takes. A
memory that is added has a row of its own until the block of ``BLOCK`` keys that its key lies in is full: then the rows
of the block become one, so each vector is written twice at most. No row reaches beyond its block, so a change reads and
writes no more than a block. Where a memory is removed, its row is divided: nothing of its vector stays in the table.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from json import dumps
from typing import Any, NamedTuple, cast

import apsw

from ..damage import undamaged

BLOCK = 64
"""Keys: 96 kB of the bundled model's vectors. Half as many were read at four fifths of the speed, twice as many no
quicker, and a vector that is removed or looked up costs reading its row."""

SIZE = "(SELECT 4 * (value ->> 'dimensions') FROM meta WHERE name = 'embedder')"
"""The bytes of a vector."""
COUNT = f"max(1, length(v.embeddings) / {SIZE})"
"""How many vectors the row v has; one of another width is one, too."""
HOLDING = f"v.key = (SELECT max(n.key) FROM vector n WHERE n.key BETWEEN {{0}} & -{BLOCK} AND {{0}})"
"""The row v that has the vector of a key, if any has it."""

GONE = (
    "SELECT v.key FROM vector v WHERE "
    f"(SELECT count(*) FROM memory m WHERE m.key BETWEEN v.key AND v.key + {COUNT} - 1) < {COUNT}"
)
"""Selects rows with vectors of memories that are gone."""
UNSOUND = (
    "SELECT v.key FROM vector v WHERE typeof(v.embeddings) <> 'blob' OR length(v.embeddings) = 0 "
    f"OR length(v.embeddings) % {SIZE} OR (v.key & {BLOCK - 1}) + {COUNT} > {BLOCK} "
    f"OR EXISTS (SELECT 1 FROM vector n WHERE n.key > v.key AND n.key < v.key + {COUNT})"
)
"""Selects rows that have no whole number of vectors, or reach into other rows."""

_ROWS = "SELECT key, embeddings FROM vector WHERE key BETWEEN ? AND ? ORDER BY key"
_APART = (
    "vectors_apart"  # in meta: from which key on vectors may be in rows of their own; none in a file of this version
)
_BLOCKS = 64  # packed in a transaction, so that writers get their turn


class _Run(NamedTuple):
    """Vectors of consecutive keys."""

    first: int
    vectors: bytes
    sound: bool = True
    """False for a row that has more than these: it is damaged."""

    def following(self, size: int) -> int:
        """Return the key after the last one."""
        return self.first + max(1, len(self.vectors) // size)


def size_of(connection: apsw.Connection) -> int:
    """Return the bytes of a vector in this file. Raises CorruptFileError."""
    with undamaged():
        return int(connection.execute(f"SELECT {SIZE}").get)


# -- reading


def of(connection: apsw.Connection, keys: Iterable[int]) -> dict[int, bytes]:
    """Return the vectors of memories by key, without those that have none."""
    found = connection.execute(
        f"SELECT k.value, substr(v.embeddings, 1 + {SIZE} * (k.value - v.key), {SIZE}) AS vector "
        f"FROM json_each(?) k CROSS JOIN vector v ON {HOLDING.format('k.value')} WHERE length(vector) = {SIZE}",
        (dumps(list(keys)),),
    )
    return dict(found)


def within(connection: apsw.Connection, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """Yield the keys from one to another that have a vector, and the vectors."""
    size = size_of(connection)
    for start, vectors in connection.execute(_ROWS, (first & -BLOCK, last)):
        with undamaged():
            count = memoryview(vectors).nbytes // size  # which refuses a text, too
        for place in range(count):
            if start + place >= first:
                yield start + place, vectors[place * size : (place + 1) * size]


def _runs(connection: apsw.Connection, block: int, size: int) -> list[_Run]:
    """Return the runs of a block. Each ends where the next one begins, which one in a damaged file may not do."""
    found: list[Any] = connection.execute(_ROWS, (block, block + BLOCK - 1)).fetchall()
    ends = [key for key, _ in found[1:]] + [block + BLOCK]
    with undamaged():
        return [_run(key, vectors, end, size) for (key, vectors), end in zip(found, ends, strict=False)]


def _run(key: int, vectors: bytes, end: int, size: int) -> _Run:
    whole = size * min(memoryview(vectors).nbytes // size, end - key)  # which refuses what is no bytes
    return _Run(key, vectors[:whole], len(vectors) == whole)


# -- writing


def put(connection: apsw.Connection, key: int, vector: bytes) -> None:
    """Keep the vector of a memory, in the place of the one that it has."""
    size = len(vector)
    row: Any = connection.execute(
        f"SELECT v.key FROM vector v WHERE {HOLDING.format('?1')} AND length(v.embeddings) >= (?1 - v.key + 1) * ?2",
        (key, size),
    ).get
    if row is None:
        connection.execute("INSERT OR REPLACE INTO vector VALUES (?, ?)", (key, vector))
    else:
        with connection.blob_open("main", "vector", "embeddings", row, True) as blob:
            blob.seek(size * (key - row))
            blob.write(vector)
    if key % BLOCK == BLOCK - 1:
        _pack(connection, key & -BLOCK, size)


def _pack(connection: apsw.Connection, block: int, size: int) -> None:
    """Make the rows of a block as few as they can be."""
    runs = _runs(connection, block, size)
    joined: list[_Run] = []
    for run in runs:
        if joined and joined[-1].sound and run.sound and joined[-1].following(size) == run.first:
            joined[-1] = joined[-1]._replace(vectors=joined[-1].vectors + run.vectors)
        else:
            joined.append(run)
    _write(connection, runs, joined)


def pack_old(connection: apsw.Connection) -> bool:
    """Pack some blocks of a file that was made before there were runs; return whether there may be more."""
    start = connection.execute("SELECT value FROM meta WHERE name = ?", (_APART,)).get
    if start is None:
        return False
    with undamaged():
        size, key = size_of(connection), int(cast("str", start))
    for _ in range(_BLOCKS):
        found: Any = connection.execute("SELECT key FROM vector WHERE key >= ? ORDER BY key LIMIT 1", (key,)).get
        if found is None:
            connection.execute("DELETE FROM meta WHERE name = ?", (_APART,))
            return False
        _pack(connection, found & -BLOCK, size)
        key = (found & -BLOCK) + BLOCK
    note_apart(connection, key)
    return True


def note_apart(connection: apsw.Connection, key: int = 0) -> None:
    """Note that vectors from a key on may be in rows of their own."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_APART, str(key)))


def are_apart(connection: apsw.Connection) -> bool:
    """Whether ``pack_old`` has something to do."""
    return connection.execute("SELECT 1 FROM meta WHERE name = ?", (_APART,)).get is not None


def remove(connection: apsw.Connection, keys: Iterable[int]) -> int:
    """Remove the vectors of memories; return how many there were."""
    size, removed = size_of(connection), 0
    for block, listed in groupby(sorted(set(keys)), lambda key: key & -BLOCK):
        gone, runs = set(listed), _runs(connection, block, size)
        left = [part for run in runs for part in _without(run, gone, size)]
        removed += sum(run.following(size) - run.first for run in runs)
        removed -= sum(run.following(size) - run.first for run in left)
        _write(connection, runs, left)
    return removed


def _without(run: _Run, gone: set[int], size: int) -> Iterator[_Run]:
    """Yield what is left of a run."""
    following = run.following(size)
    cuts = [run.first - 1, *sorted(key for key in gone if run.first <= key < following), following]
    if len(cuts) == 2:
        yield run
        return
    for before, after in pairwise(cuts):
        part = run.vectors[(before + 1 - run.first) * size : (after - run.first) * size]
        if part:
            yield _Run(before + 1, part)


def mend(connection: apsw.Connection) -> None:
    """Remove what is no vector of a memory, and the blocks of which it is not sure whose vectors they have."""
    for block in _blocks(connection, UNSOUND):
        connection.execute("DELETE FROM vector WHERE key BETWEEN ? AND ?", (block, block + BLOCK - 1))
    for block in _blocks(connection, GONE):
        last = block + BLOCK - 1
        there: list[Any] = connection.execute(
            "SELECT key FROM memory WHERE key BETWEEN ? AND ?", (block, last)
        ).fetchall()
        remove(connection, set(range(block, last + 1)).difference(key for (key,) in there))


def _blocks(connection: apsw.Connection, rows: str) -> list[int]:
    found: list[Any] = connection.execute(rows).fetchall()
    return sorted({key & -BLOCK for (key,) in found})


def _write(connection: apsw.Connection, before: Sequence[_Run], after: Sequence[_Run]) -> None:
    """Replace the rows that have become others."""
    connection.executemany("DELETE FROM vector WHERE key = ?", [(run.first,) for run in before if run not in after])
    connection.executemany(
        "INSERT INTO vector VALUES (?, ?)", [(run.first, run.vectors) for run in after if run not in before]
    )
