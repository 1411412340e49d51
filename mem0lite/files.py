"""New files that appear whole or not at all, also when the power fails."""

import codecs
import errno
import io
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import ConfigurationError, DatabaseError, DiskFullError, ValidationError

SIDECARS = ("-wal", "-shm", "-journal")
"""What SQLite adds to a database's name for the files that belong to it."""

_FULL = (errno.ENOSPC, errno.EDQUOT)

_SQLITE_URL = re.compile(r"(?:file|sqlite3?(?:\+\w+)?):", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # a drive of Windows has one letter; Path makes "//" one


def clean_path(value: object, field: str) -> str:
    """Return a path, with a ``~`` that it begins with as the home folder: no shell expands one in a configuration.

    Raises ValidationError for what no file can be called.
    """

    def wrong(problem: str) -> ValidationError:
        return ValidationError(f"Invalid {field}: {problem}", field=field)

    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise wrong(f"must be a text or a path, got {type(value).__name__}.")
    if not path.strip():
        raise wrong("is blank. Give the name of a file.")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise wrong(f"{path!r} holds a character that no file's name can have. Give another name.") from None
    if b"\0" in encoded:
        raise wrong(f"{path!r} holds a NUL character. Remove it.")
    home = expanded(path)
    if home.startswith("~"):
        raise wrong(f"{path!r} begins with ~, and there is no such home folder. Write {f'./{path}'!r} for that name.")
    return home


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path with the home folder for a ``~`` that it begins with, if there is that home."""
    return os.path.expanduser(path)  # noqa: PTH111 (Path drops a slash at the end, and fails where there is no home)


def store_path(value: object, field: str, *, folder: bool = False) -> str:
    """Return the path of a store, which is a file or ``":memory:"``, as ``clean_path`` does.

    What would make a file of a name that nobody means is refused: a URL, ":MEMORY:", a name in white space, a folder
    (unless that is what is asked for), and a name that SQLite gives to the files beside a database. Raises
    ConfigurationError.
    """
    try:
        path = clean_path(value, field)
    except ValidationError as error:
        raise ConfigurationError(str(error)) from None
    if path != ":memory:" and (problem := _no_store(path, folder=folder)):
        raise ConfigurationError(f"{field}: {path!r} {problem}")
    return path


def _no_store(path: str, *, folder: bool) -> str | None:
    """Return why no store can be at a path, and the cure."""
    if ":" in path and path.strip(": \t\r\n").casefold() == "memory":
        return "is not ':memory:'. Write just that for a store in memory, or the name of a file."
    if _SQLITE_URL.match(path) or _URL.match(path):
        return "is a URL. Give the path of a file, such as 'agent.db', or ':memory:'."
    if path != path.strip():
        return f"begins or ends with white space. Write {path.strip()!r}."
    if not folder and (path.endswith(tuple({"/", os.sep})) or _is_folder(path)):
        return f"is a folder. Name a file in it, such as {str(Path(path, 'mem0lite.db'))!r}."
    if any(name.casefold().endswith(SIDECARS) for name in (path, os.path.realpath(path))):
        return "is what SQLite calls a file beside a database. Give a name with another ending, such as '.db'."
    return None


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # that of UTF-32-LE begins like the first


def utf8_lines(file: IO[bytes], name: str, field: str) -> Iterator[str]:
    """Yield the lines of an open file, which is read as UTF-8, without the byte order mark that it may begin with.

    Raises ValidationError for what is not UTF-8, calling the file by ``name``.
    """
    start = file.peek(4) if isinstance(file, io.BufferedReader) else b""
    if start.startswith(_UTF16) or b"\0" in start[:4]:
        raise ValidationError(
            f"Cannot read {name} as UTF-8 text: it is UTF-16 or binary. Save it as UTF-8.", field=field
        )
    text = io.TextIOWrapper(file, encoding="utf-8-sig")
    try:
        yield from text
    except UnicodeDecodeError as error:
        raise ValidationError(f"Cannot read {name} as UTF-8 text: {error}. Save it as UTF-8.", field=field) from error
    finally:
        with suppress(ValueError):  # where the file is closed already
            text.detach()  # or it would close the file when it goes


def read_utf8_lines(path: Path, field: str) -> Iterator[str]:
    """Yield the lines of the file at a path, as ``utf8_lines`` does. Raises ValidationError where it cannot be read."""
    try:
        with path.open("rb") as file:
            yield from utf8_lines(file, str(path), field)
    except OSError as error:
        raise ValidationError(
            f"Cannot read {path}: {error.strerror or error}. Give another file.", field=field
        ) from error


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield an empty file beside ``path``, its owner's alone, that takes its place when the block ends well.

    A link stays and its file is replaced; a device or a pipe, as ``/dev/stdout`` may be, is yielded itself: put in its
    place, a file would break it for everybody. Raises DatabaseError when the file cannot be written.
    """
    with _reported(path):
        special = path.exists() and not path.is_file() and not path.is_dir()
        path = path if special else path.resolve()
    if special:
        with _reported(path):
            yield path
        return
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
        if error.errno in _FULL:
            raise DiskFullError(
                f"{path} cannot be written: the disk is full. Make room, or give another file."
            ) from error
        raise DatabaseError(f"{path} cannot be written: {error.strerror or error}.") from error


def sync_folder(path: Path) -> None:
    """Make the name of a new file durable, where the system can do that: Windows opens no folders."""
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
