"""A file before SQLite reads it: create or inspect it without a change, then open it as its disk and pages require.

The header's layout: https://www.sqlite.org/fileformat.html#the_database_header
"""

import os
import threading
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import apsw

from ...errors import (
    ConfigurationError,
    CorruptFileError,
    DatabaseError,
    DependencyError,
    NewerFileError,
    NotAMemoryFileError,
)
from .held import HeldFile, sibling

APPLICATION_ID = 0x6D306C74  # "m0lt", in the file's header
CHECKSUM_BYTES = 8  # at the end of each page, https://www.sqlite.org/cksumvfs.html
_CHECKSUM_VFS = "cksmvfs"
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_WAL_MODE = 2

Stamp = tuple[int, int, int]
"""What changes when a file is written: its inode, size in bytes, and time of change in nanoseconds."""


class Header(NamedTuple):
    """What the first 100 bytes of one of our files say."""

    checksums: bool
    """Whether every page ends with a checksum."""


def look_at(file: HeldFile, version: int) -> Header | None:
    """Return what a file's header says without touching it, or None of an empty file or one whose making was cut short.

    Raises NotAMemoryFileError, NewerFileError for a schema version beyond ``version``, CorruptFileError, DatabaseError.
    """
    header, size = file.beginning(_HEADER_BYTES)
    if size and not any(header):  # the power failed while its first page was written, or somebody just writes it
        if _journal(file.path).exists():
            return None
        header, size = file.beginning(_HEADER_BYTES)  # and is done by now: the journal goes last
    if size == 0:
        return None
    if not header.startswith(_MAGIC) or _number(header, 68) != APPLICATION_ID:
        raise NotAMemoryFileError(f"{file.path} is not a mem0lite file; it was left as it is. Give another path.")
    if _number(header, 60) > version:
        raise newer(file.path)
    if not (file.log.exists() or _journal(file.path).exists()):
        _check_alone(file)
    return Header(checksums=header[20] == CHECKSUM_BYTES)


def _check_alone(file: HeldFile) -> None:
    """Raise CorruptFileError if a file without a log or a journal needs one to be whole.

    Of a log that holds only the newest changes nothing tells: the file is then what it was before them.
    """
    header, size = file.beginning(_HEADER_BYTES)  # again: whoever had it open may have updated it since
    if header[18] == _WAL_MODE and _number(header, 60) == 0:
        raise CorruptFileError(
            f"{file.path} holds nothing by itself: all that was stored is in the log (-wal) beside the file that it "
            "was copied from. Copy both together, or make the copy with backup. If nothing was ever stored, remove it."
        )
    if size < _pages_size(header):
        raise CorruptFileError(
            f"{file.path} is damaged: it holds less than its {_number(header, 28)} pages. Restore a backup."
        )


def is_database(path: Path) -> bool:
    """Tell whether a file is an SQLite database, whosever. Not to be asked of one that this process has open: closing
    the file drops the locks that SQLite has on it."""
    try:
        if not path.is_file():
            return False  # reading a pipe would wait
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except (OSError, ValueError):
        return False


def newer(path: Path | None) -> NewerFileError:
    """Return the error for a file from a later version."""
    return NewerFileError(f"{path} was written by a newer mem0lite. Run: pip install --upgrade mem0lite")


def _pages_size(header: bytes) -> int:
    page_size = int.from_bytes(header[16:18], "big")
    return _number(header, 28) * (65_536 if page_size == 1 else page_size)


def _number(header: bytes, offset: int) -> int:
    return int.from_bytes(header[offset : offset + 4], "big")


def _journal(path: Path) -> Path:
    """Return the path of the rollback journal, by which SQLite undoes what a process that was killed began to make."""
    return sibling(path, "-journal")


def stamp(path: Path) -> Stamp | None:
    """Return what tells whether a file that nobody has open for writing was written; None while somebody may."""
    try:
        found = path.stat()
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read: {error.strerror}.") from error
    return None if _is_open(path) else (found.st_ino, found.st_size, found.st_mtime_ns)


def _is_open(path: Path) -> bool:
    try:
        return sibling(path, "-wal").stat().st_size > 0 or os.access(path.parent, os.W_OK)
    except OSError:
        return False  # there is none


