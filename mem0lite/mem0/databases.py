"""Databases that mem0 wrote, read without changing a byte of them: anyone may have made them.

The SQL of this room is about mem0's files, never ours.
"""

import functools
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DatabaseError
from .source import Item

_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


def own(file: Path, folder: Path) -> Path:
    """Return a file of a folder that anyone may have written. Raises DatabaseError if it leads out of the folder."""
    if file.resolve().is_relative_to(folder.resolve()):
        return file
    raise DatabaseError(
        f"{file} is a link to {file.resolve()}, outside the folder. Give the folder that the file is in."
    )


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database, or a copy of it if SQLite would write beside it. Raises DatabaseError."""
    sidecars = [own(path.with_name(path.name + suffix), path.parent) for suffix in ("-wal", "-journal")]
    try:
        with tempfile.TemporaryDirectory(prefix="mem0lite-") as folder:
            with path.open("rb") as file:
                in_wal_mode = file.read(19)[18:] == b"\2"
            copied = in_wal_mode or any(sidecar.exists() for sidecar in sidecars)
            if copied:
                for part in (path, *sidecars):
                    if part.exists():
                        _check_journal(Path(shutil.copy(part, folder)))
            opened = Path(folder) / path.name if copied else path.absolute()
            connection = sqlite3.connect(f"{opened.as_uri()}?mode={'rw' if copied else 'ro'}", uri=True)
            connection.text_factory = functools.partial(str, encoding="utf-8", errors="surrogateescape")
            connection.execute("PRAGMA trusted_schema = OFF")  # its views and triggers may be anybody's, too
            try:
                yield connection
            finally:
                connection.close()
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{path} cannot be read as a database of mem0: {error}.") from error


def _check_journal(path: Path) -> None:
    """Raise sqlite3.DatabaseError for a journal that ends with the name of another file, which many versions of SQLite
    delete when they are done with the journal. Only transactions over several databases write such names.

    https://www.sqlite.org/fileformat.html#the_rollback_journal
    """
    if path.name.endswith("-journal") and path.read_bytes()[-8:] == _JOURNAL_MAGIC:
        raise sqlite3.DatabaseError("its journal names another file")


def read_histories(path: Path) -> dict[str, list[Item]]:
    """Return the rows of a history database by memory, in the order in which they were written."""
    histories: dict[str, list[Item]] = defaultdict(list)
    with reading(path) as connection:
        rows = connection.execute("SELECT * FROM history ORDER BY rowid")
        names = [column[0] for column in rows.description]
        for row in rows:
            change = dict(zip(names, row, strict=True))
            histories[str(change.get("memory_id"))].append(change)
    return histories
