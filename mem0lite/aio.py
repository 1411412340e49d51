"""AsyncMemory: the verbs of Memory without blocking the event loop. One hop per verb, no logic."""

import asyncio
import copy
import functools
import inspect
import os
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from types import CoroutineType, TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from .embedding.local import LocalEmbedder
from .errors import ClosedError
from .limits import Limit, within
from .mem0 import configuration
from .memory import OF_FILES, Handle, Memory
from .store import stopping
from .values import clean_id

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 4  # per pool; SQLite and an embedder release the GIL, and more threads only wait for each other
_SHARING_THREADS = 64  # of the pools that embed, when those that wait for the model share its calls

Turns = Callable[[str, int, Mapping[str, Any]], AbstractAsyncContextManager[None]]
"""Returns what is entered while a verb reads, from its pool's name and number of threads, and the verb's arguments."""

# With one pool for all verbs, four adds of long texts made a get take 16 ms (median) instead of 1 ms.
_EMBEDS_TEXTS, _EMBEDS_QUERIES, _USES_NETWORK, _READS = "add", "search", "network", "read"


def _off_loop(
    verb: Callable[Concatenate[Memory, P], R], pool: str = _READS, *, limited: bool = False
) -> Callable[Concatenate["AsyncMemory", P], "CoroutineType[Any, Any, R]"]:
    @functools.wraps(verb)
    async def call(self: "AsyncMemory", /, *args: P.args, **kwargs: P.kwargs) -> R:
        def work(memory: Memory) -> R:
            return verb(memory, *args, **kwargs)

        return await (self._limited(pool, work) if limited else self._run(pool, work))

    return call  # type: ignore[return-value]  # an async def returns a CoroutineType, which mypy does not say


