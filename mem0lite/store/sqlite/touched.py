"""Which memories this process changed or removed lately, by the versions of the file."""

import threading
from collections import deque
from typing import NamedTuple

import apsw

_MOST_TRANSACTIONS = 1_024  # that are remembered
_MOST_MEMORIES = 256  # of one transaction; for more, reading the scope is no more work


class _Transaction(NamedTuple):
    """A transaction that is committed, the version before and after it, and the keys that it changed or removed."""

    before: int
    after: int
    keys: frozenset[int]


class Touched:
    """The keys that the last transactions of one writer changed or removed.

    With them a search need not look at every memory of a scope to find the few that changed. Only an unbroken run of
    versions is known: one that another process wrote ends it.

    SQLite itself reports the rows, so no statement can be forgotten. It also reports those of a job that was undone,
    which costs a reading and no more. It does not report a DELETE without WHERE; that occurs only together with the
    removal of every scope.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: deque[_Transaction] = deque(maxlen=_MOST_TRANSACTIONS)
        self._before: int | None = None
        self._after: int | None = None
        self._keys: set[int] = set()

    def begin(self, connection: apsw.Connection) -> None:
        """Follow the transaction that has just begun."""
        self._keys, self._before, self._after = set(), _version(connection), None
        connection.set_update_hook(self._note)

    def end(self, connection: apsw.Connection) -> None:
        """Note the version that the transaction is about to commit."""
        self._after = _version(connection)

    def committed(self) -> None:
        """Remember the transaction, which is committed now."""
        before, after = self._before, self._after
        if before is None or after is None or after == before:
            return
        with self._lock:
            if len(self._keys) > _MOST_MEMORIES or (self._run and self._run[-1].after != before):
                self._run.clear()
            if len(self._keys) <= _MOST_MEMORIES:
                self._run.append(_Transaction(before, after, frozenset(self._keys)))

    def between(self, since: int, upto: int) -> set[int] | None:
        """Return the keys touched after one version and up to another; None if that is not known."""
        with self._lock:
            known = self._run and self._run[0].before <= since and upto <= self._run[-1].after
            parts = [one.keys for one in self._run if one.after > since and one.before < upto] if known else None
        return None if parts is None else set().union(*parts)

    def _note(self, kind: int, database: str, table: str, key: int) -> None:
        if table == "memory" and kind != apsw.SQLITE_INSERT and len(self._keys) <= _MOST_MEMORIES:
            self._keys.add(key)


def _version(connection: apsw.Connection) -> int | None:
    """Return the version of the file, None where it has none or a damaged one."""
    try:
        return int(connection.execute("SELECT value FROM meta WHERE name = 'version'").get)
    except (apsw.SQLError, TypeError, ValueError):
        return None
