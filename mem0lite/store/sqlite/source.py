"""One snapshot of a file, as far as searches read it: the SQL below ``columns``.

Each method gets its numbers in one row. Between two rows SQLite's caller takes Python's lock, and with a row for each
memory four threads searched at half the speed of one.
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import apsw

from ...data.filters import Expression, scope_part
from ...search.conversation import NAME_LENGTH
from ..columns import NEVER, Memories, Range, ScopeVersion, not_agreeing
from . import rows
from .damage import check_optional_texts
from .filter_sql import compile_filter
from .schema import SCOPE_KEYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RANGES = "json_each(?) r"
_IN_RANGE = "BETWEEN r.value ->> 1 AND r.value ->> 2"


class SnapshotSource:
    """A ``columns.Source`` of the scopes that an expression asks for; ``check`` raises when the file must not be read.

    ``between`` returns which memories were touched between two versions, or None if it doesn't know (``Touched``). The
    connection's snapshot begins with its first statement.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        check: Callable[[apsw.Connection], None],
        expression: Expression,
        dimensions: int,
        between: Callable[[int, int], set[int] | None],
    ) -> None:
        self._connection, self._check, self._dimensions, self._between = connection, check, dimensions, between
        self._where, self._parameters = compile_filter(scope_part(expression))

    def version(self) -> int:
        """Return the version of the file."""
        self._check(self._connection)
        self._version = rows.current_version(self._connection)
        return self._version

    def newest(self) -> tuple[int, int]:
        """Return how many scopes match, and the highest version among them."""
        found: tuple[int, int] = self._connection.execute(
            f"SELECT count(*), ifnull(max(s.version), 0) FROM scope s WHERE {self._where}", self._parameters
        ).get
        return found

    def scopes(self, since: int = -1) -> list[ScopeVersion]:
        """Return the scopes that match and have a later version, by number."""
        found = rows.fetch(
            self._connection,
            "SELECT s.id, s.owner_id, s.next_sequence, s.rewritten FROM scope s "
            f"WHERE {self._where} AND s.version > ? ORDER BY s.id",
            [*self._parameters, since],
        )
        return [ScopeVersion(*row) for row in found]

    def touched(self, since: int) -> "NDArray[np.int64] | None":
        """Return the keys of the memories that were changed or removed after a version; None if that is not known."""
        import numpy as np

        keys = self._between(since, self._version)
        return None if keys is None else np.array(sorted(keys), dtype=np.int64)

    def versions(self, first: int, last: int) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return the keys from ``first`` to ``last`` and the version of each memory."""
        import numpy as np

        keys, versions = self._connection.execute(
            "SELECT group_concat(m.key), group_concat(m.version) FROM memory m WHERE m.key BETWEEN ? AND ?",
            (first, last),
        ).get
        return _numbers(keys, np.int64), _numbers(versions, np.int64)

    def keys(self, ranges: Sequence[Range]) -> "NDArray[np.int64]":
        """Return the keys of the memories in the ranges."""
        import numpy as np

        return _numbers(self._get(f"SELECT group_concat(m.key) FROM {_RANGES} {_JOINED}", ranges), np.int64)

    def memories(self, ranges: Sequence[Range]) -> Memories:
        """Return the memories in the ranges."""
        import numpy as np

        *numbers, speakers, prefixes = self._get(
            "SELECT group_concat(m.key), group_concat(m.length), group_concat(m.created_at), "
            f"group_concat(ifnull(m.expires_at, {NEVER})), json_group_array(ifnull(m.actor_id, char(0) || m.role)), "
            f"json_group_array(CASE WHEN m.actor_id IS NULL AND instr(substr(m.text, 1, {NAME_LENGTH + 2}), ': ') > 1 "
            "THEN substr(m.text, 1, instr(m.text, ': ') - 1) END) "
            f"FROM {_RANGES} {_JOINED}",
            ranges,
        )
        said_by, begin = json.loads(speakers), json.loads(prefixes)
        check_optional_texts(*said_by, *begin)
        keys, lengths, created_at, expires_at = (
            _numbers(text, kind) for text, kind in zip(numbers, (np.int64, np.float32, np.int64, np.int64), strict=True)
        )
        if {len(keys), len(lengths), len(created_at), len(expires_at)} != {len(said_by)}:
            raise ValueError("a number is missing")
        return Memories(keys, lengths, created_at, expires_at, [one or "\0" for one in said_by], begin)

    def vectors(self, ranges: Sequence[Range]) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """Return the keys of the vectors in the ranges, and the vectors."""
        import numpy as np

        # SQLite's group_concat keeps bytes as they are; one value for all is twice as fast as a row for each.
        listed, packed = self._get(
            "SELECT group_concat(v.key), CAST(group_concat(v.embedding, '') AS BLOB) "
            f"FROM {_RANGES} CROSS JOIN vector v ON v.key {_IN_RANGE}",
            ranges,
        )
        found = _numbers(listed, np.int64)
        if len(packed or b"") != 4 * self._dimensions * len(found):
            raise not_agreeing()
        return found, np.frombuffer(packed or b"", dtype="<f4").reshape(len(found), self._dimensions)

    def postings(self, ranges: Sequence[Range] | None, term: str) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """Return the keys of the memories in which a term occurs, and how often."""
        import numpy as np

        found = "SELECT group_concat(p.key), group_concat(p.frequency) FROM"
        if ranges is None:
            keys, frequencies = self._connection.execute(
                f"{found} scope s CROSS JOIN posting p ON p.owner_id = s.owner_id AND p.term = ? "
                f"AND p.key {SCOPE_KEYS} WHERE {self._where}",
                [term, *self._parameters],
            ).get
        else:
            keys, frequencies = self._get(
                f"{found} {_RANGES} CROSS JOIN posting p ON p.owner_id = r.value ->> 0 AND p.term = ?2 "
                f"AND p.key {_IN_RANGE}",
                ranges,
                term,
            )
        return _numbers(keys, np.int64), _numbers(frequencies, np.float32)

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


def _numbers(text: str | None, kind: Any) -> "NDArray[Any]":
    import numpy as np

    return np.fromstring(text, dtype=kind, sep=",") if text else np.empty(0, dtype=kind)
