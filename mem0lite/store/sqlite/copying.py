"""What a copy of a store needs beside what an export has: vectors, graphs, uses, and documents of every kind."""

import json
from collections.abc import Sequence

import apsw

from ...graph import Edge, Graph, Node
from .. import histories
from ..protocol import Attached, Document, Use
from . import rows, vectors

_LISTED = "IN (SELECT value FROM json_each(?))"


def attached(connection: apsw.Connection, ids: Sequence[str]) -> dict[str, Attached]:
    """Return what the memories with these ids have beside their records and histories, by id."""
    keys = dict(rows.fetch(connection, f"SELECT key, id FROM memory WHERE id {_LISTED}", (json.dumps(list(ids)),)))
    listed = (json.dumps(list(keys)),)
    uses = {
        key: Use(count, last)
        for key, count, last in connection.execute(f"SELECT key, count, last FROM use WHERE key {_LISTED}", listed)
    }
    nodes: dict[int, list[Node]] = {}
    for key, *node in connection.execute(
        f"SELECT key, name, label, type FROM mention WHERE key {_LISTED} ORDER BY key, name", listed
    ):
        nodes.setdefault(key, []).append(Node(*node))
    edges: dict[int, list[Edge]] = {}
    for key, *edge in connection.execute(
        f"SELECT key, source, relationship, destination FROM relation WHERE key {_LISTED} ORDER BY key, position",
        listed,
    ):
        edges.setdefault(key, []).append(Edge(*edge))
    return {
        keys[key]: Attached(
            rows.from_bytes(embedding),
            Graph(nodes[key], edges.get(key, [])) if key in nodes else None,
            uses.get(key),
        )
        for key, embedding in vectors.of(connection, keys).items()
    }


def documents(connection: apsw.Connection) -> list[Document]:
    """Return all documents, oldest first."""
    found = rows.fetch(connection, "SELECT kind, name, value FROM document ORDER BY sequence")
    return [Document(kind, name, histories.to_document(value)) for kind, name, value in found]
