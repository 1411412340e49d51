"""New files that appear whole or not at all, also when the power fails."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DatabaseError


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield an empty file beside ``path``, its owner's alone, that takes its place when the block ends well.

    A link stays and its file is replaced; a device or a pipe, as ``/dev/stdout`` may be, is yielded itself: put in its
    place, a file would break it for everybody. Raises DatabaseError when the file cannot be written.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with _reported(path):
            yield path
        return
    path = path.resolve()
    with beside(path) as partial:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield an empty file beside ``path``, its owner's alone, that is gone when the block ends.

    Raises DatabaseError when the file cannot be written.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with _reported(path):
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            yield partial
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Raise what the system refuses as a DatabaseError."""
    try:
        yield
    except OSError as error:
        raise DatabaseError(f"{path} cannot be written: {error.strerror}.") from error


def sync_folder(path: Path) -> None:
    """Make the name of a new file durable, where the system can do that: Windows opens no folders."""
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
