"""New vectors for a file: those of another embedder, beside the old ones until all are there."""

from collections.abc import Sequence

import apsw

from ...embedding.reading import UnitVector
from ...errors import EmbedderMismatchError
from ...search.text import indexed_text
from ...types import EmbedderIdentity
from ..protocol import Unembedded
from . import rows, vectors
from .database import Database
from .maintenance import shrink


class FileReembedding:
    """A ``protocol.Reembedding`` of a file that is open without an embedder."""

    def __init__(self, database: Database, embedder: EmbedderIdentity) -> None:
        self._database, self._embedder = database, embedder

    def begin(self) -> bool:
        """Prepare for new vectors; return False if the file has this embedder's already."""

        def work(connection: apsw.Connection) -> bool:
            if rows.remembered(connection, "embedder") == self._embedder:
                return False
            if rows.remembered(connection, "reembedding") != self._embedder:
                connection.execute("DELETE FROM vector_next")
                rows.remember(connection, "reembedding", self._embedder)
            return True

        needed: bool = self._database.write(work)
        return needed

    def pending(self, limit: int) -> list[Unembedded]:
        """Return up to ``limit`` memories without a new vector."""
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT m.key, m.text_hash, m.text, m.actor_id FROM memory m "
                "WHERE m.key NOT IN (SELECT key FROM vector_next) ORDER BY m.key LIMIT ?",
                (limit,),
            )
            return [Unembedded(key, hashed, indexed_text(text, actor_id)) for key, hashed, text, actor_id in found]

    def counts(self) -> tuple[int, int]:
        """Return how many memories have no new vector yet, and how many there are."""
        with self._database.read() as connection:
            total, done = connection.execute(
                "SELECT (SELECT count(*) FROM memory), (SELECT count(*) FROM memory JOIN vector_next USING (key))"
            ).get
        return total - done, total

    def put(self, found: Sequence[tuple[Unembedded, UnitVector]]) -> None:
        """Keep new vectors, except of memories changed or deleted since ``pending``."""

        def work(connection: apsw.Connection) -> None:
            self._check_ours(connection)
            connection.executemany(
                "INSERT OR REPLACE INTO vector_next SELECT key, ?3 FROM memory WHERE key = ?1 AND text_hash = ?2",
                [(one.position, one.hash, rows.to_bytes(vector)) for one, vector in found],
            )

        self._database.write(work)

    def finish(self) -> bool:
        """Swap the new vectors in, or return False when a memory still lacks one."""

        def work(connection: apsw.Connection) -> bool:
            self._check_ours(connection)
            if connection.execute("SELECT 1 FROM memory WHERE key NOT IN (SELECT key FROM vector_next) LIMIT 1").get:
                return False
            connection.execute("DELETE FROM vector_next WHERE key NOT IN (SELECT key FROM memory)")
            connection.execute("DROP TABLE vector")
            connection.execute("ALTER TABLE vector_next RENAME TO vector")
            connection.execute("CREATE TABLE vector_next (key INTEGER PRIMARY KEY, embeddings BLOB NOT NULL) STRICT")
            rows.forget(connection, "reembedding")
            rows.remember(connection, "embedder", self._embedder)
            rows.note_all_rewritten(connection)
            vectors.note_apart(connection)
            return True

        finished: bool = self._database.write(work)
        if finished:
            while self._database.write(vectors.pack_old):
                pass
            self._database.maintain(shrink)
        return finished

    def _check_ours(self, connection: apsw.Connection) -> None:
        if rows.remembered(connection, "reembedding") != self._embedder:
            raise EmbedderMismatchError(
                f"Another re-embedding has taken over from this one with {self._embedder['name']!r}; no vector was "
                "mixed in. Let one finish before the next begins."
            )
