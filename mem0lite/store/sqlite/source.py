"""One snapshot of a file, as far as searches read it: the SQL below ``columns``.

Each method gets its numbers in one row. Between two rows SQLite's caller takes Python's lock, and with a row for each
memory four threads searched at half the speed of one.
"""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import apsw

from ...data.filters import Expression, scope_part
from ...search.conversation import NAME_LENGTH
from ..columns import NEVER, KeysOfTerm, Memories, Range, ScopeVersion, cosines_of, not_agreeing, vectors_of
from ..damage import check_texts
from . import rows
from .filter_sql import Sql, compile_filter
from .schema import SCOPE_KEYS
from .settings import Current
from .vectors import BLOCK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RANGES = "json_each(?) r"
_IN_RANGE = "BETWEEN r.value ->> 1 AND r.value ->> 2"
_EACH_TERM = "CROSS JOIN t CROSS JOIN posting p ON p.term = t.term AND"
_FEW_RANGES = 16
_SPEAKER = "ifnull(nullif(m.actor_id, ''), char(0) || ifnull(m.role, ''))"
_BETWEEN = "\x1f"
_TERMS_AT_ONCE = 32
_WITHIN = (  # keys from the first one on, as they are shorter; and how often a term occurs where that is not once
    "SELECT group_concat(p.key - ?2), group_concat(CASE WHEN p.frequency <> 1 THEN p.key - ?2 END), "
    "group_concat(nullif(p.frequency, 1)) "
    "FROM posting p WHERE p.owner_id = ?1 AND p.term = ?{} AND p.key BETWEEN ?2 AND ?3"
)


