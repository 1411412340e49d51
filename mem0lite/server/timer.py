"""What a server does in the background: at intervals, or when something asks for it."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from ..errors import ClosedError

logger = logging.getLogger("mem0lite")

_PAUSE_SECONDS = 0.25  # between two nudges that count, so that a thousand requests a second cost four calls


class Timer:
    """Calls ``work`` between ``start`` and ``stop``: ``interval`` seconds after the last call, or when it is nudged.

    With an interval of 0 it only waits for nudges. ``work`` may set the interval. An error is logged under ``name`` and
    does not end the timer; ClosedError does. ``sleep`` waits for a number of seconds; tests give their own.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        interval: float,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.interval = interval
        self._name = name
        self._work = work
        self._sleep = sleep
        self._started = False
        self._task: asyncio.Task[None] | None = None
        self._nudged = asyncio.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start in the running event loop. Starting twice does nothing."""
        with self._lock:
            self._started = True
            if self._running:
                return
            self._nudged = asyncio.Event()
            self._task = asyncio.create_task(self._run(self._nudged), name=f"mem0lite-{self._name}")

    async def stop(self) -> None:
        """Cancel ``work`` and wait until it has ended."""
        self._started = False
        task, self._task = self._task, None
        if task is None or task.get_loop() is asyncio.get_running_loop():
            await _cancel([] if task is None else [task])
        else:
            _call_in_loop(task, task.cancel)

    async def change(self, interval: float) -> None:
        """Continue with another interval, counted from now."""
        started = self._started
        await self.stop()
        self.interval = interval
        if started:
            self.start()

    def nudge(self) -> bool:
        """Have ``work`` called soon, from any thread. Return False if the timer or its event loop has stopped."""
        return self._running and _call_in_loop(self._task, self._nudged.set)

    @property
    def _running(self) -> bool:
        return self._task is not None and not self._task.done() and not self._task.get_loop().is_closed()

    async def _run(self, nudged: asyncio.Event) -> None:
        while True:
            await self._wait(nudged)
            asked = nudged.is_set()
            nudged.clear()
            try:
                await self._work()
            except ClosedError:  # the owner of the store closed it
                return
            except Exception:
                logger.exception("The server's %s failed; trying again later.", self._name)
            if asked:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _wait(self, nudged: asyncio.Event) -> None:
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(nudged.wait())]
        if self.interval > 0:
            waits.append(asyncio.ensure_future(self._sleep(self.interval)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(waits)


async def _cancel(futures: Sequence[asyncio.Future[Any]]) -> None:
    for future in futures:
        future.cancel()
    if futures:
        await asyncio.wait(futures)


def _call_in_loop(task: asyncio.Task[None] | None, call: Callable[[], object]) -> bool:
    with suppress(RuntimeError):  # the loop is closed
        if task is not None:
            task.get_loop().call_soon_threadsafe(call)
            return True
    return False