def connect(path: Path | None, *, checksums: bool, read_only: bool = False, immutable: bool = False) -> apsw.Connection:
    """Open a connection; ``immutable`` reads a file that nobody writes without locks, or files beside it."""
    vfs = checksum_vfs() if checksums else None
    name = ":memory:" if path is None else as_uri(path, "immutable=1") if immutable else as_uri(path)
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
    return apsw.Connection(name, flags=flags | apsw.SQLITE_OPEN_URI, vfs=vfs)  # copies are named by URIs, too


def as_uri(path: Path, *parameters: str) -> str:
    """Return a path as one of SQLite's URIs: https://www.sqlite.org/uri.html"""
    return f"file:{quote(str(path))}" + (f"?{'&'.join(parameters)}" if parameters else "")


def copy(source: Path, target: Path, *, version: int, checksums: bool) -> None:
    """Write a compact copy of a file of schema ``version`` or older to an empty file, with page checksums or without.

    The source is only read, in one snapshot, and none of the programs that its schema may hold is run. Raises what
    ``look_at`` raises, NotAMemoryFileError for an empty file, and apsw's errors.
    """
    with closing(HeldFile(source)) as held:
        held.take()
        header = look_at(held, version)
        if header is None:
            raise NotAMemoryFileError(f"{source} is empty: there is nothing in it to restore.")
        connection = connect(source, checksums=header.checksums, read_only=True, immutable=stamp(source) is not None)
        try:
            _check_no_programs(connection, source)
            write_copy(connection, target, checksums=checksums)
        finally:
            connection.close()


def _check_no_programs(connection: apsw.Connection, source: Path) -> None:
    connection.pragma("trusted_schema", False)
    programs = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' OR rootpage = 0").fetchall()
    if programs:  # views and virtual tables have no pages; that nothing else is strange is checked in the copy
        raise CorruptFileError(
            f"{source} is damaged: it has triggers, views or virtual tables, which may be anybody's programs. "
            "Restore another backup."
        )


def write_copy(connection: apsw.Connection, target: Path, *, checksums: bool) -> None:
    """Write a compact copy of what a connection sees to an empty file, with page checksums or without."""
    # VACUUM INTO a file of the file system with checksums is not enough: that computes them from when page 1, which
    # tells of them, is written, and pages that SQLite's cache has no room for are written before it. So the room for
    # them is left in a first copy, which is then written again with them.
    reserved, vfs = CHECKSUM_BYTES if checksums else 0, apsw.vfs_names()[0]
    name = as_uri(target, f"reserve={reserved}", f"vfs={vfs}")
    connection.execute("VACUUM INTO ?", (name,)).fetchall()
    if checksums:
        copied = connect(target, checksums=True)
        try:
            copied.execute("PRAGMA checksum_verification = OFF").fetchall()
            copied.execute("VACUUM").fetchall()
        finally:
            copied.close()


_loading = threading.Lock()


def checksum_vfs() -> str:
    """Return the name of SQLite's file system with page checksums, loading it when it is first asked for.

    Raises DependencyError when this apsw does not have it.
    """
    with _loading:
        names = apsw.vfs_names()
        if _CHECKSUM_VFS not in names:
            _load_checksum_vfs(default=names[0])
    return _CHECKSUM_VFS


def _load_checksum_vfs(default: str) -> None:
    loader = apsw.Connection(":memory:")
    try:
        from apsw import sqlite_extra

        sqlite_extra.load(loader, "cksumvfs")
    except Exception as error:  # it is not in every build of apsw, and fails in several ways where it is not
        raise DependencyError(
            f"checksums: this apsw has no cksumvfs ({error}). Run: pip install --upgrade apsw"
        ) from error
    finally:
        loader.close()
        apsw.set_default_vfs(default)  # it makes itself the default of whoever else uses SQLite in this process


def check_wanted(path: Path, header: Header | None, *, wanted: bool) -> bool:
    """Return whether a file's pages have checksums. Raise ConfigurationError if they are wanted but absent."""
    if header is None:
        return wanted
    if wanted and not header.checksums:
        raise ConfigurationError(
            f"checksums: {path} was made without. Make a new file that has them: "
            f"mem0lite restore {path} --db NEW --checksums"
        )
    return header.checksums
