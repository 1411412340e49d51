"""What a file remembers of itself: its embedder, its graph categories, and how its keywords were made."""

from typing import NamedTuple

import apsw

from ...embedding.prompts import PROMPTED
from ...errors import CorruptFileError, EmbedderMismatchError
from ...search.text import TERMS_VERSION
from ...types import EmbedderIdentity
from ..damage import undamaged
from ..embedders import described
from ..protocol import CategoriesChangedError
from . import graph, rows
from .database import Database

_GRAPH, _FOLLOWED = "graph", "graph_followed"
"""The file's graph categories, and that all writers follow them."""
_SCALE = "scale"
"""The scale of the embedder's cosines, and whose it is."""


class Current(NamedTuple):
    """What searches have to know of a file."""

    version: int
    graph_categories: tuple[str, ...]
    project: str | None
    """The document of the kind ``project``, as the file has it."""


class Remembered:
    """Compares what a file remembers with what this process was opened with."""

    def __init__(self, database: Database, embedder: EmbedderIdentity | None) -> None:
        self._database, self._embedder = database, embedder
        self.graph_categories: tuple[str, ...] = ()
        """The file's, as the last call of this process that looked at them found them."""
        self._agreed: str | None = None  # as the file has it: the embedder that was compared, and is ours
        self._read: tuple[str | None, tuple[str, ...]] = None, ()  # the categories as the file has them

    def adopt(self, embedder: EmbedderIdentity, graph_categories: tuple[str, ...] | None) -> None:
        """Let the file remember the embedder, its keyword terms and its graph categories. Rebuild the keyword index if
        another version made it."""
        with self._database.read() as connection:
            if self._is_known(connection, graph_categories):
                return

        def work(connection: apsw.Connection) -> None:
            self.check_embedder(connection)
            if chosen := self.chosen(connection, graph_categories):
                rows.remember(connection, _GRAPH, list(chosen))
            self._follow(connection)
            self.categories(connection)
            rows.remember(connection, "embedder", embedder)
            rows.remember(connection, "checksums", self._database.checksums)
            if rows.remembered(connection, "terms") != TERMS_VERSION:
                rows.rebuild_postings(connection)

        self._database.write(work)

    def _is_known(self, connection: apsw.Connection, graph_categories: tuple[str, ...] | None) -> bool:
        """Tell whether the file has nothing to learn. Raises EmbedderMismatchError and CorruptFileError."""
        self.check_embedder(connection)
        self.categories(connection)
        known = rows.remembered(connection, "embedder") is not None
        if known and bool(rows.remembered(connection, "checksums")) != self._database.checksums:
            # Its pages would be read without comparing them, or compared where there is nothing to compare.
            raise CorruptFileError(f"{self._database.path} is damaged: its header is. Restore a backup.")
        read_only = self._database.read_only
        chosen = () if read_only else self.chosen(connection, graph_categories)
        followed = read_only or rows.remembered(connection, _FOLLOWED) is not None
        return known and followed and not chosen and rows.remembered(connection, "terms") == TERMS_VERSION

    def _follow(self, connection: apsw.Connection) -> None:
        """Have all writers follow the file's categories. Until then each process linked its own, whatever the file
        said, so those count as the file's too."""
        if rows.remembered(connection, _FOLLOWED) is None:
            linked = graph.categories_of(connection, self.categories(connection))
            rows.remember(connection, _GRAPH, sorted({*self.graph_categories, *linked}))
            rows.remember(connection, _FOLLOWED, True)

    # -- graph categories

    def chosen(self, connection: apsw.Connection, given: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the graph categories that a file takes from whoever opens it: only if it has none, and no memories."""
        if self.categories(connection) or not given or connection.execute("SELECT 1 FROM memory LIMIT 1").get:
            return ()
        return given

    def take_categories(self, connection: apsw.Connection, given: tuple[str, ...]) -> bool:
        """Take graph categories as ``chosen`` allows; return whether the file took them."""
        if chosen := self.chosen(connection, given):
            self.remember_categories(connection, chosen)
            self.categories(connection)
        return bool(chosen)

    def categories(self, connection: apsw.Connection) -> tuple[str, ...]:
        """Return the file's graph categories."""
        return self._categories(connection, rows.as_kept(connection, _GRAPH))

    def _categories(self, connection: apsw.Connection, kept: str | None) -> tuple[str, ...]:
        known, categories = self._read
        if kept != known:
            categories = tuple(rows.remembered(connection, _GRAPH) or ())
            self._read = kept, categories
        self.graph_categories = categories
        return categories

    def remember_categories(self, connection: apsw.Connection, categories: tuple[str, ...]) -> None:
        """Have every writer follow these graph categories, once the transaction is committed."""
        rows.remember(connection, _GRAPH, list(categories))

    def check_categories(self, connection: apsw.Connection, expected: tuple[str, ...]) -> None:
        """Raise CategoriesChangedError if the file has other graph categories."""
        if (found := self.categories(connection)) != expected:
            raise CategoriesChangedError(found)

    # -- the embedder

    def current(self, connection: apsw.Connection) -> Current:
        """Return what searches have to know of the file. Raises EmbedderMismatchError."""
        state = rows.state(connection)
        if state.embedder is None or state.embedder != self._agreed:
            self.check_embedder(connection)
        return Current(state.version, self._categories(connection, state.graph), state.project)

    def check_embedder(self, connection: apsw.Connection) -> None:
        """Raise EmbedderMismatchError if the file has another embedder's vectors."""
        kept = rows.as_kept(connection, "embedder")
        if kept is not None and kept == self._agreed:
            return
        ours, theirs = self._embedder, rows.remembered(connection, "embedder")
        if ours is None or theirs is None or ours == theirs:
            self._agreed = kept
            return
        path = self._database.path
        same = theirs["fingerprint"].partition(PROMPTED)[0] == ours["fingerprint"].partition(PROMPTED)[0] != ""
        prompts = " LocalEmbedder(…, document_prompt='') puts nothing before texts." if same else ""
        raise EmbedderMismatchError(
            f"{path} holds vectors of {described(theirs)}, but the embedder is {described(ours)}. Open it with the "
            f"former, or make new vectors once: Memory.reembed({str(path)!r}, embedder=…), or "
            f"`mem0lite reembed --db {path} --model …`.{prompts}",
            remembered=theirs,
        )

    def scale(self, connection: apsw.Connection) -> float | None:
        """Return the scale of the embedder's cosines; None if the file has none, or another embedder's."""
        kept = rows.remembered(connection, _SCALE)
        with undamaged():
            if kept is None or kept["embedder"] != rows.remembered(connection, "embedder"):
                return None
            scale = float(kept["unrelated"])
            if not -2 < scale < 2:  # rounding may bring a cosine a little above 1
                raise ValueError(scale)
            return scale

    def keep_scale(self, connection: apsw.Connection, scale: float) -> None:
        """Keep the scale of the embedder's cosines, beside whose it is: a new embedder makes it void."""
        embedder = rows.remembered(connection, "embedder")
        rows.remember(connection, _SCALE, {"embedder": embedder, "unrelated": scale})
