"""The timer that removes expired memories while a server runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger("mem0lite")


class VacuumTimer:
    """Calls ``vacuum`` every ``interval`` seconds between ``start`` and ``stop``; with an interval of 0, never.

    ``sleep`` waits that many seconds; tests give another one.
    """

    def __init__(
        self,
        vacuum: Callable[[], Awaitable[object]],
        interval: float,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.interval = interval
        self._vacuum = vacuum
        self._sleep = sleep
        self._started = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running event loop; starting twice does nothing."""
        self._started = True
        if self.interval > 0 and self._task is None:
            self._task = asyncio.create_task(self._run(), name="mem0lite-vacuum")

    async def stop(self) -> None:
        """End; a vacuum that is running in its thread is not waited for."""
        self._started = False
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def change(self, interval: float) -> None:
        """Go on with another interval, counted from now."""
        started = self._started
        await self.stop()
        self.interval = interval
        if started:
            self.start()

    async def _run(self) -> None:
        while True:
            await self._sleep(self.interval)
            try:
                await self._vacuum()
            except Exception:
                logger.exception("Expired memories could not be removed; trying again in %g s.", self.interval)
