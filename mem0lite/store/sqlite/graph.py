"""The graph of entities and relations as rows: what each memory of a graph category names and states.

Every row belongs to one memory, and there are no nodes besides these rows. So a caller sees of the graph exactly what
its visible memories say, and that goes with them. The rows are clustered by (owner, name), as keyword postings are.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import apsw

from ...data.filters import Expression, scope_part
from ...graph import PHRASE, Direction, Graph, Named
from ...types import GraphResult, Relation
from .. import links
from ..damage import check_texts, undamaged
from ..protocol import Visible
from .filter_sql import compile_filter
from .schema import MEMORIES, condition

TABLES = ("mention", "relation")

_LISTED = "(SELECT value FROM json_each(?))"
_OF_MEMORY = "CROSS JOIN memory m ON m.key = {row}.key CROSS JOIN scope s ON s.id = m.key >> 32"  # in this order
_WAYS = {
    ("source", "destination"): "relation r",
    ("destination", "source"): "relation r INDEXED BY relation_by_destination",  # it takes the primary key otherwise
}
"""The ways to follow a relation: from which end to which, and how to read it."""


# -- writing


def insert(connection: apsw.Connection, owner: int, key: int, graph: Graph) -> None:
    """Insert what a memory names and states."""
    connection.executemany(
        "INSERT INTO mention (owner_id, name, key, label, type) VALUES (?, ?, ?, ?, ?)",
        [(owner, node.name, key, node.label, node.type) for node in graph.nodes],
    )
    connection.executemany(
        "INSERT INTO relation (owner_id, source, destination, key, position, relationship) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (owner, edge.source, edge.destination, key, position, edge.relationship)
            for position, edge in enumerate(graph.edges)
        ],
    )


def put(connection: apsw.Connection, key: int, graph: Graph | None) -> None:
    """Replace what a memory names and states. None: it names and states nothing."""
    remove(connection, [key])
    if graph is not None:
        owner = connection.execute("SELECT owner_id FROM scope WHERE id = ?", (key >> 32,)).get
        insert(connection, owner, key, graph)


def remove(connection: apsw.Connection, keys: Sequence[int]) -> int:
    """Remove what memories name and state; return how many rows there were."""
    before = connection.total_changes()
    for table in TABLES:
        connection.execute(f"DELETE FROM {table} WHERE key IN {_LISTED}", (json.dumps(list(keys)),))
    return connection.total_changes() - before


# -- reading


def moves(connection: apsw.Connection, before: Sequence[str], after: Sequence[str]) -> tuple[int, int, int]:
    """Return how many memories are of the categories ``after``, and how many would enter and leave a graph that was
    made of ``before``, or of whatever it holds."""
    row: tuple[int, int, int] = connection.execute(
        f"SELECT count(*) FILTER (WHERE wanted), count(*) FILTER (WHERE wanted AND NOT inside), "
        "count(*) FILTER (WHERE inside AND NOT wanted) FROM (SELECT "
        f"{_OF_CATEGORY.format(listed='?1')} AS wanted, {_OF_CATEGORY.format(listed='?2')} "
        "OR EXISTS (SELECT 1 FROM mention n WHERE n.key = m.key) AS inside FROM memory m)",
        (json.dumps(list(after)), json.dumps(list(before))),
    ).get
    return row


def categories_of(connection: apsw.Connection, known: Sequence[str]) -> list[str]:
    """Return the categories of memories in the graph that have none of the known categories."""
    found = connection.execute(
        "SELECT DISTINCT c.value FROM memory m, json_each(m.metadata, '$.memory_category') c WHERE c.type = 'text' "
        f"AND EXISTS (SELECT 1 FROM mention n WHERE n.key = m.key) AND NOT {_OF_CATEGORY.format(listed='?1')}",
        (json.dumps(list(known)),),
    )
    return [value for (value,) in found]


_OF_CATEGORY = (
    "EXISTS (SELECT 1 FROM json_each(m.metadata, '$.memory_category') c "
    "WHERE c.type = 'text' AND c.value IN (SELECT value FROM json_each({listed})))"
)


@undamaged()
def counts(connection: apsw.Connection) -> tuple[int, int]:
    """Return the numbers of entities and relations, including those of expired memories."""
    entities, relations = connection.execute(
        "SELECT (SELECT count(*) FROM (SELECT DISTINCT owner_id, name FROM mention WHERE type <> ?)), "
        "(SELECT count(*) FROM (SELECT DISTINCT owner_id, source, relationship, destination FROM relation))",
        (PHRASE,),
    ).get
    return entities, relations


@undamaged()
def relations_of(connection: apsw.Connection, keys: Sequence[int]) -> list[Relation]:
    """Return what memories state, in their order. A relation that several state comes once, with all their ids."""
    found = connection.execute(
        "SELECT a.label, r.relationship, b.label, m.id, r.source, r.destination "
        "FROM json_each(?) l CROSS JOIN relation r ON r.key = l.value JOIN memory m ON m.key = r.key "
        "JOIN mention a ON a.owner_id = r.owner_id AND a.name = r.source AND a.key = r.key "
        "JOIN mention b ON b.owner_id = r.owner_id AND b.name = r.destination AND b.key = r.key "
        "ORDER BY l.key, r.position",
        (json.dumps(list(keys)),),
    ).fetchall()
    return links.merged(found)


@undamaged()
def read(connection: apsw.Connection, visible: Visible, entity: str | None, depth: int, limit: int) -> GraphResult:
    """Return the entities and relations of the memories that match: those at most ``depth`` relations away from an
    entity's name, nearest first, or without one those that most memories name."""
    names = (
        _near(connection, visible, entity, depth, limit)
        if entity is not None
        else _most_named(connection, visible, limit)
    )
    listed = json.dumps(names[:limit])
    owners, parameters = _owners(visible.expression)
    where, conditions = condition(visible)
    nodes: dict[str, dict[str, Any]] = {}
    for name, label, kind, memories in connection.execute(
        f"WITH {owners} SELECT l.value, n.label, n.type, count(*) FROM json_each(?) l CROSS JOIN owner o "
        f"CROSS JOIN mention n ON n.owner_id = o.id AND n.name = l.value {_OF_MEMORY.format(row='n')} "
        f"WHERE {where} GROUP BY l.key, n.label, n.type ORDER BY l.key, n.type = '{PHRASE}', min(n.key)",
        (*parameters, listed, *conditions),
    ):
        check_texts(name, label, kind)
        node = nodes.setdefault(name, {"name": label, "type": kind, "memories": 0})
        node["memories"] += memories
    found = connection.execute(
        f"WITH {owners} SELECT r.source, r.relationship, r.destination, m.id, r.source, r.destination "
        "FROM json_each(?) l CROSS JOIN owner o CROSS JOIN relation r ON r.owner_id = o.id AND r.source = l.value "
        f"{_OF_MEMORY.format(row='r')} WHERE r.destination IN {_LISTED} AND {where} ORDER BY r.key, r.position",
        (*parameters, listed, listed, *conditions),
    ).fetchall()
    links.tell_apart(nodes)
    edges = links.merged(found)
    for edge in edges:
        edge["source"], edge["destination"] = nodes[edge["source"]]["name"], nodes[edge["destination"]]["name"]
    result: Any = {"nodes": list(nodes.values()), "edges": edges, "truncated": len(names) > limit}
    return result  # type: ignore[no-any-return]


