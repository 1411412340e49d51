"""The graph of entities and relations as rows: what each memory of a graph category names and states."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from ...data.filters import Expression, scope_part
from ...data.records import Record
from ...graph import PHRASE, Graph
from ...types import GraphResult, GraphStats, Relation
from .. import links
from ..protocol import Visible
from . import rows
from .database import Connection, Database
from .filter_sql import compile_filter
from .schema import MEMORIES
from .settings import Remembered

_UNFINISHED = "graph_unfinished"
"""Under this name the store remembers that its graph is still to be made."""
_OF_MEMORY = "JOIN memory m ON m.owner_id = {row}.owner_id AND m.key = {row}.key JOIN scope s ON s.id = m.key >> 32"
_ENDS = (("source", "destination"), ("destination", "source"))
_OF_CATEGORY = (
    "EXISTS (SELECT 1 FROM jsonb_array_elements(CASE jsonb_typeof(m.metadata -> 'memory_category') "
    "WHEN 'array' THEN m.metadata -> 'memory_category' ELSE jsonb_build_array(m.metadata -> 'memory_category') END) c "
    "WHERE jsonb_typeof(c) = 'string' AND c #>> '{{}}' = ANY(%s::text[]))"
)


# -- reading


def moves(connection: Connection, before: Sequence[str], after: Sequence[str]) -> tuple[int, int, int]:
    """Return how many memories are of the categories ``after``, and how many would enter and leave a graph that was
    made of ``before``, or of whatever it holds."""
    of_category = _OF_CATEGORY.format()
    row: tuple[int, int, int] = connection.first(
        "SELECT count(*) FILTER (WHERE wanted), count(*) FILTER (WHERE wanted AND NOT inside), "
        f"count(*) FILTER (WHERE inside AND NOT wanted) FROM (SELECT {of_category} AS wanted, {of_category} "
        "OR EXISTS (SELECT 1 FROM mention n WHERE n.owner_id = m.owner_id AND n.key = m.key) AS inside "
        "FROM memory m) moving",
        (list(after), list(before)),
    )
    return row


def counts(connection: Connection) -> tuple[int, int]:
    """Return the numbers of entities and relations, including those of expired memories."""
    entities, relations = connection.first(
        "SELECT (SELECT count(*) FROM (SELECT DISTINCT owner_id, name FROM mention WHERE type <> %s) e), "
        "(SELECT count(*) FROM (SELECT DISTINCT owner_id, source, relationship, destination FROM relation) r)",
        (PHRASE,),
    )
    return entities, relations


def relations_of(connection: Connection, keys: Sequence[int]) -> list[Relation]:
    """Return what memories state, in their order. A relation that several state comes once, with all their ids."""
    found = connection.fetch(
        f"SELECT a.label, r.relationship, b.label, m.id, r.source, r.destination {rows.WITH_KEYS} "
        "JOIN relation r ON r.owner_id = m.owner_id AND r.key = m.key "
        "JOIN mention a ON a.owner_id = r.owner_id AND a.name = r.source AND a.key = r.key "
        "JOIN mention b ON b.owner_id = r.owner_id AND b.name = r.destination AND b.key = r.key "
        'ORDER BY l.position, r."position"',
        (list(keys),),
    )
    return links.merged(found)


def read(connection: Connection, visible: Visible, entity: str | None, depth: int, limit: int) -> GraphResult:
    """Return the entities and relations of the memories that match: those at most ``depth`` relations away from an
    entity's name, nearest first, or without one those that most memories name."""
    names = (
        _near(connection, visible, entity, depth, limit)
        if entity is not None
        else _most_named(connection, visible, limit)
    )
    listed = names[:limit]
    owners, parameters = _owners(visible.expression)
    where, conditions = rows.condition(visible)
    nodes: dict[str, dict[str, Any]] = {}
    for name, label, kind, memories in connection.fetch(
        f"WITH {owners} SELECT l.name, n.label, n.type, count(*) FROM owner o "
        "CROSS JOIN unnest(%s::text[]) WITH ORDINALITY l(name, position) "
        f"JOIN mention n ON n.owner_id = o.id AND n.name = l.name {_OF_MEMORY.format(row='n')} "
        f"WHERE {where} GROUP BY l.name, l.position, n.label, n.type "
        f"ORDER BY l.position, n.type = '{PHRASE}', min(n.key)",
        (*parameters, listed, *conditions),
    ):
        node = nodes.setdefault(name, {"name": label, "type": kind, "memories": 0})
        node["memories"] += memories
    found = connection.fetch(
        f"WITH {owners} SELECT r.source, r.relationship, r.destination, m.id, r.source, r.destination "
        f"FROM owner o JOIN relation r ON r.owner_id = o.id AND r.source = ANY(%s::text[]) "
        f"{_OF_MEMORY.format(row='r')} WHERE r.destination = ANY(%s::text[]) AND {where} "
        'ORDER BY r.key, r."position"',
        (*parameters, listed, listed, *conditions),
    )
    links.tell_apart(nodes)
    edges = links.merged(found)
    for edge in edges:
        edge["source"], edge["destination"] = nodes[edge["source"]]["name"], nodes[edge["destination"]]["name"]
    result: Any = {"nodes": list(nodes.values()), "edges": edges, "truncated": len(names) > limit}
    return result  # type: ignore[no-any-return]


