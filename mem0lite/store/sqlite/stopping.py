"""Close files when a process ends without the interpreter's own shutdown: at a signal, or as a worker.

Signals are for web applications only, and no handler is ever taken away. A library that set one everywhere would keep a
program from being stopped whose main thread stays in C, such as that of a graphical interface: Python's handlers run
between two steps of Python.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from .database import open_files

_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_WEB = frozenset({"uvicorn", "starlette", "litestar", "quart", "flask", "django"})  # modules of web applications
_SECONDS = 1.0  # what the calls of other threads get to end in before the signal's own action ends the process
_finalizing: set[int] = set()  # the processes that close their files as workers


def watch(*, server: bool = False) -> None:
    """Close this process's open files when it is stopped. To be called whenever a file is opened.

    This works in the main thread only, and only if the signal still has its default action: for a ``server``, and in
    any process that has loaded a web framework. uvicorn stops gracefully and then raises the signal again, whose
    default action ends the process on the spot. If its own handler is in place already, that is called as before.
    """
    _watch_worker()
    if threading.current_thread() is threading.main_thread() and (server or not _WEB.isdisjoint(sys.modules)):
        for number in _SIGNALS:
            previous = signal.getsignal(number)
            if previous == signal.SIG_DFL:
                signal.signal(number, _settle_and_die)
            elif callable(previous) and _is_uvicorns(previous):
                signal.signal(number, _settling(previous))


def settle() -> None:
    """From now on, keep every file closed that no call is using. The next call opens it again."""
    deadline = time.monotonic() + _SECONDS
    for file in open_files():
        file.settle(max(0.0, deadline - time.monotonic()))


def _watch_worker() -> None:
    """Close files at the end of a forked ``multiprocessing`` process, which skips the interpreter's shutdown."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is None or processes.parent_process() is None or os.getpid() in _finalizing:
        return
    from multiprocessing.util import Finalize

    _finalizing.add(os.getpid())
    Finalize(None, settle, exitpriority=0)


def _settle_and_die(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    settle()
    signal.raise_signal(number)


def _is_uvicorns(handler: Any) -> bool:
    kind = type(getattr(handler, "__self__", None))
    return any(base.__module__ == "uvicorn.server" for base in kind.__mro__)


def _settling(previous: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
    def handler(number: int, frame: FrameType | None) -> None:
        previous(number, frame)
        for file in open_files():
            file.settle(0)  # what still runs closes the file when it ends, before it is answered

    return handler
