"""AsyncMemory: the verbs of Memory without blocking the event loop. One hop per verb, no logic."""

import asyncio
import functools
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from .errors import ClosedError
from .memory import Memory

P = ParamSpec("P")
R = TypeVar("R")

_THREADS = 4  # SQLite and the embedder release the GIL; more threads than this only wait for each other


def _off_loop(
    verb: Callable[Concatenate[Memory, P], R],
) -> Callable[Concatenate["AsyncMemory", P], Coroutine[Any, Any, R]]:
    @functools.wraps(verb)
    async def call(self: "AsyncMemory", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(functools.partial(verb, self.memory, *args, **kwargs))

    return call


def _in_thread(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(function, *args, **kwargs)

    return call


class AsyncMemory:
    """Memory for async code: the same constructor arguments and verbs, each verb a coroutine.

    >>> async def main():
    ...     async with AsyncMemory(":memory:") as memory:
    ...         await memory.add("I am allergic to peanuts", user_id="alice")
    ...         return (await memory.get_all(user_id="alice"))["total"]
    >>> asyncio.run(main())
    1

    Given a Memory instead of a path, it serves that one and leaves closing it to its owner. The file is opened in the
    constructor; everything else runs on a pool of four threads that starts with the first verb.
    """

    def __init__(self, path: "str | os.PathLike[str] | Memory | None" = None, **options: Any) -> None:
        self._owned = not isinstance(path, Memory)
        self.memory = path if isinstance(path, Memory) else Memory(path, **options)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mem0lite")
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, call: Callable[[], R]) -> R:
        if self._closed:
            raise ClosedError("This AsyncMemory is closed. Open a new one.")
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def close(self) -> None:
        """Finish what was accepted, then close the Memory unless it was passed in; closing twice does nothing."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown, wait=True)
        if self._owned:
            await asyncio.to_thread(self.memory.close)

    add = _off_loop(Memory.add)
    add_many = _off_loop(Memory.add_many)
    update = _off_loop(Memory.update)
    delete = _off_loop(Memory.delete)
    delete_all = _off_loop(Memory.delete_all)
    reset = _off_loop(Memory.reset)
    vacuum = _off_loop(Memory.vacuum)
    get = _off_loop(Memory.get)
    get_all = _off_loop(Memory.get_all)
    search = _off_loop(Memory.search)
    history = _off_loop(Memory.history)
    entities = _off_loop(Memory.entities)
    stats = _off_loop(Memory.stats)
    backup = _off_loop(Memory.backup)
    export = _off_loop(Memory.export)
    import_ = _off_loop(Memory.import_)

    reembed = staticmethod(_in_thread(Memory.reembed))