class Reading:
    """A ``links.Links`` of a snapshot."""

    def __init__(self, connection: Connection, visible: Visible) -> None:
        self._connection = connection
        self._owners, self._scope = _owners(visible.expression)
        self._where, self._conditions = rows.condition(visible)

    def named(self, names: Collection[str]) -> Iterable[tuple[str, int]]:
        """Return the entities, and the keys of the memories that name them."""
        return self._rows(
            f"SELECT n.name, n.key FROM owner o JOIN mention n ON n.owner_id = o.id AND n.name = ANY(%s::text[]) "
            f"{_OF_MEMORY.format(row='n')}",
            names,
        )

    def stated(self, names: Collection[str], *, forward: bool) -> Iterable[tuple[str, str, str]]:
        """Return what is stated of the entities: their names, the other end, and the relationship."""
        end, other = _ENDS[not forward]
        return self._rows(
            f"SELECT DISTINCT r.{end}, r.{other}, r.relationship FROM owner o "
            f"JOIN relation r ON r.owner_id = o.id AND r.{end} = ANY(%s::text[]) {_OF_MEMORY.format(row='r')}",
            names,
        )

    def beside(self, names: Collection[str]) -> Iterable[tuple[str, str]]:
        """Return the entities, and those that the same memories name."""
        return self._rows(
            "SELECT DISTINCT n.name, b.name FROM owner o "
            f"JOIN mention n ON n.owner_id = o.id AND n.name = ANY(%s::text[]) {_OF_MEMORY.format(row='n')} "
            "JOIN mention b ON b.owner_id = n.owner_id AND b.key = n.key AND b.type NOT IN ('tag', 'project')",
            names,
        )

    def _rows(self, sql: str, names: Collection[str]) -> list[Any]:
        return self._connection.fetch(
            f"WITH {self._owners} {sql} WHERE {self._where} LIMIT {links.MOST_ROWS}",
            (*self._scope, sorted(names), *self._conditions),
        )


def _owners(expression: Expression) -> tuple[str, list[Any]]:
    """Return a common table expression of the owners of the scopes an expression asks for."""
    sql, parameters = compile_filter(scope_part(expression))
    return f"RECURSIVE owner(id) AS MATERIALIZED (SELECT DISTINCT s.owner_id FROM scope s WHERE {sql})", parameters


def _near(connection: Connection, visible: Visible, entity: str, depth: int, limit: int) -> list[str]:
    """Return the names of entities around one, nearest first, one more than ``limit`` if there are more.

    A step at a time: a recursive query of PostgreSQL may name itself only once, not once for each direction."""
    reading = Reading(connection, visible)
    names = [entity] if list(reading.named([entity])) else []
    seen = set(names)
    newest = list(names)
    for _ in range(depth):
        if not newest or len(names) > limit:
            break
        found = {other for forward in (True, False) for _, other, _ in reading.stated(newest, forward=forward)}
        newest = sorted(found - seen)
        seen |= found
        names += newest
    return names[: limit + 1]


def _most_named(connection: Connection, visible: Visible, limit: int) -> list[str]:
    where, conditions = rows.condition(visible)
    found = connection.fetch(
        f"SELECT n.name {MEMORIES} JOIN mention n ON n.owner_id = m.owner_id AND n.key = m.key WHERE {where} "
        f"GROUP BY n.name HAVING bool_or(n.type <> '{PHRASE}') ORDER BY count(*) DESC, min(n.key), n.name LIMIT %s",
        (*conditions, limit + 1),
    )
    return [name for (name,) in found]


# -- the verbs of the graph


class DatabaseGraphs:
    """A ``protocol.Graphs``. A position is a key."""

    def __init__(self, database: Database, settings: Remembered) -> None:
        self._database, self._settings = database, settings

    def read(self, visible: Visible, entity: str | None, depth: int, limit: int) -> GraphResult:
        """Return entities and relations of the visible memories."""
        with self._database.read() as connection:
            return read(connection, visible, entity, depth, limit)

    def stats(self) -> GraphStats:
        """Return the graph categories, the numbers of entities and relations, and whether the graph is up to date."""
        with self._database.read() as connection:
            entities, relations = counts(connection)
            categories = list(self._settings.categories(connection))
            current = rows.remembered(connection, _UNFINISHED) is None
        return {"categories": categories, "current": current, "entities": entities, "relations": relations}

    def moves(self, categories: tuple[str, ...] | None) -> tuple[tuple[str, ...], int, int, int]:
        """Return the categories, how many memories have one, and how many would enter and leave the graph."""
        with self._database.read() as connection:
            before = self._settings.categories(connection)
            after = before if categories is None else categories
            return after, *moves(connection, before, after)

    def begin(self, categories: tuple[str, ...]) -> None:
        """Have every writer follow these categories, and note that the graph is still to be made."""

        def work(connection: Connection) -> None:
            self._settings.remember_categories(connection, categories)
            rows.remember(connection, _UNFINISHED, True)

        self._database.write(work)
        self._settings.graph_categories = categories

    def after(self, position: int | None, limit: int) -> list[tuple[int, Record]]:
        """Return the memories that come after a position, each with its own."""
        with self._database.read() as connection:
            found = connection.fetch(
                "SELECT key FROM memory WHERE key > %s ORDER BY key LIMIT %s",
                (-1 if position is None else position, limit),
            )
            return [(row[0], rows.to_record(row)) for row in rows.by_keys(connection, [key for (key,) in found])]

    def put(
        self, positions: Sequence[int], graph_of: Callable[[Record], Graph | None], *, categories: tuple[str, ...]
    ) -> None:
        """Replace what memories name and state; skip those that are gone by now."""

        def work(connection: Connection) -> None:
            self._settings.check_categories(connection, categories)
            for row in rows.by_keys(connection, positions):
                rows.put_graph(connection, row[0], graph_of(rows.to_record(row)))

        self._database.write(work)

    def finish(self, categories: tuple[str, ...]) -> None:
        """Note that the graph is made."""

        def work(connection: Connection) -> None:
            self._settings.check_categories(connection, categories)
            rows.forget(connection, _UNFINISHED)

        self._database.write(work)
