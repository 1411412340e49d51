"""Limits on how long a call may read, and a way to stop it when nobody waits for it any more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from .errors import ConfigurationError, DatabaseError, Mem0LiteError, TimeLimitError
from .values import is_number, shown

Clock = Callable[[], float]

_STEPS = 50_000  # of SQLite between two checks of a limit: about a millisecond, as long as most searches take


class Interruptible(Protocol):
    """Something that reads step by step, as a connection to SQLite does."""

    def set_progress_handler(self, callable: Callable[[], bool] | None, nsteps: int) -> None:
        """Call ``callable`` every ``nsteps`` steps; it returns whether to stop."""


class Limit:
    """How long one call may read: for ``seconds`` in all (None for any time), and until somebody stops it.

    Only reading the file counts, not waiting for a thread, a model or the caller.
    """

    def __init__(self, seconds: float | None, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._left = seconds
        self._clock = clock
        self._ends: float | None = None
        self._stopped = False

    def stop(self) -> None:
        """End what reads under this limit at its next check. May be called from any thread."""
        self._stopped = True

    @property
    def spent(self) -> bool:
        """Whether the limit is reached."""
        return self._stopped or (self._ends is not None and self._clock() >= self._ends)

    @property
    def left(self) -> float | None:
        """How many seconds are left when nothing reads; None for any time."""
        return self._left

    def check(self) -> None:
        """Raise what ``error`` returns if the limit is reached."""
        if self.spent:
            raise self.error()

    def error(self) -> Mem0LiteError:
        """Return the error for a call that was cut off."""
        if self._stopped:
            return DatabaseError("The call was cancelled.")
        return TimeLimitError(
            f"The call read for {self._seconds:g} seconds, which is its limit, and was stopped; nothing was changed. "
            "Narrow the filter or the scope, or give a larger statement_timeout."
        )

    @contextmanager
    def reading(self, connection: Interruptible) -> Iterator[None]:
        """Interrupt the connection if the limit is reached within the block."""
        if self._left is not None:
            self._ends = self._clock() + self._left
        self.check()
        connection.set_progress_handler(lambda: self.spent, _STEPS)
        outer, _here.limit = getattr(_here, "limit", None), self
        try:
            yield
        finally:
            _here.limit = outer
            connection.set_progress_handler(None, _STEPS)
            if self._ends is not None:
                self._left, self._ends = self._ends - self._clock(), None


_here = threading.local()
_given: ContextVar[Limit | None] = ContextVar("mem0lite_limit", default=None)


def given() -> Limit | None:
    """Return the limit of the running call, if it has one."""
    return _given.get()


@contextmanager
def within(limit: Limit) -> Iterator[None]:
    """Count everything that is read in the block towards one limit."""
    token = _given.set(limit)
    try:
        yield
    finally:
        _given.reset(token)


def check() -> None:
    """Raise if the limit of what this thread reads is reached: for functions that take long within one step."""
    limit = getattr(_here, "limit", None)
    if limit is not None:
        limit.check()


def clean_timeout(value: object, field: str) -> float | None:
    """Return a number of seconds; None and 0 mean no limit, None. Raises ConfigurationError for anything else."""
    if value is None or (is_number(value) and value == 0):
        return None
    if not is_number(value) or not 0 < value < threading.TIMEOUT_MAX:
        raise ConfigurationError(
            f"{field}: {shown(value)} is not a number of seconds. Give 0 or more; 0 means no limit."
        )
    return float(value)
