"""What the routes work with: the memory, the settings and the vacuum timer of one app."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from .. import __version__
from ..aio import AsyncMemory
from ..memory import Memory
from .settings import Settings
from .vacuum import VacuumTimer


class Backend:
    """The caller's memory, or one that is opened at first use and closed at the end of the app's lifespan.

    A host that mounts the app may send it no lifespan events: the first request opens the memory then, the library
    closes the file when the process ends, and there is no vacuum timer.
    """

    def __init__(self, memory: Memory | AsyncMemory | None, settings: Settings) -> None:
        self.settings = settings
        self.timer = VacuumTimer(self._vacuum, settings.vacuum_interval_seconds)
        self.vacuumed = 0
        """How many memories the timer removed."""
        self._given = memory
        self._opened: AsyncMemory | None = None
        self._lifespans = 0
        self._embedder: dict[str, Any] | None = None
        self._lock = threading.Lock()  # not asyncio's, because an app may be called from several event loops

    async def memory(self) -> AsyncMemory:
        """Return the memory, opening it off the event loop if it is not open."""
        opened = self._opened
        return await asyncio.to_thread(self._open) if opened is None else opened

    async def close(self) -> None:
        """Close what ``memory`` opened; a later request opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None and opened is not self._given:
            await opened.close()  # leaves a Memory that was passed in to its owner

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open the memory and start the timer, then stop the timer and close what was opened.

        Of lifespans that overlap, the first has the timer and the last one closes.
        """
        await self.memory()
        with self._lock:
            self._lifespans += 1
            first = self._lifespans == 1
        if first:
            self.timer.start()
        try:
            yield
        finally:
            if first:
                await self.timer.stop()
            with self._lock:
                self._lifespans -= 1
                last = self._lifespans == 0
            if last:
                await self.close()

    async def configuration(self) -> dict[str, Any]:
        """Return the settings in force, without anything secret and without the file's folder."""
        memory = await self.memory()
        if self._embedder is None:
            embedder = (await memory.stats())["embedder"]
            self._embedder = {"name": embedder["name"], "dimensions": embedder["dimensions"]}
        return {
            "version": __version__,
            "db": Path(memory.memory.path).name,
            "embedder": self._embedder,
            "vacuum_interval_seconds": self.timer.interval,
        }

    def _open(self) -> AsyncMemory:
        with self._lock:
            if self._opened is None:
                self._opened = self._adopt()
            return self._opened

    def _adopt(self) -> AsyncMemory:
        if isinstance(self._given, AsyncMemory):
            return self._given
        if self._given is not None:
            return AsyncMemory(self._given)
        return AsyncMemory(self.settings.db, embedder=self.settings.embedding_model)

    async def _vacuum(self) -> None:
        self.vacuumed += (await (await self.memory()).vacuum())["removed"]
