"""AsyncMemory: the verbs of Memory without blocking the event loop. One hop per verb, no logic."""

import asyncio
import copy
import functools
import os
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from . import mem0_config
from .embed import LocalEmbedder
from .errors import ClosedError
from .memory import Handle, Memory

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 4  # per pool; SQLite and an embedder release the GIL, and more threads only wait for each other
_SHARING_THREADS = 64  # of the pools that embed, when those that wait for the model share its calls

# With one pool for all verbs, four adds of long texts made a get take 16 ms (median) instead of 1 ms.
_EMBEDS_TEXTS, _EMBEDS_QUERIES, _USES_NETWORK, _READS = "add", "search", "network", "read"


def _off_loop(
    verb: Callable[Concatenate[Memory, P], R], pool: str = _READS
) -> Callable[Concatenate["AsyncMemory", P], Coroutine[Any, Any, R]]:
    @functools.wraps(verb)
    async def call(self: "AsyncMemory", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(pool, functools.partial(verb, self.memory, *args, **kwargs))

    return call


def _in_thread(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(function, *args, **kwargs)

    return call


class AsyncMemory(Handle):
    """Memory for async code: the same constructor arguments and verbs, each verb a coroutine.

    >>> async def main():
    ...     async with AsyncMemory(":memory:") as memory:
    ...         await memory.add("I am allergic to peanuts", user_id="alice")
    ...         return (await memory.get_all(user_id="alice"))["total"]
    >>> asyncio.run(main())
    1

    Given a Memory instead of a path, it serves that one and leaves closing it to its owner. The file is opened in the
    constructor; everything else runs on pools of threads: one for the verbs that embed texts, one for searches, one for
    those that use the network, one for the rest, so that no verb waits for another kind's work. A pool has at most four
    threads; the first two have at most 64 with a LocalEmbedder, whose calls they share, and leave another embedder no
    more to do at once than it would have had from four. Threads start when they are needed.
    """

    api_version = Memory.api_version

    def __init__(self, path: "str | os.PathLike[str] | Memory | None" = None, **options: Any) -> None:
        self._owned = not isinstance(path, Memory)
        self.memory = path if isinstance(path, Memory) else Memory(path, **options)
        embedding = _SHARING_THREADS if isinstance(self.memory._embedder, LocalEmbedder) else _THREADS
        sizes = {_EMBEDS_TEXTS: embedding, _EMBEDS_QUERIES: embedding, _USES_NETWORK: _THREADS, _READS: _THREADS}
        self._pools = {
            name: ThreadPoolExecutor(size, thread_name_prefix=f"mem0lite-{name}") for name, size in sizes.items()
        }
        self._is_view = False
        self._closed = threading.Event()  # shared with the views of for_user

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 means, as Memory.from_config does; it may be awaited, too, as
        with mem0 0.1."""
        return cls(**mem0_config.read(config_dict))

    def __await__(self) -> Generator[Any, None, Self]:
        return self._itself().__await__()

    async def _itself(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, pool: str, call: Callable[[], R]) -> R:
        if self._closed.is_set():
            raise ClosedError("This AsyncMemory is closed. Open a new one.")
        return await asyncio.get_running_loop().run_in_executor(self._pools[pool], call)

    async def close(self) -> None:
        """Finish what was accepted, then close the Memory unless it was passed in; closing twice does nothing.

        Closing a view of one user's memories leaves everything open.
        """
        if self._is_view:
            return
        self._closed.set()
        for pool in self._pools.values():
            await asyncio.to_thread(pool.shutdown, wait=True)
        if self._owned:
            await asyncio.to_thread(self.memory.close)

    @property
    def user_id(self) -> str | None:
        """The user whose memories this is a view of; None when it is not a view."""
        return self.memory.user_id

    def for_user(self, user_id: str | int) -> Self:
        """Return a view of one user's memories, as Memory.for_user does; it opens nothing and needs no closing."""
        view = copy.copy(self)
        view.memory, view._is_view = self.memory.for_user(user_id), True
        return view

    add = _off_loop(Memory.add, _EMBEDS_TEXTS)
    add_many = _off_loop(Memory.add_many, _EMBEDS_TEXTS)
    update = _off_loop(Memory.update, _EMBEDS_TEXTS)
    update_many = _off_loop(Memory.update_many, _EMBEDS_TEXTS)
    feedback = _off_loop(Memory.feedback)
    delete = _off_loop(Memory.delete)
    delete_many = _off_loop(Memory.delete_many)
    delete_all = _off_loop(Memory.delete_all)
    reset = _off_loop(Memory.reset)
    vacuum = _off_loop(Memory.vacuum)
    get = _off_loop(Memory.get)
    get_all = _off_loop(Memory.get_all)
    search = _off_loop(Memory.search, _EMBEDS_QUERIES)
    graph: Callable[..., Coroutine[Any, Any, Any]] = _off_loop(Memory.graph)  # a text or a dictionary, by its format
    reindex_graph = _off_loop(Memory.reindex_graph, _EMBEDS_TEXTS)
    history = _off_loop(Memory.history)
    entities = _off_loop(Memory.entities)
    events = _off_loop(Memory.events)
    event = _off_loop(Memory.event)
    changes = _off_loop(Memory.changes)
    get_project = _off_loop(Memory.get_project)
    update_project = _off_loop(Memory.update_project)
    create_memory_export = _off_loop(Memory.create_memory_export)
    get_memory_export = _off_loop(Memory.get_memory_export)
    create_webhook = _off_loop(Memory.create_webhook, _USES_NETWORK)
    get_webhooks = _off_loop(Memory.get_webhooks)
    update_webhook = _off_loop(Memory.update_webhook, _USES_NETWORK)
    delete_webhook = _off_loop(Memory.delete_webhook)
    deliver_webhooks = _off_loop(Memory.deliver_webhooks, _USES_NETWORK)
    stats = _off_loop(Memory.stats)
    erase = _off_loop(Memory.erase)
    check = _off_loop(Memory.check)
    backup = _off_loop(Memory.backup)
    export = _off_loop(Memory.export)
    import_ = _off_loop(Memory.import_, _EMBEDS_TEXTS)
    import_from_mem0 = _off_loop(Memory.import_from_mem0, _EMBEDS_TEXTS)

    restore = staticmethod(_in_thread(Memory.restore))
    reembed = staticmethod(_in_thread(Memory.reembed))
