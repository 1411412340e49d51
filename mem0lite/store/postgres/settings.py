"""What a store remembers of itself: its embedder, its graph categories, and how its keywords were made."""

import json
from typing import NamedTuple

from ...data.filters import Expression, scope_part
from ...errors import EmbedderMismatchError
from ...search.text import TERMS_VERSION
from ...types import EmbedderIdentity
from ..damage import undamaged
from ..embedders import described
from ..protocol import CategoriesChangedError
from . import rows
from .database import Connection, Database
from .filter_sql import compile_filter

_EMBEDDER, _TERMS, _GRAPH = "embedder", "terms", "graph"
_SCALE = "scale"
"""The scale of the embedder's cosines, and whose it is."""


class Current(NamedTuple):
    """What a search has to know of the store and of the scopes that it asks for."""

    version: int
    scopes: int
    """How many scopes match."""
    newest: int
    """The highest version among them."""
    graph_categories: tuple[str, ...]
    project: str | None
    """The document of the kind ``project``, as the store has it."""


class Remembered:
    """Compares what a store remembers with what this process was opened with."""

    def __init__(self, database: Database, embedder: EmbedderIdentity) -> None:
        self._database, self._embedder = database, embedder
        self.graph_categories: tuple[str, ...] = ()
        """The store's, as the last call of this process that looked at them found them."""

    def adopt(self, graph_categories: tuple[str, ...] | None) -> None:
        """Let the store remember the embedder, its keyword terms and its graph categories. Rebuild the keyword index if
        another version made it."""
        with self._database.read() as connection:
            self.check_embedder(connection)
            self.categories(connection)
            known = rows.remembered(connection, _EMBEDDER) is not None
            current = rows.remembered(connection, _TERMS) == TERMS_VERSION
            chosen = () if self._database.read_only else self.chosen(connection, graph_categories)
        if known and current and not chosen:
            return

        def work(connection: Connection) -> None:
            self.check_embedder(connection)
            self.take_categories(connection, graph_categories)
            self.categories(connection)
            rows.remember(connection, _EMBEDDER, self._embedder)
            if rows.remembered(connection, _TERMS) != TERMS_VERSION:
                rows.rebuild_postings(connection)
                rows.remember(connection, _TERMS, TERMS_VERSION)

        self._database.write(work)

    # -- graph categories

    def chosen(self, connection: Connection, asked: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the categories that a store is given that has none, and no memories."""
        if not asked or self.categories(connection) or connection.first("SELECT 1 FROM memory LIMIT 1"):
            return ()
        return asked

    def take_categories(self, connection: Connection, asked: tuple[str, ...] | None) -> bool:
        """Keep graph categories if the store has none, and no memories; return whether it did."""
        if chosen := self.chosen(connection, asked):
            self.remember_categories(connection, chosen)
        return bool(chosen)

    def categories(self, connection: Connection) -> tuple[str, ...]:
        """Return the store's graph categories."""
        return self._read_categories(rows.as_kept(connection, _GRAPH))

    def _read_categories(self, kept: str | None) -> tuple[str, ...]:
        self.graph_categories = () if kept is None else tuple(json.loads(kept))
        return self.graph_categories

    def remember_categories(self, connection: Connection, categories: tuple[str, ...]) -> None:
        """Have every writer follow these graph categories, once the transaction is committed."""
        rows.remember(connection, _GRAPH, list(categories))

    def check_categories(self, connection: Connection, expected: tuple[str, ...]) -> None:
        """Raise CategoriesChangedError if the store has other graph categories."""
        if (found := self.categories(connection)) != expected:
            raise CategoriesChangedError(found)

    # -- the embedder

    def current(self, connection: Connection, expression: Expression) -> Current:
        """Return what a search has to know, in one statement. Raises EmbedderMismatchError."""
        where, parameters = compile_filter(scope_part(expression))
        kept = "(SELECT value FROM meta WHERE name = '{}')"
        scopes, newest, forgotten, embedder, graph, project = connection.first(
            f"SELECT count(*), coalesce(max(s.version), 0), {kept.format('forgotten')}::bigint, "
            f"{kept.format(_EMBEDDER)}, {kept.format(_GRAPH)}, "
            "(SELECT value FROM document WHERE kind = 'project' AND name = '') "
            f"FROM scope s WHERE {where}",
            parameters,
        )
        self._check(embedder)
        return Current(max(newest, forgotten), scopes, newest, self._read_categories(graph), project)

    def check_embedder(self, connection: Connection) -> None:
        """Raise EmbedderMismatchError if the store has another embedder's vectors."""
        self._check(rows.as_kept(connection, _EMBEDDER))

    def _check(self, kept: str | None) -> None:
        theirs: EmbedderIdentity | None = None if kept is None else json.loads(kept)
        if theirs is not None and theirs != self._embedder:
            raise EmbedderMismatchError(
                f"{self._database.name} holds vectors of {described(theirs)}, but the embedder is "
                f"{described(self._embedder)}. Open it with the former, or export the memories and import them into "
                "an empty database with the latter.",
                remembered=theirs,
            )

    def identity(self, connection: Connection) -> EmbedderIdentity | None:
        """Return the embedder that the store remembers."""
        found: EmbedderIdentity | None = rows.remembered(connection, _EMBEDDER)
        return found

    def scale(self, connection: Connection) -> float | None:
        """Return the scale of the embedder's cosines; None if the store has none, or another embedder's."""
        kept = rows.remembered(connection, _SCALE)
        with undamaged():
            if kept is None or kept["embedder"] != self.identity(connection):
                return None
            return float(kept["unrelated"])

    def keep_scale(self, connection: Connection, scale: float) -> None:
        """Keep the scale of the embedder's cosines, beside whose it is: a new embedder makes it void."""
        rows.remember(connection, _SCALE, {"embedder": self.identity(connection), "unrelated": scale})
