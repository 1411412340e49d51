"""What a copy of a store needs beside what an export has: vectors, graphs, uses, and documents of every kind."""

from collections.abc import Sequence

from ...graph import Edge, Graph, Node
from .. import histories
from ..protocol import Attached, Document, Use
from . import rows
from .database import Connection

_OF_IDS = "FROM place l JOIN {table} t ON t.owner_id = l.owner_id AND t.key = l.key WHERE l.id = ANY(%s::text[])"


def attached(connection: Connection, ids: Sequence[str]) -> dict[str, Attached]:
    """Return what the memories with these ids have beside their records and histories, by id."""
    listed = (list(ids),)
    found = connection.fetch(f"SELECT l.id, t.count, t.last {_OF_IDS.format(table='use')}", listed)
    uses = {memory_id: Use(count, last) for memory_id, count, last in found}
    nodes: dict[str, list[Node]] = {}
    for memory_id, *node in connection.fetch(
        f"SELECT l.id, t.name, t.label, t.type {_OF_IDS.format(table='mention')} ORDER BY t.name", listed
    ):
        nodes.setdefault(memory_id, []).append(Node(*node))
    edges: dict[str, list[Edge]] = {}
    for memory_id, *edge in connection.fetch(
        f"SELECT l.id, t.source, t.relationship, t.destination {_OF_IDS.format(table='relation')} "
        'ORDER BY t."position"',
        listed,
    ):
        edges.setdefault(memory_id, []).append(Edge(*edge))
    return {
        memory_id: Attached(
            rows.from_binary(sent),
            Graph(nodes[memory_id], edges.get(memory_id, [])) if memory_id in nodes else None,
            uses.get(memory_id),
        )
        for memory_id, sent in connection.fetch(
            f"SELECT l.id, vector_send(t.vector) {_OF_IDS.format(table='embedding')}", listed
        )
    }


def documents(connection: Connection) -> list[Document]:
    """Return all documents, oldest first."""
    found = connection.fetch("SELECT kind, name, value FROM document ORDER BY sequence")
    return [Document(kind, name, histories.to_document(value)) for kind, name, value in found]