@undamaged()
def evidence(
    connection: apsw.Connection, visible: Visible, query: Sequence[Named], asked: Direction
) -> tuple[dict[int, float], dict[int, float]]:
    """Return by key what a query's entities tell of memories (``links.evidence``)."""
    return links.evidence(_Reading(connection, visible), query, asked)


class _Reading:
    """A ``links.Links`` of a snapshot."""

    def __init__(self, connection: apsw.Connection, visible: Visible) -> None:
        self._connection = connection
        self._owners, self._scope = _owners(visible.expression)
        self._where, self._conditions = condition(visible)

    def named(self, names: Collection[str]) -> Iterable[tuple[str, int]]:
        """Return the entities, and the keys of the memories that name them."""
        return self._rows(
            "SELECT n.name, n.key FROM json_each(?) l CROSS JOIN owner o "
            f"CROSS JOIN mention n ON n.owner_id = o.id AND n.name = l.value {_OF_MEMORY.format(row='n')}",
            names,
        )

    def stated(self, names: Collection[str], *, forward: bool) -> Iterable[tuple[str, str, str]]:
        """Return what is stated of the entities: their names, the other end, and the relationship."""
        end, other = ("source", "destination") if forward else ("destination", "source")
        return self._rows(
            f"SELECT DISTINCT r.{end}, r.{other}, r.relationship FROM json_each(?) l CROSS JOIN owner o "
            f"CROSS JOIN {_WAYS[end, other]} ON r.owner_id = o.id AND r.{end} = l.value {_OF_MEMORY.format(row='r')}",
            names,
        )

    def beside(self, names: Collection[str]) -> Iterable[tuple[str, str]]:
        """Return the entities, and those that the same memories name."""
        return self._rows(
            "SELECT DISTINCT n.name, b.name FROM json_each(?) l CROSS JOIN owner o "
            f"CROSS JOIN mention n ON n.owner_id = o.id AND n.name = l.value {_OF_MEMORY.format(row='n')} "
            "CROSS JOIN mention b ON b.key = n.key AND b.type NOT IN ('tag', 'project')",
            names,
        )

    def _rows(self, sql: str, names: Collection[str]) -> list[Any]:
        return self._connection.execute(
            f"WITH {self._owners} {sql} WHERE {self._where} LIMIT {links.MOST_ROWS}",
            (*self._scope, json.dumps(sorted(names)), *self._conditions),
        ).fetchall()


