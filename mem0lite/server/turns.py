"""Who reads when: no caller takes every thread, and a read stops when its client is gone."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from litestar.exceptions import HTTPException

Receive = Callable[[], Awaitable[Any]]

MOST_WAITING = 1_000
"""How many requests of one caller may wait for their turn in one pool. More are answered 503."""

_PATIENCE = 0.05  # seconds after which a call checks whether its client is still there


class TooManyReadsError(Exception):
    """A caller has too many requests waiting."""


class ClientGoneError(HTTPException):
    """The client is gone: nobody waits for the answer."""

    status_code = 499  # nginx's number for it, in logs and metrics; no client sees it


@dataclass(eq=False, slots=True)
class _Waiting:
    bounds: Mapping[tuple[str, ...], int]
    loop: asyncio.AbstractEventLoop
    admitted: "asyncio.Future[None]"
    has_turn: bool = False


class Turns:
    """Lets each caller read in some of the threads at a time. Waiting requests get their turn in order, where there is
    room.

    A caller may use all threads of a pool but one, and half of them for one user. So long reads for one user leave room
    for other users of the same key, and one key leaves room for others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # not asyncio's, because an app may be called from several event loops
        self._running: Counter[tuple[str, ...]] = Counter()
        self._waiting: list[_Waiting] = []

    def of(self, caller: str, user_id: str | None, receive: Receive) -> Callable[[str, int, Mapping[str, Any]], Any]:
        """Return what the reads of one request enter to wait for their turn; ``user_id`` is that of the key, if any."""

        def turn(pool: str, threads: int, asked: Mapping[str, Any]) -> _Turn:
            user = user_id or _named(asked)
            bounds = {(pool, caller): max(1, threads - 1), (pool, caller, user): max(1, threads // 2)}
            return _Turn(self, bounds, receive)

        return turn

    async def enter(self, bounds: Mapping[tuple[str, ...], int]) -> None:
        """Wait until there is room within the bounds. Raises TooManyReadsError if too many wait already."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._admit(bounds):
                return
            caller = next(iter(bounds))
            if sum(caller in one.bounds for one in self._waiting) >= MOST_WAITING:
                raise TooManyReadsError
            waiting = _Waiting(bounds, loop, loop.create_future())
            self._waiting.append(waiting)
        try:
            await waiting.admitted
        except asyncio.CancelledError:
            with self._lock:
                has_turn = waiting.has_turn
                if not has_turn:
                    self._waiting.remove(waiting)
            if has_turn:
                self.leave(bounds)
            raise

    def _admit(self, bounds: Mapping[tuple[str, ...], int]) -> bool:
        room = all(self._running[name] < most for name, most in bounds.items())
        if room:
            self._running.update(bounds.keys())
        return room

    def leave(self, bounds: Mapping[tuple[str, ...], int]) -> None:
        """Give the turn of ``enter`` back, to whoever waits for it."""
        with self._lock:
            for name in bounds:
                self._running[name] -= 1
                if not self._running[name]:
                    del self._running[name]
            refused: set[tuple[str, ...]] = set()  # the last bound tells most waiting apart, and there may be thousands
            for waiting in list(self._waiting):
                *_, last = waiting.bounds
                if last in refused:
                    continue
                if self._admit(waiting.bounds):
                    self._waiting.remove(waiting)
                    waiting.has_turn = True
                    _admit_in(waiting.loop, waiting.admitted)
                else:
                    refused.add(last)


def _admit_in(loop: asyncio.AbstractEventLoop, admitted: "asyncio.Future[None]") -> None:
    if loop is asyncio.get_running_loop():  # as nearly always: waking it up from outside takes calls of the system
        _admitted(admitted)
        return
    with suppress(RuntimeError):  # its event loop is closed
        loop.call_soon_threadsafe(_admitted, admitted)


def _admitted(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _named(asked: Mapping[str, Any]) -> str:
    """Return the user that a verb's arguments name, directly or in the usual filters, or an empty text."""
    user, filters = asked.get("user_id"), asked.get("filters")
    if user is None and isinstance(filters, Mapping):
        parts = filters.get("AND")
        for part in [filters, *(parts if isinstance(parts, list) else ())]:
            if isinstance(part, Mapping) and isinstance(part.get("user_id"), str | int):
                user = part["user_id"]
    return "" if user is None else str(user)


class _Turn:
    """The turn of one read, as an async context. When the client hangs up, what the block awaits is cancelled, and
    ClientGoneError is raised.

    The request's body must have been read. Whether the client is there is checked only after a pause, because a check
    costs a task.
    """

    __slots__ = ("_bounds", "_gone", "_receive", "_start", "_task", "_turns", "_watcher")

    def __init__(self, turns: Turns, bounds: Mapping[tuple[str, ...], int], receive: Receive) -> None:
        self._turns, self._bounds, self._receive = turns, bounds, receive
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> None:
        self._start = asyncio.get_running_loop().call_later(_PATIENCE, self._look)
        try:
            await self._turns.enter(self._bounds)
        except BaseException as error:
            self._end(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._turns.leave(self._bounds)
        self._end(error)

    def _look(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        if await _disconnected(self._receive) and self._task is not None:
            self._gone = True
            self._task.cancel()

    def _end(self, error: BaseException | None) -> None:
        """Look no longer whether the client is there. Raises ClientGoneError if that is what ``error`` comes from."""
        self._start.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        ours = self._gone and isinstance(error, asyncio.CancelledError)
        if ours and self._task is not None and not self._task.uncancel():
            raise ClientGoneError(detail="The client is gone.") from None


async def _disconnected(receive: Receive) -> bool:
    """Return True when the client is gone, False if the host cannot tell."""
    for _ in range(2):  # without a body, the end of the body comes first
        message = await receive()
        if message["type"] == "http.disconnect":
            return True
        if message.get("more_body"):
            return False
    return False
