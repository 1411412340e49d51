"""One snapshot of a store, as far as searches read it: the SQL below ``columns``.

Each method gets its numbers in one row, packed as PostgreSQL sends them, so nothing is decoded one by one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...data.filters import Expression, scope_part
from ...search.conversation import NAME_LENGTH
from ..columns import NEVER, KeysOfTerm, Memories, Range, ScopeVersion, cosines_of, not_agreeing, vectors_of
from .database import Connection
from .filter_sql import compile_filter
from .settings import Current, Remembered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EMPTY = Current(0, 0, 0, (), None)
_RANGES = "unnest(%s::bigint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY r(number, first, last, position)"
_OF_SCOPES = f"{_RANGES} JOIN scope s ON s.id = r.number CROSS JOIN LATERAL"
"""Goes on with a subquery of a table's rows that are of the scope ``s`` and between ``r.first`` and ``r.last``."""
_WITHIN = "t.owner_id = s.owner_id AND t.key BETWEEN r.first AND r.last"


class SnapshotSource:
    """A ``columns.Source`` of the scopes that an expression asks for. The connection's snapshot begins with its first
    statement."""

    def __init__(self, connection: Connection, remembered: Remembered, expression: Expression, dimensions: int) -> None:
        self._connection, self._remembered, self._dimensions = connection, remembered, dimensions
        self._expression = expression
        self.current = _EMPTY
        """What the store is like, once ``version`` was called."""

    def version(self) -> int:
        """Return the highest version of the scopes that match, and of scopes that are gone. So what is written
        elsewhere changes nothing that is known of these."""
        self.current = self._remembered.current(self._connection, self._expression)
        return self.current.version

    def newest(self) -> tuple[int, int]:
        """Return how many scopes match, and the highest version among them."""
        return self.current.scopes, self.current.newest

    def scopes(self, since: int = -1) -> list[ScopeVersion]:
        """Return the scopes that match and have a later version, by number."""
        where, parameters = compile_filter(scope_part(self._expression))
        found = self._connection.fetch(
            "SELECT s.id, s.owner_id, s.next_sequence, s.rewritten FROM scope s "
            f"WHERE {where} AND s.version > %s ORDER BY s.id",
            [*parameters, since],
        )
        return [ScopeVersion(*row) for row in found]

    def touched(self, since: int) -> "NDArray[np.int64] | None":
        """Return None: it is not known which memories were changed or removed after a version."""
        return None

    def versions(self, first: int, last: int) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return the keys from ``first`` to ``last`` and the version of each memory."""
        keys, versions = self._get(
            "SELECT string_agg(int8send(t.key), '' ORDER BY t.key), string_agg(int8send(t.version), '' ORDER BY t.key) "
            f"FROM {_OF_SCOPES} (SELECT t.key, t.version FROM memory t WHERE {_WITHIN}) t",
            [(first >> 32, first, last)],
        )
        return _numbers(keys), _numbers(versions)

    def memories(self, ranges: Sequence[Range]) -> Memories:
        """Return the memories in the ranges."""
        import numpy as np

        latest_or_not = "(t.superseded_at IS NULL)::integer::bigint"
        columns = ("t.key", "t.length::bigint", "t.created_at", f"coalesce(t.expires_at, {NEVER})", latest_or_not)
        packed = ", ".join(f"string_agg(int8send({one}), '' ORDER BY t.key)" for one in columns)
        *numbers, speakers, prefixes = self._get(
            f"SELECT {packed}, "
            "array_agg(coalesce(nullif(t.actor_id, ''), %s || coalesce(t.role, '')) ORDER BY t.key), "
            "array_agg(CASE WHEN t.actor_id IS NULL AND strpos(t.beginning, ': ') > 1 "
            "THEN left(t.beginning, strpos(t.beginning, ': ') - 1) END ORDER BY t.key) "
            f"FROM {_OF_SCOPES} (SELECT t.key, t.length, t.created_at, t.expires_at, t.superseded_at, t.actor_id, "
            f"t.role, left(t.text, {NAME_LENGTH + 2}) AS beginning FROM memory t WHERE {_WITHIN}) t",
            ranges,
            before=["\0"],
        )
        keys, lengths, created_at, expires_at, latest = map(_numbers, numbers)
        begin = {place: one for place, one in enumerate(prefixes or []) if one is not None}
        return Memories(keys, lengths.astype(np.float32), created_at, expires_at, latest != 0, speakers or [], begin)

    def vectors(self, ranges: Sequence[Range]) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """Return the keys of the vectors in the ranges, and the vectors."""
        keys, vectors = self._get(
            "SELECT string_agg(int8send(t.key), '' ORDER BY t.key), "
            "string_agg(vector_send(t.vector), '' ORDER BY t.key) "
            f"FROM {_OF_SCOPES} (SELECT t.key, t.vector FROM embedding t WHERE {_WITHIN}) t",
            ranges,
        )
        found = _numbers(keys)
        return found, unpacked(vectors, len(found), self._dimensions)

    def cosines(self, keys: "NDArray[np.int64]", vector: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Return the cosine of each of these memories with a unit vector.

        The rejected option is pgvector's ``<#>``: it rounds differently, so a memory's score would depend on what is in
        memory.
        """
        import numpy as np

        cosines = np.empty(len(keys), dtype=np.float32)
        for start, found in vectors_of(self, keys):
            cosines[start : start + len(found)] = cosines_of(found, vector)
        return cosines

    def postings(self, ranges: Sequence[Range] | None, terms: Sequence[str]) -> "list[KeysOfTerm]":
        """Return for each term the keys of the memories in which it occurs, and how often, with one statement."""
        import numpy as np

        if ranges is None:
            where, parameters = compile_filter(scope_part(self._expression))
            keys = "s.id << 32 AS first, (s.id << 32) + 4294967295 AS last"
            places = f"(SELECT s.owner_id, {keys} FROM scope s WHERE {where}) r"
        else:
            places, parameters = "unnest(%s::bigint[], %s::bigint[], %s::bigint[]) r(owner_id, first, last)", []
            parameters = _columns(ranges)
        found = self._connection.fetch(
            "SELECT w.position, string_agg(int8send(p.key), '' ORDER BY p.key), "
            "string_agg(int8send(p.frequency::bigint), '' ORDER BY p.key) "
            f"FROM {places} CROSS JOIN unnest(%s::text[]) WITH ORDINALITY w(term, position) CROSS JOIN LATERAL "
            "(SELECT p.key, p.frequency FROM posting p WHERE p.owner_id = r.owner_id AND p.term = w.term "
            "AND p.key BETWEEN r.first AND r.last) p GROUP BY w.position",
            (*parameters, list(terms)),
        )
        by_term = {position: (_numbers(keys), _numbers(often)) for position, keys, often in found}
        none = _numbers(None), _numbers(None)
        return [
            (keys, often.astype(np.float32))
            for keys, often in (by_term.get(position, none) for position in range(1, len(terms) + 1))
        ]

    def matching(self, ranges: Sequence[Range], expression: Expression) -> "NDArray[np.int64]":
        """Return the keys of the memories that match an expression."""
        where, parameters = compile_filter(expression)
        [keys] = self._get(
            "SELECT string_agg(int8send(m.key), '' ORDER BY m.key) "
            f"FROM {_RANGES} JOIN scope s ON s.id = r.number "
            f"JOIN memory m ON m.owner_id = s.owner_id AND m.key BETWEEN r.first AND r.last WHERE {where}",
            ranges,
            after=parameters,
        )
        return _numbers(keys)

    def _get(
        self, sql: str, ranges: Sequence[Range], *, before: Sequence[Any] = (), after: Sequence[Any] = ()
    ) -> Sequence[Any]:
        row: Sequence[Any] = self._connection.first(sql, (*before, *_columns(ranges), *after))
        return row


def _columns(ranges: Sequence[Range]) -> list[Any]:
    return [list(column) for column in zip(*ranges, strict=True)] if ranges else [[], [], []]


def _numbers(packed: bytes | None) -> "NDArray[np.int64]":
    """Return what ``int8send`` made of numbers."""
    import numpy as np

    return np.frombuffer(packed or b"", dtype=">i8").astype(np.int64)


def unpacked(packed: bytes | None, count: int, dimensions: int) -> "NDArray[np.float32]":
    """Return what ``vector_send`` made of vectors: for each the number of dimensions and two unused bytes, then
    big-endian numbers of 32 bits. Raises CorruptFileError if they are not as many, or have other dimensions."""
    import numpy as np

    size = 4 + 4 * dimensions
    if len(packed or b"") != size * count:
        raise not_agreeing()
    read = np.frombuffer(packed or b"", dtype=[("head", ">u2", 2), ("numbers", ">f4", dimensions)])
    return read["numbers"].astype(np.float32).reshape(count, dimensions)
