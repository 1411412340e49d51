"""MCP over standard input and output: one message a line."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..errors import Mem0LiteError
from .dispatch import Caller, answer
from .protocol import Message, ProtocolError, Request, check_envelope, failure, id_in, read, written

if TYPE_CHECKING:
    from ..aio import AsyncMemory
    from ..memory import Memory

logger = logging.getLogger("mem0lite")


class Wire(NamedTuple):
    """Where messages come from, and where they go."""

    incoming: IO[bytes]
    outgoing: IO[bytes]


def serve(open_memory: "Callable[[], Memory]", user_id: str, *, read_only: bool = False) -> None:
    """Answer the client on standard input and output until it closes its end or a signal asks to stop.

    ``open_memory`` is called in a thread, and again at the next request if it fails; the client is answered meanwhile.
    Whatever else is written to standard output goes to standard error.
    """
    with _claimed() as wire:
        opening = Opening(open_memory)
        caller = Caller(opening.memory, user_id, _explained, read_only)
        asyncio.run(_Conversation(wire, caller, opening).run())


def _explained(error: Exception) -> str:
    """Return what a client of this machine's own user is told: all there is to know. A fault of ours is logged."""
    if isinstance(error, Mem0LiteError):
        return error.suggestion
    logger.error("A request failed.", exc_info=error)
    return "An internal error. The server's standard error has the details."


@contextmanager
def _claimed() -> Iterator[Wire]:
    """Yield the standard streams. For everybody else, input is empty meanwhile, and output is standard error."""
    sys.stdout.flush()
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    try:
        # closefd=False: a thread may still be reading when the process ends.
        yield Wire(os.fdopen(incoming, "rb", closefd=False), os.fdopen(outgoing, "wb", closefd=False))
    finally:
        sys.stdout.flush()
        os.dup2(outgoing, 1)
        os.dup2(incoming, 0)


class Opening:
    """A memory that is opened in a thread."""

    def __init__(self, open_memory: "Callable[[], Memory]") -> None:
        self._open_memory = open_memory
        self._opened: asyncio.Future[tuple[AsyncMemory, Memory]] | None = None

    def begin(self) -> "asyncio.Future[tuple[AsyncMemory, Memory]]":
        """Begin to open it, unless that was begun before."""
        if self._opened is None:
            self._opened = asyncio.ensure_future(asyncio.to_thread(self._open))
            self._opened.add_done_callback(_log_failure)
        return self._opened

    async def memory(self) -> "AsyncMemory":
        """Return the memory. Raises what opening it raises; the next call tries again."""
        if self._opened is not None and self._opened.done() and self._opened.exception() is not None:
            self._opened = None
        return (await asyncio.shield(self.begin()))[0]

    async def close(self) -> None:
        """Finish what is being written, and close the file."""
        if self._opened is None:
            return
        with suppress(Exception):  # it was logged
            shared, memory = await self._opened
            await shared.close()
            await asyncio.to_thread(memory.close)

    def _open(self) -> "tuple[AsyncMemory, Memory]":
        from ..aio import AsyncMemory  # in the thread: it takes longer than a client should wait for its first answer

        memory = self._open_memory()
        return AsyncMemory(memory), memory


def _log_failure(opened: "asyncio.Future[Any]") -> None:
    if not opened.cancelled() and (error := opened.exception()) is not None:
        logger.error("The memory cannot be opened: %s", error)


class _Conversation:
    """The messages of one client."""

    def __init__(self, wire: Wire, caller: Caller, opening: Opening) -> None:
        self._wire, self._caller, self._opening = wire, caller, opening
        self._running: dict[asyncio.Task[None], str | int] = {}  # with the ids of their requests, which may be reused
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Answer until the client is gone, finish what it asked for, and close the file."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows: there, signals end the process
                loop.add_signal_handler(number, self._stop)
        threading.Thread(target=self._read, args=(loop,), name="mem0lite-stdin", daemon=True).start()
        try:
            await self._ended.wait()
            while self._running:
                await asyncio.wait(self._running)
        finally:
            await self._opening.close()

    def _stop(self) -> None:
        for task in self._running:
            task.cancel()
        self._ended.set()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed
            for line in self._wire.incoming:
                if text := line.strip():
                    loop.call_soon_threadsafe(self._received, text)
            loop.call_soon_threadsafe(self._ended.set)

    def _received(self, text: bytes) -> None:
        try:
            request = read(text)
            if request is None:
                return
            if request.id is None:
                self._noticed(request)
                return
            check_envelope(request)
        except ProtocolError as error:
            self._send(failure(id_in(text), error))
            return
        task = asyncio.ensure_future(self._answer(request))
        self._running[task] = request.id
        task.add_done_callback(self._running.pop)

    def _noticed(self, request: Request) -> None:
        """Stop the call that a client cancels. No other notification asks for anything."""
        if request.method == "notifications/cancelled":
            for task, number in self._running.items():
                if number == request.params.get("requestId"):
                    task.cancel()

    async def _answer(self, request: Request) -> None:
        self._send(await answer(request, self._caller, self._send))
        self._opening.begin()  # after the first answer, which it would hold up, so that it is open when it is needed

    def _send(self, message: Message) -> None:
        try:
            self._wire.outgoing.write(written(message) + b"\n")
            self._wire.outgoing.flush()
        except OSError:  # nobody reads any more
            self._ended.set()