class SnapshotSource:
    """A ``columns.Source`` of the scopes that an expression asks for.

    ``state`` returns the version of the file and its graph categories, and raises when it must not be read.
    ``between`` returns which memories were touched between two versions, or None if it doesn't know (``Touched``). The
    connection's snapshot begins with its first statement.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        state: Callable[[apsw.Connection], Current],
        expression: Expression,
        dimensions: int,
        between: Callable[[int, int], set[int] | None],
    ) -> None:
        self._connection, self._state, self._dimensions, self._between = connection, state, dimensions, between
        self._expression = expression
        self._room: NDArray[np.float32] | None = None  # for vectors
        self.current = Current(0, (), None)
        """What the file is like, once ``version`` was called."""

    @cached_property
    def _scopes(self) -> Sql:
        """The SQL of the scopes: most searches need none, as they find the version that they know."""
        return compile_filter(scope_part(self._expression))

    def version(self) -> int:
        """Return the version of the file."""
        self.current = self._state(self._connection)
        return self.current.version

    def newest(self) -> tuple[int, int]:
        """Return how many scopes match, and the highest version among them."""
        where, parameters = self._scopes
        found: tuple[int, int] = self._connection.execute(
            f"SELECT count(*), ifnull(max(s.version), 0) FROM scope s WHERE {where}", parameters
        ).get
        return found

    def scopes(self, since: int = -1) -> list[ScopeVersion]:
        """Return the scopes that match and have a later version, by number."""
        where, parameters = self._scopes
        found = rows.fetch(
            self._connection,
            "SELECT s.id, s.owner_id, s.next_sequence, s.rewritten FROM scope s "
            f"WHERE {where} AND s.version > ? ORDER BY s.id",
            [*parameters, since],
        )
        return [ScopeVersion(*row) for row in found]

    def touched(self, since: int) -> "NDArray[np.int64] | None":
        """Return the keys of the memories that were changed or removed after a version; None if that is not known."""
        import numpy as np

        keys = self._between(since, self.current.version)
        return None if keys is None else np.array(sorted(keys), dtype=np.int64)

    def versions(self, first: int, last: int) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return the keys from ``first`` to ``last`` and the version of each memory."""
        import numpy as np

        keys, versions = self._connection.execute(
            "SELECT group_concat(m.key), group_concat(m.version) FROM memory m WHERE m.key BETWEEN ? AND ?",
            (first, last),
        ).get
        return _numbers(keys, np.int64), _numbers(versions, np.int64)

    def memories(self, ranges: Sequence[Range]) -> Memories:
        """Return the memories in the ranges."""
        import numpy as np

        count, lengths, created_at, expiring, expiries, superseded, speakers, prefixes = self._get(
            "SELECT count(*), group_concat(m.length), group_concat(m.created_at), "
            "group_concat(CASE WHEN m.expires_at IS NOT NULL THEN m.key END), group_concat(m.expires_at), "
            "group_concat(CASE WHEN m.superseded_at IS NOT NULL THEN m.key END), "
            f"group_concat({_SPEAKER}, char({ord(_BETWEEN)})), "
            "json_group_object(m.key, substr(m.text, 1, instr(m.text, ': ') - 1)) "
            f"FILTER (WHERE m.actor_id IS NULL AND substr(m.text, 1, {NAME_LENGTH + 2}) GLOB '?*: *') "
            f"FROM {_RANGES} {_JOINED}",
            ranges,
        )
        keys = self._keys("memory", ranges, count)
        numbers = _numbers(lengths, np.int64).astype(np.float32), _numbers(created_at, np.int64)
        if {count, len(keys), *map(len, numbers)} != {count}:
            raise ValueError("a number is missing")
        expires_at = np.full(count, NEVER, dtype=np.int64)
        expires_at[np.searchsorted(keys, _numbers(expiring, np.int64))] = _numbers(expiries, np.int64)
        latest = np.ones(count, dtype=bool)
        latest[np.searchsorted(keys, _numbers(superseded, np.int64))] = False
        begin = json.loads(prefixes)
        places = np.searchsorted(keys, np.fromiter(map(int, begin), np.int64, len(begin))).tolist()
        said_by = self._speakers(ranges, speakers, count)
        return Memories(keys, *numbers, expires_at, latest, said_by, dict(zip(places, begin.values(), strict=True)))

    def _speakers(self, ranges: Sequence[Range], joined: str | None, count: int) -> list[str]:
        """Return who said each memory. A list as JSON takes twice as long to make and to read, so it is asked for only
        where a name has the character that is between names."""
        said_by = joined.split(_BETWEEN) if joined is not None else []
        if len(said_by) != count:
            said_by = json.loads(self._get(f"SELECT json_group_array({_SPEAKER}) FROM {_RANGES} {_JOINED}", ranges))
            check_texts(*set(said_by))
        return said_by

    def vectors(self, ranges: Sequence[Range]) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """Return the keys of the vectors in the ranges, and the vectors."""
        import numpy as np

        # SQLite's group_concat keeps bytes as they are; one value for all is twice as fast as a row for each. Runs are
        # read where they belong, without a copy in between.
        size, blocks = 4 * self._dimensions, _whole_blocks(ranges)
        joined = f"FROM {_RANGES} CROSS JOIN vector v ON v.key {_IN_RANGE}"
        count, total, apart, *runs = self._get(
            "SELECT count(*), ifnull(sum(length(v.embeddings)), 0), "
            f"CAST(group_concat(CASE WHEN length(v.embeddings) <= {size} THEN v.embeddings END, '') AS BLOB), "
            f"group_concat(CASE WHEN length(v.embeddings) > {size} THEN v.key END), "
            f"group_concat(CASE WHEN length(v.embeddings) > {size} THEN length(v.embeddings) END) {joined}",
            blocks,
        )
        if total % size:
            raise not_agreeing()
        if runs[0] is None:
            keys, vectors = self._keys("vector", blocks, count), np.frombuffer(apart or b"", dtype="<f4")
        else:
            if apart is not None:
                runs = self._get(f"SELECT group_concat(v.key), group_concat(length(v.embeddings)) {joined}", blocks)
            firsts, lengths = (_numbers(one, np.int64) for one in runs)
            keys, vectors = _keys_of(firsts, lengths // size), self._read(firsts, lengths, apart or b"", total)
        vectors = vectors.reshape(-1, self._dimensions)
        if len(keys) != len(vectors):
            raise not_agreeing()
        return _only(ranges, keys, vectors)

    def _read(
        self, firsts: "NDArray[np.int64]", lengths: "NDArray[np.int64]", apart: bytes, total: int
    ) -> "NDArray[np.float32]":
        """Return the vectors of rows with these keys and lengths; ``apart`` has those that are in no run. They are
        overwritten by the next ones: the system takes longer to give new memory than SQLite to fill it."""
        import numpy as np

        if self._room is None or self._room.nbytes < total:
            self._room = np.empty(total // 4, dtype="<f4")
        room, size, place, passed = memoryview(self._room.view(np.uint8).data), 4 * self._dimensions, 0, 0
        with self._connection.blob_open("main", "vector", "embeddings", int(firsts[lengths > size][0]), False) as run:
            for first, length in zip(firsts.tolist(), lengths.tolist(), strict=True):
                if length > size:
                    run.reopen(first)
                    run.read_into(room, place, length)
                else:
                    room[place : place + length] = apart[passed : passed + length]
                    passed += length
                place += length
        return self._room[: total // 4]

    def cosines(self, keys: "NDArray[np.int64]", vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return the cosine of each of these memories with a unit vector.

        The rejected option is sqlite-vec's ``vec_distance_cosine``. It takes 1.2 to 1.5 times as long, because its loop
        is not vectorized and each distance becomes a text, and it rounds differently, so a memory's score would depend
        on what is in memory. Vectors are read instead, a few at a time, so that they stay in the processor's cache.
        """
        import numpy as np

        cosines = np.empty(len(keys), dtype=np.float32)
        for start, found in vectors_of(self, keys):
            cosines[start : start + len(found)] = cosines_of(found, vector)
        return cosines

    def _keys(self, table: str, ranges: Sequence[Range], count: int) -> "NDArray[np.int64]":
        """Return the keys in the ranges, which are so many. Where that is each number in them, none has to be read."""
        import numpy as np

        if count == sum(last - first + 1 for _, first, last in ranges):
            spans = [np.arange(first, last + 1, dtype=np.int64) for _, first, last in ranges]
            if len(spans) == 1:
                return spans[0]
            return np.concatenate([np.empty(0, dtype=np.int64), *spans])
        listed = self._get(
            f"SELECT group_concat(t.key) FROM {_RANGES} CROSS JOIN {table} t ON t.key {_IN_RANGE}", ranges
        )
        return _numbers(listed, np.int64)

    def postings(self, ranges: Sequence[Range] | None, terms: Sequence[str]) -> "list[KeysOfTerm]":
        """Return for each term the keys of the memories in which it occurs, and how often."""
        if ranges is not None and len(ranges) == 1:
            return self._postings_within(ranges[0], terms)
        if ranges is not None and len(ranges) <= _FEW_RANGES:
            return [self._postings_of(ranges, term) for term in terms]
        return self._postings_by_range(ranges, terms)

    def _postings_within(self, within: Range, terms: Sequence[str]) -> "list[KeysOfTerm]":
        """Read several terms with one statement: what it costs to begin one is more than most terms' postings."""
        import numpy as np

        owner, first, last = within
        found = []
        for start in range(0, len(terms), _TERMS_AT_ONCE):
            some = terms[start : start + _TERMS_AT_ONCE]
            sql = " UNION ALL ".join(_WITHIN.format(number) for number in range(4, 4 + len(some)))
            for listed, repeating, frequencies in rows.fetch(self._connection, sql, (owner, first, last, *some)):
                places = _numbers(listed, np.int64)
                often = np.ones(len(places), dtype=np.float32)
                if repeating:
                    often[np.searchsorted(places, _numbers(repeating, np.int64))] = _numbers(frequencies, np.float32)
                found.append((places + first, often))
        return found

    def _postings_of(self, ranges: Sequence[Range], term: str) -> "KeysOfTerm":
        import numpy as np

        keys, frequencies = self._get(
            f"SELECT group_concat(p.key), group_concat(p.frequency) FROM {_RANGES} CROSS JOIN posting p "
            f"ON p.owner_id = r.value ->> 0 AND p.term = ?2 AND p.key {_IN_RANGE}",
            ranges,
            term,
        )
        return _numbers(keys, np.int64), _numbers(frequencies, np.float32)

    def _postings_by_range(self, ranges: Sequence[Range] | None, terms: Sequence[str]) -> "list[KeysOfTerm]":
        """Read all terms of one range after the other: they lie together, so each page is read once, not for each
        term."""
        import numpy as np

        if ranges is None:
            condition, parameters = self._scopes
            scopes = f"scope s {_EACH_TERM} p.owner_id = s.owner_id AND p.key {SCOPE_KEYS}"
            where = f"WHERE {condition}"
        else:
            scopes, parameters = (
                f"{_RANGES} {_EACH_TERM} p.owner_id = r.value ->> 0 AND p.key {_IN_RANGE}",
                [json.dumps(ranges)],
            )
            where = ""
        listed = ", ".join(f"({number}, ?)" for number in range(len(terms)))
        read = self._connection.execute(
            f"WITH t (number, term) AS MATERIALIZED (VALUES {listed}) "
            "SELECT group_concat(t.number), group_concat(p.key), group_concat(p.frequency) "
            f"FROM {scopes} {where}",
            [*terms, *parameters],
        ).get
        numbers, keys, frequencies = (
            _numbers(text, kind) for text, kind in zip(read, (np.int32, np.int64, np.float32), strict=True)
        )
        places = [np.flatnonzero(numbers == number) for number in range(len(terms))]
        return [(keys[place], frequencies[place]) for place in places]

    def matching(self, ranges: Sequence[Range], expression: Expression) -> "NDArray[np.int64]":
        """Return the keys of the memories that match an expression."""
        import numpy as np

        where, parameters = compile_filter(expression)
        listed = self._get(
            f"SELECT group_concat(m.key) FROM {_RANGES} CROSS JOIN scope s ON s.id = r.value ->> 0 "
            f"{_JOINED} WHERE {where}",
            ranges,
            *parameters,
        )
        return _numbers(listed, np.int64)

    def _get(self, sql: str, ranges: Sequence[Range], *parameters: Any) -> Any:
        return self._connection.execute(sql, (json.dumps(ranges), *parameters)).get


_JOINED = f"CROSS JOIN memory m ON m.key {_IN_RANGE}"


def _whole_blocks(ranges: Sequence[Range]) -> list[Range]:
    """Return ranges that begin where a run may begin that has the first key of the given ones."""
    from_blocks: list[Range] = []
    for number, first, last in ranges:
        start = first & -BLOCK
        if from_blocks and start <= from_blocks[-1][2]:
            from_blocks[-1] = (from_blocks[-1][0], from_blocks[-1][1], last)
        else:
            from_blocks.append((number, start, last))
    return from_blocks


def _keys_of(firsts: "NDArray[np.int64]", counts: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return the keys of the vectors in rows that have so many each."""
    import numpy as np

    total = int(counts.sum())
    if firsts[-1] + counts[-1] - firsts[0] == total:
        return np.arange(firsts[0], firsts[0] + total)
    return np.repeat(firsts - np.cumsum(counts) + counts, counts) + np.arange(total)


def _only(
    ranges: Sequence[Range], keys: "NDArray[np.int64]", vectors: "NDArray[np.float32]"
) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    """Return the keys that are in the ranges, and their vectors."""
    import numpy as np

    if len(ranges) == 1:
        [(_, first, last)] = ranges
        if len(keys) and first <= keys[0] and keys[-1] <= last:
            return keys, vectors
        start, end = np.searchsorted(keys, [first, last + 1])
        return keys[start:end], vectors[start:end]
    _, firsts, lasts = np.array(ranges, dtype=np.int64).reshape(-1, 3).T
    places = np.searchsorted(firsts, keys, side="right") - 1
    inside = (places >= 0) & (keys <= lasts[places])
    return (keys, vectors) if inside.all() else (keys[inside], vectors[inside])


def _numbers(text: str | None, kind: Any) -> "NDArray[Any]":
    import numpy as np

    return np.fromstring(text, dtype=kind, sep=",") if text else np.empty(0, dtype=kind)
