"""The graph part of a file's store: each method is one transaction or one snapshot."""

from collections.abc import Callable, Sequence

import apsw

from ...data.records import Record
from ...graph import Graph
from ...types import GraphResult, GraphStats
from ..damage import check_agreement, check_order
from ..protocol import Visible
from . import graph, rows
from .database import Database
from .settings import Remembered

_UNFINISHED = "graph_unfinished"
"""Under this name the file remembers that its graph is still to be made."""


class FileGraphs:
    """A ``protocol.Graphs`` of a file. A position is a key."""

    def __init__(self, database: Database, settings: Remembered) -> None:
        self._database, self._settings = database, settings

    def read(self, visible: Visible, entity: str | None, depth: int, limit: int) -> GraphResult:
        """Return entities and relations of the visible memories."""
        with self._database.read() as connection:
            return graph.read(connection, visible, entity, depth, limit)

    def stats(self) -> GraphStats:
        """Return the graph categories, the numbers of entities and relations, and whether the graph is up to date."""
        with self._database.read() as connection:
            entities, relations = graph.counts(connection)
            categories = list(self._settings.categories(connection))
            current = rows.remembered(connection, _UNFINISHED) is None
        return {"categories": categories, "current": current, "entities": entities, "relations": relations}

    def moves(self, categories: tuple[str, ...] | None) -> tuple[tuple[str, ...], int, int, int]:
        """Return the categories, how many memories have one, and how many would enter and leave the graph."""
        with self._database.read() as connection:
            before = self._settings.categories(connection)
            after = before if categories is None else categories
            return after, *graph.moves(connection, before, after)

    def begin(self, categories: tuple[str, ...]) -> None:
        """Have every writer follow these categories, and note that the graph is still to be made."""

        def work(connection: apsw.Connection) -> None:
            self._settings.remember_categories(connection, categories)
            rows.remember(connection, _UNFINISHED, True)

        self._database.write(work)
        self._settings.graph_categories = categories

    def after(self, position: int | None, limit: int) -> list[tuple[int, Record]]:
        """Return the memories that come after a position, each with its own."""
        passed = -1 if position is None else position
        with self._database.read() as connection:
            found = rows.fetch(connection, "SELECT key FROM memory WHERE key > ? ORDER BY key LIMIT ?", (passed, limit))
            keys = [one for (one,) in found]
            check_order(keys, passed)
            whole = rows.by_keys(connection, keys)
            check_agreement(len(whole), len(keys))
            return [(row[0], rows.to_record(row)) for row in whole]

    def put(
        self, positions: Sequence[int], graph_of: Callable[[Record], Graph | None], *, categories: tuple[str, ...]
    ) -> None:
        """Replace what memories name and state; skip those that are gone by now."""

        def work(connection: apsw.Connection) -> None:
            self._settings.check_categories(connection, categories)
            for row in rows.by_keys(connection, positions):
                graph.put(connection, row[0], graph_of(rows.to_record(row)))

        self._database.write(work)

    def finish(self, categories: tuple[str, ...]) -> None:
        """Note that the graph is made."""

        def work(connection: apsw.Connection) -> None:
            self._settings.check_categories(connection, categories)
            rows.forget(connection, _UNFINISHED)

        self._database.write(work)
