"""What routes work with: the memory, the settings and the timers of one app."""

import asyncio
import concurrent.futures
import functools
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .. import __version__, webhooks
from ..aio import AsyncMemory
from ..embedding.local import LocalEmbedder
from ..errors import Mem0LiteError, ValidationError
from ..memory import Memory
from ..store import stopping
from .settings import Settings
from .timer import Timer
from .turns import Turns

logger = logging.getLogger("mem0lite")

R = TypeVar("R")

_POLL_SECONDS = 5.0  # between checks for webhooks and changes made by other processes, and for attempts that are due
_LEAST_SECONDS = 0.25  # between two calls, when the first left something to do
_GRACE_SECONDS = 2.0  # in which a delivery must finish when the server stops


class Sibling(NamedTuple):
    """One of several processes that serve a file together."""

    first: bool
    """Whether it is the one that removes expired memories at intervals."""
    folder: str
    """Where all of them count what their metrics are made of."""


class Backend:
    """The memory that the caller gave, or one that is opened at first use and closed at the end of the app's lifespan.

    A host that mounts the app may send it no lifespan events. Then the first request opens the memory, the library
    closes the file when the process ends, there is no vacuum timer, and the first request that may have changed
    something starts the delivery to webhooks.
    """

    def __init__(self, memory: Memory | AsyncMemory | None, settings: Settings, sibling: Sibling | None = None) -> None:
        self.settings = settings
        self.sibling = sibling
        self.turns = Turns()
        self.timer = Timer("vacuum", self._vacuum, settings.vacuum_interval_seconds)
        self._delivery = Timer("webhooks", self._deliver, _POLL_SECONDS)
        self._drawing = Timer("extraction", self._draw, _POLL_SECONDS)
        self.count_vacuumed: Callable[[int], object] = _nothing
        """Is told how many memories the timer removed."""
        self._given = memory
        self._opened: AsyncMemory | None = None
        self._lifespans = 0
        self._embedder: dict[str, Any] | None = None
        self._warned = bool(settings.api_keys) or settings.insecure or settings.loopback_only
        self._lock = threading.Lock()  # not asyncio's, because an app may be called from several event loops

    async def memory(self) -> AsyncMemory:
        """Return the memory. If it is not open, open it in a thread."""
        if self._opened is not None:
            return self._opened
        stopping.watch(server=True)  # again, because some servers set signal handlers after create_app
        return await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Close what ``memory`` opened. A later request opens it again."""
        await self._stop_working()
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None and opened is not self._given:
            await opened.close()  # leaves a Memory that was passed in to its owner

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open the memory, load its model and start the timers; then stop the timers and close what was opened.

        When lifespans overlap, the first has the timers and the last one closes.
        """
        memory = (await self.memory()).memory
        await asyncio.to_thread(_load_model_or_log, memory)
        writable = not memory.read_only
        with self._lock:
            self._lifespans += 1
            first = self._lifespans == 1
        if first and writable:
            if self.sibling is None or self.sibling.first:
                self.timer.start()
            self.work_soon()
        try:
            yield
        finally:
            if first:
                await self.timer.stop()
                await self._stop_working()
            with self._lock:
                self._lifespans -= 1
                last = self._lifespans == 0
            if last:
                await self.close()

    def warn_if_open(self) -> None:
        """Warn once, in the log, that everybody has access, unless the settings say that this is intended."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "This application serves memories without API keys: whoever can reach it may read, change and erase "
                "all of them. Make a key with `mem0lite keys create`, or set MEM0LITE_API_KEYS or "
                "Settings(api_keys=…). If something else keeps others out, set MEM0LITE_INSECURE=1 or "
                "Settings(insecure=True)."
            )

    def work_soon(self) -> None:
        """Deliver to webhooks and draw facts soon, because there may be something new."""
        memory = None if self._opened is None else self._opened.memory
        if memory is not None and memory.read_only:
            return  # it cannot record what was done
        _start(self._delivery)
        if memory is not None and memory.has_model:
            _start(self._drawing)

    async def _stop_working(self) -> None:
        await self._delivery.stop()
        await self._drawing.stop()

    async def change_vacuum_interval(self, seconds: float) -> None:
        """Remove expired memories at another interval. Raises ValidationError if other processes would not hear."""
        if self.sibling is not None:
            raise ValidationError(
                "vacuum_interval_seconds: several workers serve this store, and only one would know of the change. "
                "Restart the server with --vacuum-interval or MEM0LITE_VACUUM_INTERVAL_SECONDS.",
                field="vacuum_interval_seconds",
            )
        await self.timer.change(seconds)

    async def configuration(self) -> dict[str, Any]:
        """Return the settings in force, without secrets and without the file's folder."""
        memory = await self.memory()
        if self._embedder is None:
            embedder = (await memory.stats())["embedder"]
            self._embedder = {"name": embedder["name"], "dimensions": embedder["dimensions"]}
        return {
            "version": __version__,
            "db": Path(memory.memory.path).name,
            "embedder": self._embedder,
            "vacuum_interval_seconds": self.timer.interval,
            "read_only": memory.memory.read_only,
            "graph_categories": list(memory.memory.graph_categories),
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
        return AsyncMemory(**self.settings.memory_arguments)

    async def _vacuum(self) -> None:
        self.count_vacuumed((await (await self.memory()).vacuum())["removed"])

    async def _deliver(self) -> None:
        self._delivery.interval = _POLL_SECONDS
        memory = (await self.memory()).memory
        deliver = functools.partial(memory.deliver_webhooks, allow_private=self.settings.webhook_allow_private)
        result = await _abandonable(deliver)
        if result["retry_in"] is not None:
            self._delivery.interval = min(_POLL_SECONDS, max(_LEAST_SECONDS, result["retry_in"]))

    async def _draw(self) -> None:
        """Draw the facts that are due, one call of add after the other, so that a stop waits for one at most."""
        self._drawing.interval = _POLL_SECONDS
        memory = (await self.memory()).memory
        result = await _abandonable(functools.partial(memory.extract, limit=1), "extract")
        while result["done"] or result["failed"]:
            result = await _abandonable(functools.partial(memory.extract, limit=1), "extract")
        if result["retry_in"] is not None:
            self._drawing.interval = min(_POLL_SECONDS, max(_LEAST_SECONDS, result["retry_in"]))


def _start(timer: Timer) -> None:
    if not timer.nudge():
        timer.start()
        timer.nudge()


def _nothing(_: int) -> None:
    pass


def load_model(memory: Memory) -> None:
    """Load the model of a memory, so that its first search is as quick as the next. Raises what a search would."""
    if isinstance(memory._embedder, LocalEmbedder):
        memory._embedder.load()


def _load_model_or_log(memory: Memory) -> None:
    try:
        load_model(memory)
    except Mem0LiteError:  # each request that needs it is answered with the reason; others do without
        logger.exception("The embedding model cannot be loaded.")


async def _abandonable(call: Callable[[], R], name: str = "deliver") -> R:
    """Run a delivery or an extraction in a thread that nothing waits for: the process may end, and a cancelled caller
    waits at most _GRACE_SECONDS. The pools of an AsyncMemory would finish everything they accepted before they close.
    """
    future: concurrent.futures.Future[R] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, name=f"mem0lite-{name}", daemon=True)
    thread.start()
    outcome = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        _, unfinished = await asyncio.wait([outcome], timeout=_GRACE_SECONDS)
        if unfinished:
            with suppress(Mem0LiteError):  # then the thread ends soon anyway
                await asyncio.to_thread(webhooks.abandon, thread)
        outcome.cancel()
        raise
