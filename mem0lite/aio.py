"""AsyncMemory: the verbs of Memory, each run in a thread, so that none blocks the event loop. No logic is here.

A verb is one line at the end of the class. It says by which of three functions the verb runs, and on which pool of
threads. A verb that needs no thread would be written there as an ``async def``.
"""

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
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from . import telemetry
from .embedding.local import LocalEmbedder
from .errors import ClosedError
from .limits import Limit, within
from .mem0 import configuration
from .memory import OF_FILES, Handle, Memory
from .store import stopping
from .values import clean_id

if TYPE_CHECKING:
    from . import keys

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 4  # per pool; SQLite and an embedder release the GIL, and more threads only wait for each other
_SHARING_THREADS = 64  # of pools whose calls share their work: a call of the model, or a commit

Turns = Callable[[str, int, Mapping[str, Any]], AbstractAsyncContextManager[None]]
"""Returns a context in which a verb reads, from its pool's name, the number of threads, and the verb's arguments."""

# With one pool for all verbs, four adds of long texts made a get take 16 ms (median) instead of 1 ms. When deletes had
# the threads of the reads, four of them behind an erase made it take 3 s.
_EMBEDS_TEXTS, _EMBEDS_QUERIES, _USES_NETWORK, _READS = "add", "search", "network", "read"
_WRITES, _LONG, _PROBES = "write", "maintenance", "probe"


def _off_loop(
    verb: Callable[Concatenate[Memory, P], R], pool: str, *, limited: bool = False
) -> Callable[Concatenate["AsyncMemory", P], "CoroutineType[Any, Any, R]"]:
    @functools.wraps(verb)
    async def call(self: "AsyncMemory", /, *args: P.args, **kwargs: P.kwargs) -> R:
        def work(memory: Memory) -> R:
            return verb(memory, *args, **kwargs)

        result = await (self._limited(pool, work) if limited else self._run(pool, work))
        self._wrote()
        return result

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


def _told(
    loop: asyncio.AbstractEventLoop, waiting: "asyncio.Future[R]", call: Callable[[Memory], R], memory: Memory
) -> None:
    """Make a call in a thread, and tell the event loop that waits for it what came of it."""
    settle: Callable[[], None]
    try:
        settle = functools.partial(waiting.set_result, call(memory))
    except BaseException as error:
        settle = functools.partial(waiting.set_exception, error)
    with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_unless_done, waiting, settle)
    del waiting, settle  # an error's traceback has this frame, and would keep itself


def _unless_done(waiting: "asyncio.Future[R]", settle: Callable[[], None]) -> None:
    if not waiting.done():  # nobody waits for it any more
        settle()


def _nothing() -> None:
    pass


def _in_event_loop() -> bool:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return True
    return False


def _settle(view: "Future[Memory]", user_id: str, opened: "Future[Memory]") -> None:
    """Give a view the result of opening the file, or its error."""
    try:
        view.set_result(opened.result().for_user(user_id))
    except Exception as error:
        view.set_exception(error)


