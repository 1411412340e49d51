"""Paths and files: which path may be a store, lines of UTF-8, and new files that appear whole or not at all."""

import codecs
import errno
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import ConfigurationError, DatabaseError, DiskFullError, ValidationError

SIDECARS = ("-wal", "-shm", "-journal")
"""Endings that SQLite adds to a database's name for the files next to it."""

_FULL = (errno.ENOSPC, errno.EDQUOT)

_SERVER_URL = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
_SQLITE_URL = re.compile(r"(?:file|sqlite3?(?:\+\w+)?):", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # one letter is a drive on Windows; Path turns "//" into "/"


def clean_path(value: object, field: str) -> str:
    """Return a path; a ``~`` at its beginning becomes the home folder, because no shell does that in a configuration.

    Raises ValidationError for what can't be the name of a file.
    """

    def wrong(problem: str) -> ValidationError:
        return ValidationError(f"Invalid {field}: {problem}", field=field)

    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise wrong(f"must be a string or a path, got {type(value).__name__}.")
    if not path.strip():
        raise wrong("is blank. Give the name of a file.")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise wrong(f"{path!r} contains a character that file names cannot have. Give another name.") from None
    if b"\0" in encoded:
        raise wrong(f"{path!r} contains a NUL character. Remove it.")
    home = expanded(path)
    if home.startswith("~"):
        raise wrong(
            f"{path!r} begins with ~, but there is no such home folder. Write {f'./{path}'!r} for a file of that name."
        )
    return home


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path; a ``~`` at its beginning becomes the home folder, if there is one."""
    return os.path.expanduser(path)  # noqa: PTH111 (Path drops a slash at the end, and fails without a home)


def is_server(path: object) -> bool:
    """Whether the place of a store is the URL of a PostgreSQL database, not the path of a file."""
    return isinstance(path, str) and _SERVER_URL.match(path) is not None


def shown_store(path: str) -> str:
    """Return the place of a store as it may be shown: a URL without its password."""
    if not is_server(path):
        return path
    scheme, _, rest = path.partition("//")
    end = min((rest.index(sign) for sign in "/?" if sign in rest), default=len(rest))
    user, at, hosts = rest[:end].rpartition("@")
    address, mark, parameters = rest[end:].partition("?")
    kept = [one for one in parameters.split("&") if not one.lower().startswith(("password=", "sslpassword="))]
    query = "?" + "&".join(kept) if mark and any(kept) else ""
    return f"{scheme}//{user.partition(':')[0]}{at}{hosts}{address}{query}"


def store_path(value: object, field: str, *, folder: bool = False) -> str:
    """Return the path of a store, which is a file or ``":memory:"``, as ``clean_path`` does, or its URL, if it is in a
    PostgreSQL database.

    Raises ConfigurationError for what would make a file with a name that nobody wants: a URL, ":MEMORY:", a name with
    white space around it, a folder (unless ``folder`` allows it), and a name that SQLite gives to the files next to a
    database.
    """
    try:
        path = clean_path(value, field)
    except ValidationError as error:
        raise ConfigurationError(str(error)) from None
    if path != ":memory:" and not is_server(path) and (problem := _no_store(path, folder=folder)):
        raise ConfigurationError(f"{field}: {path!r} {problem}")
    return path


def _no_store(path: str, *, folder: bool) -> str | None:
    """Return why there can't be a store at a path, and the cure; None if there can."""
    if ":" in path and path.strip(": \t\r\n").casefold() == "memory":
        return "is not ':memory:'. Write exactly ':memory:' for a store in memory, or give the name of a file."
    if _SQLITE_URL.match(path) or _URL.match(path):
        return "is a URL. Give the path of a file, such as 'agent.db', or ':memory:'."
    if path != path.strip():
        return f"begins or ends with white space. Write {path.strip()!r}."
    if not folder and (path.endswith(tuple({"/", os.sep})) or _is_folder(path)):
        return f"is a folder. Name a file in it, such as {str(Path(path, 'mem0lite.db'))!r}."
    if any(name.casefold().endswith(SIDECARS) for name in (path, os.path.realpath(path))):
        return "is a name that SQLite gives to a file of its own. Give a name with another ending, such as '.db'."
    return None


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # the mark of UTF-32-LE begins like the first


def utf8_lines(file: IO[bytes], name: str, field: str) -> Iterator[str]:
    """Yield the lines of an open file, read as UTF-8, without a byte order mark.

    Raises ValidationError if it is not UTF-8; ``name`` is what the message calls the file.
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
        with suppress(ValueError):  # if the file is closed already
            text.detach()  # otherwise it would close the file when it is collected


def read_utf8_lines(path: Path, field: str) -> Iterator[str]:
    """Yield the lines of the file at a path, as ``utf8_lines`` does. Raises ValidationError if it can't be read."""
    try:
        with path.open("rb") as file:
            yield from utf8_lines(file, str(path), field)
    except OSError as error:
        raise ValidationError(
            f"Cannot read {path}: {error.strerror or error}. Give another file.", field=field
        ) from error


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield an empty file next to ``path`` that replaces it if the block ends without an error.

    Only its owner can read the file. It appears whole or not at all, even if the power fails. A link stays, and the
    file it points to is replaced. A device or a pipe, such as ``/dev/stdout``, is yielded itself, because replacing it
    would break it for everybody. Raises DatabaseError if the file can't be written.
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
    """Yield an empty file next to ``path`` that is removed when the block ends; only its owner can read it.

    Raises DatabaseError if the file can't be written.
    """
    partial = path.with_name(f".{os.urandom(16).hex()}.partial")
    try:
        with _reported(path):
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            yield partial
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Raise an error of the system as a DatabaseError."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(
                f"{path} cannot be written: the disk is full. Free some space, or give another file."
            ) from error
        raise DatabaseError(f"{path} cannot be written: {error.strerror or error}.") from error


def sync_folder(path: Path) -> None:
    """Make the name of a new file durable, if the system can: Windows does not open folders."""
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