def _owners(expression: Expression) -> tuple[str, list[Any]]:
    """Return a common table expression of the owners of the scopes an expression asks for."""
    sql, parameters = compile_filter(scope_part(expression))
    return f"RECURSIVE owner(id) AS MATERIALIZED (SELECT DISTINCT s.owner_id FROM scope s WHERE {sql})", parameters


def _near(connection: apsw.Connection, visible: Visible, entity: str, depth: int, limit: int) -> list[str]:
    """Return the names of entities around one, nearest first, one more than ``limit`` if there are more."""
    owners, parameters = _owners(visible.expression)
    where, conditions = condition(visible)
    steps = " ".join(
        f"UNION SELECT r.{other}, near.depth + 1 FROM near CROSS JOIN owner o CROSS JOIN {relation} "
        f"ON r.owner_id = o.id AND r.{end} = near.name {_OF_MEMORY.format(row='r')} WHERE near.depth < ? AND {where}"
        for (end, other), relation in _WAYS.items()
    )
    found = connection.execute(
        f"WITH {owners}, near(name, depth) AS (SELECT n.name, 0 FROM owner o CROSS JOIN mention n "
        f"ON n.owner_id = o.id AND n.name = ? {_OF_MEMORY.format(row='n')} WHERE {where} {steps} LIMIT ?) "
        "SELECT name FROM near GROUP BY name ORDER BY min(depth), name",
        (*parameters, entity, *conditions, depth, *conditions, depth, *conditions, (limit + 1) * (depth + 1)),
    ).fetchall()
    names: list[Any] = [name for (name,) in found]
    return names[: limit + 1]


def _most_named(connection: apsw.Connection, visible: Visible, limit: int) -> list[str]:
    where, conditions = condition(visible)
    found = connection.execute(
        f"SELECT n.name {MEMORIES} CROSS JOIN mention n ON n.key = m.key WHERE {where} GROUP BY n.name "
        f"HAVING max(n.type <> '{PHRASE}') ORDER BY count(*) DESC, min(n.key), n.name LIMIT ?",
        (*conditions, limit + 1),
    )
    names: list[Any] = [name for (name,) in found]
    return names
