"""``mem0lite serve --workers``: several processes that answer at one address, over one file.

The first process opens no file. It listens, starts the workers, gives them its socket, replaces one that dies, and ends
them all. A worker that cannot start ends the whole.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Mem0LiteError
from .output import note
from .serve import SHUTDOWN_SECONDS, answer, file_of

if TYPE_CHECKING:
    import socket
    from multiprocessing.context import SpawnProcess

    from ..server.settings import Settings

_METRICS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
_SPARE_SECONDS = 5  # that a worker has, beside what running requests may take, to end


class _Ready(NamedTuple):
    """What a worker says when it is about to answer."""

    file: str
    model: str


class _Worker(NamedTuple):
    number: int
    process: "SpawnProcess"
    said: "Connection[object, object]"


def run(settings: "Settings", listener: "socket.socket", announce: Callable[[str, str], object]) -> str:
    """Serve until a signal comes; return which file it was. ``announce`` is called when all workers are ready.

    Raises Mem0LiteError if a worker cannot start, when the others have ended.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    file = settings.db
    with tempfile.TemporaryDirectory(prefix="mem0lite-") as folder, _variable(_METRICS, folder):
        crew = _Crew(settings, listener, folder)
        with suppress(KeyboardInterrupt):  # a server is meant to be stopped
            try:
                file, model = crew.start()
                announce(file, model)
                crew.watch()
            finally:
                crew.stop()
    return file


class _Crew:
    """The workers of one server."""

    def __init__(self, settings: "Settings", listener: "socket.socket", folder: str) -> None:
        self._settings, self._listener, self._folder = settings, listener, folder
        # Not forked: threads and the model's runtime do not survive that.
        self._processes = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def start(self) -> _Ready:
        """Start the workers, and wait until all of them are ready: the first alone, so that what is wrong with the file
        or the model is said once, and then the others together."""
        first = self._wait_for(self._begin(0))
        for other in [self._begin(number) for number in range(1, self._settings.workers)]:
            self._wait_for(other)
        return first

    def watch(self) -> None:
        """Replace each worker that ends, for ever."""
        from prometheus_client.multiprocess import mark_process_dead

        while True:
            ended = wait([worker.process.sentinel for worker in self._workers])
            for worker in [one for one in self._workers if one.process.sentinel in ended]:
                worker.process.join()
                self._workers.remove(worker)
                mark_process_dead(worker.process.pid, self._folder)  # type: ignore[no-untyped-call]
                note(f"{_described(worker)} ended ({_cause(worker)}). Another takes its place.")
                self._wait_for(self._begin(worker.number))

    def stop(self) -> None:
        """Have the workers finish what they have accepted, and kill those that take too long."""
        for worker in self._workers:
            worker.process.terminate()
        end = time.monotonic() + SHUTDOWN_SECONDS + _SPARE_SECONDS
        try:
            for worker in self._workers:
                worker.process.join(max(0.0, end - time.monotonic()))
        finally:  # also when a second signal comes
            for worker in self._workers:
                if worker.process.is_alive():
                    note(f"{_described(worker)} did not end in time, and is killed.")
                    worker.process.kill()
                    worker.process.join()

    def _begin(self, number: int) -> _Worker:
        said, saying = multiprocessing.Pipe()
        process = self._processes.Process(
            target=_work,
            args=(self._settings, self._listener, number, self._folder, saying),
            name=f"mem0lite-worker-{number}",
        )
        process.start()
        saying.close()
        worker = _Worker(number, process, said)
        self._workers.append(worker)
        return worker

    def _wait_for(self, worker: _Worker) -> _Ready:
        try:
            heard = worker.said.recv()
        except EOFError:
            worker.process.join()
            heard = f"{_described(worker)} ended before it was ready ({_cause(worker)})."
        if isinstance(heard, _Ready):
            return heard
        raise Mem0LiteError(str(heard))


def _described(worker: _Worker) -> str:
    return f"Worker {worker.number + 1} (process {worker.process.pid})"


def _cause(worker: _Worker) -> str:
    code = worker.process.exitcode
    with suppress(ValueError):
        if code is not None and code < 0:
            return signal.Signals(-code).name
    return f"exit code {code}"


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for the processes that are started in the block."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


# -- in a worker


def _work(
    settings: "Settings", listener: "socket.socket", number: int, folder: str, parent: "Connection[object, object]"
) -> None:
    from ..memory import Memory
    from ..server.app import create_sibling
    from ..server.backend import Sibling, load_model
    from ..telemetry.exporting import exporting

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # it may be told to end at any moment, also while it says what is wrong
        try:
            with exporting(settings.opentelemetry), Memory(**settings.memory_arguments) as memory:
                load_model(memory)
                app = create_sibling(memory, settings, Sibling(number == 0, folder))
                ready = _Ready(file_of(memory), memory._embedder.name)
                answer(app, settings, listener, lambda: parent.send(ready))
        except Mem0LiteError as error:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends anyway, and nobody wants to see where it was
            with suppress(OSError):
                parent.send(str(error))
            sys.exit(1)


def _end_with(parent: "Connection[object, object]") -> None:
    """End this process when the first one is gone, however it ended: nobody would stop it otherwise."""
    with suppress(EOFError, OSError):
        parent.recv()
    os.kill(os.getpid(), signal.SIGTERM)
