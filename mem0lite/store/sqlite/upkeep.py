"""The file as a whole: copies of it, whether everything in it agrees, and what there is to know about it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import apsw

from ...embedding.reading import UnitVector
from ...errors import CorruptFileError, DatabaseError
from ...files import appearing, beside
from ...search.text import TERMS_VERSION
from ..protocol import Finding, StoreFacts, Unembedded
from . import file as sqlite_file
from . import log, rows
from .database import Database, translated
from .schema import MIGRATIONS, SCHEMA_VERSION, TABLES
from .settings import Remembered

_FEW = 3  # problems of a backup that are named


class Upkeep:
    """A ``protocol.FilePart``. A position is a key."""

    def __init__(self, database: Database, settings: Remembered, cached_bytes: Callable[[], int]) -> None:
        self._database, self._settings, self._cached_bytes = database, settings, cached_bytes

    def facts(self) -> StoreFacts:
        """Return the size of the file, and what it is made with."""
        with self._database.read() as connection:
            size = int(connection.pragma("page_count") * connection.pragma("page_size"))
        return StoreFacts(
            bytes=size,
            cached_bytes=self._cached_bytes(),
            checksums=self._database.checksums,
            schema_version=SCHEMA_VERSION,
        )

    def backup(self, path: Path) -> None:
        """Write a consistent, compact copy to a new file that only its owner can read, while others may write."""
        if path.exists():
            raise DatabaseError(f"{path} exists already. Give a new path, or move it away.")
        checksums = self._database.checksums
        with appearing(path) as partial:
            self._database.aside(
                lambda connection: sqlite_file.write_copy(connection, partial, checksums=checksums), rescue=True
            )

    def check(self, *, keywords: bool = True) -> tuple[int, list[Finding]]:
        """Return how many memories there are, and everything that does not agree, from one snapshot; without
        ``keywords`` these are not compared with the texts."""

        from . import check

        def work(connection: apsw.Connection) -> tuple[int, list[Finding]]:
            connection.execute("BEGIN")
            findings = check.examine(connection, keywords=keywords)
            try:
                return connection.execute("SELECT count(*) FROM memory").get, findings
            except apsw.Error:
                return 0, findings
            finally:
                connection.execute("ROLLBACK")

        # On a connection of its own: one that met damage may report more than there is.
        found: tuple[int, list[Finding]] = self._database.aside(work)
        return found

    def mend(self, findings: Sequence[Finding]) -> None:
        """Repair what can be repaired without loss, in one transaction."""
        from . import check

        self._database.write(lambda connection: check.mend(connection, findings))

    def to_embed(self, positions: Sequence[int]) -> list[Unembedded]:
        """Return what to embed for these memories."""
        with self._database.read() as connection:
            found = [(row[0], row[7], rows.to_record(row)) for row in rows.by_keys(connection, positions)]
        return [Unembedded(key, hashed, record.indexed_text) for key, hashed, record in found]

    def put_vectors(self, found: Sequence[tuple[Unembedded, UnitVector]]) -> None:
        """Replace vectors, except of memories that were changed or deleted since ``to_embed``."""

        def work(connection: apsw.Connection) -> None:
            self._settings.check_embedder(connection)
            rows.put_vectors(connection, found)
            rows.note_all_rewritten(connection)

        self._database.write(work)

    # -- taking the place of another

    def accept(self, backup: Path) -> int:
        """Return how many memories a fresh copy of a backup holds, if it is sound, and give it versions of its own."""

        def bring_up_to_date(connection: apsw.Connection) -> None:
            if rows.remembered(connection, "terms") != TERMS_VERSION:
                rows.rebuild_postings(connection)

        self._database.write(bring_up_to_date)
        memories, findings = self.check(keywords=False)  # 0.4 ms a memory, for what can be rebuilt at any time
        if findings:
            problems = "; ".join(f"{one.check}: {one.problem}" for one in findings[:_FEW])
            raise CorruptFileError(f"{backup} is damaged ({problems}). Restore another backup, or repair a copy of it.")

        def work(connection: apsw.Connection) -> None:
            rows.remember(connection, "checksums", self._database.checksums)
            rows.note_all_rewritten(connection)

        self._database.write(work)
        return memories

    def exchange(self, source: Path) -> None:
        """Replace the rows of this file by those of another, under versions and numbers that were never used."""
        checksums = self._database.checksums

        def work(connection: apsw.Connection) -> None:
            before, numbers = rows.current_version(connection), rows.numbers(connection)
            followed = log.followed(connection)
            for table in TABLES:
                rows.copy_table(connection, table)
            rows.remember(connection, "checksums", checksums)
            rows.leave_behind(connection, before, numbers)
            log.go_on_from(connection, followed)

        self._database.exchange(source, work)


def restore(backup: Path, path: Path, *, replace: bool, checksums: bool) -> int:
    """Put a checked copy of a backup at ``path`` and return its number of memories.

    With ``replace`` the rows of a store that is there are exchanged in one transaction; it keeps its page checksums, or
    stays without. Raises DatabaseError when there is one otherwise, CorruptFileError when the backup is not sound, and
    what opening a file raises.
    """
    there = path.exists()
    if there and not replace:
        raise DatabaseError(f"{path} exists already. Give a new path, or pass replace=True.")
    if there and backup.exists() and path.samefile(backup):
        raise DatabaseError(f"{path} is the backup itself. Give another path.")
    with (beside if there else appearing)(path) as copied:
        with translated(backup):
            sqlite_file.copy(backup, copied, version=len(MIGRATIONS), checksums=checksums)
        with closing(_without_embedder(copied)) as database:
            memories = _upkeep(database).accept(backup)
        if there:
            with closing(_without_embedder(path)) as database:
                _upkeep(database).exchange(copied)
    return memories


def _without_embedder(path: Path) -> Database:
    return Database(path, durability="full", migrations=MIGRATIONS)


def _upkeep(database: Database) -> Upkeep:
    return Upkeep(database, Remembered(database, None), lambda: 0)