def _reading(
    verb: Callable[Concatenate[Memory, P], R], pool: str = _READS
) -> Callable[Concatenate["AsyncMemory", P], "CoroutineType[Any, Any, R]"]:
    @functools.wraps(verb)
    async def call(self: "AsyncMemory", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._read(pool, lambda memory: verb(memory, *args, **kwargs), kwargs)

    return call  # type: ignore[return-value]  # an async def returns a CoroutineType, which mypy does not say


def _within(limit: Limit, call: Callable[[Memory], R]) -> Callable[[Memory], R]:
    def limited(memory: Memory) -> R:
        with within(limit):
            return call(memory)

    return limited


def _in_thread(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(function, *args, **kwargs)

    return call


def _in_event_loop() -> bool:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return True
    return False


def _settle(view: "Future[Memory]", user_id: str, opened: "Future[Memory]") -> None:
    """Have the view of a user end as the opening of the whole did."""
    try:
        view.set_result(opened.result().for_user(user_id))
    except Exception as error:
        view.set_exception(error)


def _refused(view: "AsyncMemory", verb: str, *, awaited: bool) -> Callable[..., Any]:
    """Return what a view has in the place of a verb of files: its Memory's own refusal."""

    async def later(*args: Any, **kwargs: Any) -> Any:
        return getattr(await view._opened(), verb)(*args, **kwargs)

    def now(*args: Any, **kwargs: Any) -> Any:
        return getattr(view.memory, verb)(*args, **kwargs)

    return later if awaited else now


class AsyncMemory(Handle):
    """Memory for async code: the same constructor arguments and verbs, each verb a coroutine.

    >>> async def main():
    ...     async with AsyncMemory(":memory:") as memory:
    ...         await memory.add("I am allergic to peanuts", user_id="alice")
    ...         return (await memory.get_all(user_id="alice"))["total"]
    >>> asyncio.run(main())
    1

    Given a Memory instead of a path, it serves that one and leaves closing it to its owner. Made in an event loop,
    it opens the file meanwhile, in a thread, and what is wrong with it is raised by ``async with``, by awaiting the
    object, by the first verb or by ``close``; made elsewhere, it opens the file at once. Everything runs on pools
    of threads: one for the verbs that embed texts, one for searches, one for those that use the network, one for
    the rest, so that no verb waits for another kind's work. A pool has at most four threads; the first two have at
    most 64 with a LocalEmbedder, whose calls they share, and leave another embedder no more to do at once than it
    would have had from four. Threads start when they are needed.

    A verb that only reads ends when the task that awaits it is cancelled; others are finished once they began.
    """

    api_version = Memory.api_version

    def __init__(self, path: "str | os.PathLike[str] | Memory | None" = None, **options: Any) -> None:
        self._owned = not isinstance(path, Memory)
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._is_view = False
        self._turns: Turns | None = None
        self._statement_timeout: float | None = None
        self._closed = threading.Event()  # shared with the views of for_user
        self._opening: Future[Memory] = Future()
        if isinstance(path, Memory):
            self._opening.set_result(path)
        elif not _in_event_loop():
            self._opening.set_result(Memory(path, **options))
        else:
            inspect.signature(Memory).bind(path, **options)  # a misspelt argument is told at once
            stopping.watch()  # here, as the other thread may not
            self._opening = self._pool(_READS).submit(Memory, path, **options)

    def _described(self) -> Iterator[str]:
        if not self._opening.done():
            yield "opening=True"
        elif self._opening.exception() is not None:
            yield "failed=True"
        else:
            memory = self._opening.result()
            yield from (one for one in memory._described() if one != "closed=True")
            if self._closed.is_set() or memory._closed.is_set():
                yield "closed=True"

    @property
    def memory(self) -> Memory:
        """The Memory that is served; while its file is being opened, whoever asks waits."""
        return self._opening.result()

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 means, as Memory.from_config does; it may be awaited, too, as
        with mem0 0.1."""
        return cls(**configuration.read(config_dict))

    def __await__(self) -> Generator[Any, None, Self]:
        return self._itself().__await__()

    async def _itself(self) -> Self:
        await self._opened()
        return self

    async def __aenter__(self) -> Self:
        return await self._itself()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _opened(self) -> Memory:
        if not self._opening.done():
            await asyncio.shield(asyncio.wrap_future(self._opening))  # who gives up waiting does not stop the opening
        return self._opening.result()

    def _pool(self, name: str) -> ThreadPoolExecutor:
        if name not in self._pools:
            self._pools.setdefault(name, ThreadPoolExecutor(self._size(name), thread_name_prefix=f"mem0lite-{name}"))
        return self._pools[name]

    def _size(self, pool: str) -> int:
        shared = pool in (_EMBEDS_TEXTS, _EMBEDS_QUERIES) and isinstance(self.memory._embedder, LocalEmbedder)
        return _SHARING_THREADS if shared else _THREADS

    async def _run(self, pool: str, call: Callable[[Memory], R]) -> R:
        if self._closed.is_set():
            raise ClosedError("This AsyncMemory is closed. Open a new one.")
        memory = await self._opened()
        try:
            called = asyncio.get_running_loop().run_in_executor(self._pool(pool), call, memory)
        except RuntimeError:  # the interpreter ends and pools take nothing more, but threads and atexit still write
            return call(memory)
        return await called

    async def _read(self, pool: str, call: Callable[[Memory], R], asked: Mapping[str, Any]) -> R:
        """Run a verb that only reads when it is its caller's turn, and no longer than somebody waits for it."""
        if self._turns is None:
            return await self._limited(pool, call, stoppable=True)
        await self._opened()
        async with self._turns(pool, self._size(pool), asked):
            return await self._limited(pool, call, stoppable=True)

    async def _limited(self, pool: str, call: Callable[[Memory], R], *, stoppable: bool = False) -> R:
        timeout = (await self._opened()).statement_timeout
        limit = Limit(self._statement_timeout if timeout is None else timeout)
        try:
            return await self._run(pool, _within(limit, call))
        except asyncio.CancelledError:
            if stoppable:
                limit.stop()
            raise

    def _shared(self, turns: "Turns", statement_timeout: float | None) -> Self:
        """Return the same for one of many callers, whose reads take turns and, where nothing else is said, have a
        limit."""
        view = copy.copy(self)
        view._turns, view._statement_timeout = turns, statement_timeout
        return view

    async def close(self) -> None:
        """Finish what was accepted, then close the Memory unless it was passed in; closing twice does nothing.

        Closing a view of one user's memories leaves everything open.
        """
        if self._is_view:
            return
        self._closed.set()
        try:
            memory = await self._opened()
        finally:
            for pool in list(self._pools.values()):
                await asyncio.to_thread(pool.shutdown, wait=True)
        if self._owned:
            await asyncio.to_thread(memory.close)

    @property
    def user_id(self) -> str | None:
        """The user whose memories this is a view of; None when it is not a view."""
        return self.memory.user_id

    def for_user(self, user_id: str | int) -> Self:
        """Return a view of one user's memories, as Memory.for_user does; it opens nothing and needs no closing."""
        name = clean_id(user_id, "user_id")
        view = copy.copy(self)
        view._is_view, view._opening = True, Future()
        if self._opening.done():
            view._opening.set_result(self.memory.for_user(name))
        else:
            self._opening.add_done_callback(functools.partial(_settle, view._opening, name))
        for verb in OF_FILES:
            setattr(view, verb, _refused(view, verb, awaited=verb != "from_config"))
        return view

    add = _off_loop(Memory.add, _EMBEDS_TEXTS)
    add_many = _off_loop(Memory.add_many, _EMBEDS_TEXTS)
    update = _off_loop(Memory.update, _EMBEDS_TEXTS)
    update_many = _off_loop(Memory.update_many, _EMBEDS_TEXTS)
    feedback = _off_loop(Memory.feedback)
    delete = _off_loop(Memory.delete)
    delete_many = _off_loop(Memory.delete_many)
    delete_all = _off_loop(Memory.delete_all, limited=True)
    reset = _off_loop(Memory.reset)
    vacuum = _off_loop(Memory.vacuum)
    get = _reading(Memory.get)
    get_all = _reading(Memory.get_all)
    search = _reading(Memory.search, _EMBEDS_QUERIES)
    graph: Callable[..., Coroutine[Any, Any, Any]] = _reading(Memory.graph)  # a text or a dictionary, by its format
    reindex_graph = _off_loop(Memory.reindex_graph, _EMBEDS_TEXTS)
    history = _reading(Memory.history)
    entities = _reading(Memory.entities)
    events = _reading(Memory.events)
    event = _reading(Memory.event)
    changes = _reading(Memory.changes)
    get_project = _reading(Memory.get_project)
    update_project = _off_loop(Memory.update_project)
    create_memory_export = _off_loop(Memory.create_memory_export)
    get_memory_export = _reading(Memory.get_memory_export)
    create_webhook = _off_loop(Memory.create_webhook, _USES_NETWORK)
    get_webhooks = _reading(Memory.get_webhooks)
    update_webhook = _off_loop(Memory.update_webhook, _USES_NETWORK)
    delete_webhook = _off_loop(Memory.delete_webhook)
    deliver_webhooks = _off_loop(Memory.deliver_webhooks, _USES_NETWORK)
    stats = _reading(Memory.stats)
    erase = _off_loop(Memory.erase)
    check = _off_loop(Memory.check)
    backup = _off_loop(Memory.backup)
    export = _off_loop(Memory.export)
    import_ = _off_loop(Memory.import_, _EMBEDS_TEXTS)
    import_from_mem0 = _off_loop(Memory.import_from_mem0, _EMBEDS_TEXTS)

    restore = staticmethod(_in_thread(Memory.restore))
    reembed = staticmethod(_in_thread(Memory.reembed))
