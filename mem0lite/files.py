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

    Raises DatabaseError when the file cannot be written.
    """
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
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        yield partial
    except OSError as error:
        raise DatabaseError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make the name of a new file durable, where the system can do that: Windows opens no folders."""
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