def _refused(view: "AsyncMemory", verb: str, *, awaited: bool) -> Callable[..., Any]:
    """Return what a view has in place of a verb that concerns any file: it raises the error that its Memory raises."""

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

    Given a Memory instead of a path, it uses that Memory and does not close it.

    In an event loop the constructor returns at once and a thread opens the file. If it cannot be opened, the error is
    raised by ``async with``, by awaiting the object, by the first verb, or by ``close``. Outside an event loop the
    constructor opens the file itself.

    Verbs run in threads. There is one pool of threads for verbs that embed texts, one for searches, one for other
    reads, one for other writes, one for verbs that use the network, and one for maintenance that takes long, such as a
    backup. So no kind of verb waits for a thread of another. Threads start when they are needed, at most four in each
    pool. Writes share their commits, so their pool has up to 64. So have those of texts and searches with a
    LocalEmbedder, which embeds the texts of several calls together.

    If the task that awaits a verb is cancelled, a verb that only reads stops. A verb that writes runs to its end.
    """

    api_version = Memory.api_version

    def __init__(self, path: "str | os.PathLike[str] | Memory | None" = None, **options: Any) -> None:
        self._owned = not isinstance(path, Memory)
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._is_view = False
        self._turns: Turns | None = None
        self._statement_timeout: float | None = None
        self._wrote: Callable[[], object] = _nothing
        self._closed = threading.Event()  # shared with the views of for_user
        self._opening: Future[Memory] = Future()
        if isinstance(path, Memory):
            self._opening.set_result(path)
        elif not _in_event_loop():
            self._opening.set_result(Memory(path, **options))
        else:
            inspect.signature(Memory).bind(path, **options)  # raises for a misspelt argument at once
            stopping.watch()  # only the main thread may do that
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
        """The Memory that is used. While its file is being opened, this waits for it."""
        return self._opening.result()

    @classmethod
    def from_config(cls, config_dict: object) -> Self:
        """Open the store that a configuration of mem0 describes, as Memory.from_config does.

        The result may also be awaited, as with mem0 0.1."""
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
            await asyncio.shield(asyncio.wrap_future(self._opening))  # opening goes on when a caller is cancelled
        return self._opening.result()

    def _pool(self, name: str) -> ThreadPoolExecutor:
        if name not in self._pools:
            self._pools.setdefault(name, ThreadPoolExecutor(self._size(name), thread_name_prefix=f"mem0lite-{name}"))
        return self._pools[name]

    def _size(self, pool: str) -> int:
        shared = pool in (_EMBEDS_TEXTS, _EMBEDS_QUERIES) and isinstance(self.memory._embedder, LocalEmbedder)
        return _SHARING_THREADS if shared or pool == _WRITES else _THREADS

    async def _run(self, pool: str, call: Callable[[Memory], R]) -> R:
        if self._closed.is_set():
            raise ClosedError("This AsyncMemory is closed. Open a new one.")
        memory, loop = await self._opened(), asyncio.get_running_loop()
        waiting: asyncio.Future[R] = loop.create_future()
        try:
            # Not loop.run_in_executor: what it puts between two futures costs as much as the way to the thread.
            called = self._pool(pool).submit(_told, loop, waiting, telemetry.carried(call), memory)
        except RuntimeError:  # at the interpreter's end pools accept nothing, but threads and atexit still write
            return call(memory)
        try:
            return await waiting
        except asyncio.CancelledError:
            called.cancel()  # if no thread has begun it
            raise

    async def _read(self, pool: str, call: Callable[[Memory], R], asked: Mapping[str, Any]) -> R:
        """Run a verb that only reads. It waits for its turn, and stops when nobody awaits it any more."""
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

    async def _probe(self) -> None:
        """Read the file in a thread that no verb uses. Raises what a read raises."""
        await self._run(_PROBES, lambda memory: memory.get(""))  # looks up, in an index, an id that no memory has

    async def _known_keys(self, known: "keys.Table | None") -> "keys.Table":
        """Return the API keys of the store as they are now: at once where that needs no waiting, else read in a thread
        that no verb uses."""
        from . import keys

        opened = self._opening.done() and self._opening.exception() is None and not self._closed.is_set()
        if opened and (found := keys.at_once(self._opening.result()._store, known)) is not None:
            return found
        return await self._run(_PROBES, lambda memory: keys.current(memory._store, known))

    async def _note_key(self, key_id: str, now: int) -> None:
        from . import keys

        await self._run(_WRITES, lambda memory: keys.note_use(memory._store, key_id, now))

    def _shared(self, turns: "Turns", statement_timeout: float | None, wrote: Callable[[], object]) -> Self:
        """Return the same for one of many callers. Its reads take turns, and have a time limit if the Memory sets
        none. ``wrote`` is called after each verb that may have changed something."""
        view = copy.copy(self)
        view._turns, view._statement_timeout, view._wrote = turns, statement_timeout, wrote
        return view

    async def close(self) -> None:
        """Finish the calls that were made, then close the Memory unless it was passed to the constructor.

        Closing twice does nothing, and closing a view of one user leaves everything open.
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
        """The user whose memories a view shows; None if this is not a view."""
        return self.memory.user_id

    def for_user(self, user_id: str | int) -> Self:
        """Return a view of one user's memories, as Memory.for_user does. It need not be closed."""
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
    extract = _off_loop(Memory.extract, _USES_NETWORK)
    update = _off_loop(Memory.update, _EMBEDS_TEXTS)
    _update_one = _off_loop(Memory._update_one, _EMBEDS_TEXTS)
    update_many = _off_loop(Memory.update_many, _EMBEDS_TEXTS)
    feedback = _off_loop(Memory.feedback, _WRITES)
    delete = _off_loop(Memory.delete, _WRITES)
    delete_many = _off_loop(Memory.delete_many, _WRITES)
    delete_all = _off_loop(Memory.delete_all, _WRITES, limited=True)
    reset = _off_loop(Memory.reset, _WRITES)
    vacuum = _off_loop(Memory.vacuum, _LONG)
    get = _reading(Memory.get)
    get_all = _reading(Memory.get_all)
    search = _reading(Memory.search, _EMBEDS_QUERIES)
    context = _reading(Memory.context, _EMBEDS_QUERIES)
    graph: Callable[..., Coroutine[Any, Any, Any]] = _reading(Memory.graph)  # a text or a dictionary, by its format
    reindex_graph = _off_loop(Memory.reindex_graph, _LONG)
    history = _reading(Memory.history)
    entities = _reading(Memory.entities)
    events = _reading(Memory.events)
    event = _reading(Memory.event)
    changes = _reading(Memory.changes)
    get_project = _reading(Memory.get_project)
    update_project = _off_loop(Memory.update_project, _WRITES)
    create_memory_export = _off_loop(Memory.create_memory_export, _LONG)
    get_memory_export = _reading(Memory.get_memory_export)
    summary = _off_loop(Memory.summary, _USES_NETWORK)
    create_webhook = _off_loop(Memory.create_webhook, _USES_NETWORK)
    get_webhooks = _reading(Memory.get_webhooks)
    update_webhook = _off_loop(Memory.update_webhook, _USES_NETWORK)
    delete_webhook = _off_loop(Memory.delete_webhook, _WRITES)
    deliver_webhooks = _off_loop(Memory.deliver_webhooks, _USES_NETWORK)
    create_key = _off_loop(Memory.create_key, _WRITES)
    get_keys = _reading(Memory.get_keys)
    revoke_key = _off_loop(Memory.revoke_key, _WRITES)
    revoke_all_keys = _off_loop(Memory.revoke_all_keys, _WRITES)
    stats = _reading(Memory.stats)
    usage = _reading(Memory.usage)
    _measured = _reading(Memory._measured)
    erase = _off_loop(Memory.erase, _LONG)
    check = _off_loop(Memory.check, _LONG)
    backup = _off_loop(Memory.backup, _LONG)
    export = _off_loop(Memory.export, _LONG)
    import_ = _off_loop(Memory.import_, _LONG)
    import_from_mem0 = _off_loop(Memory.import_from_mem0, _LONG)

    copy = staticmethod(_in_thread(Memory.copy))
    restore = staticmethod(_in_thread(Memory.restore))
    reembed = staticmethod(_in_thread(Memory.reembed))
