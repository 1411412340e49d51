"""The memories of one store: what any store does (``protocol``), and opening one.

SQLite is the only one so far. A second backend is a folder beside ``sqlite``, a case in ``open_store``, and a line in
``tests/backends.py``.
"""

import os

from ..types import EmbedderIdentity
from .protocol import (
    EVERYTHING_STORED,
    Applied,
    Call,
    CategoriesChangedError,
    Changes,
    Claimed,
    Cost,
    Entry,
    FileFacts,
    FilePart,
    Finding,
    Finished,
    Graphs,
    JobLostError,
    Jobs,
    Listed,
    ListedEvents,
    NotEmbeddedError,
    Outcome,
    Queue,
    Reading,
    Reads,
    Reembedding,
    Remaking,
    Seen,
    Store,
    Unembedded,
    Update,
    Use,
    Visible,
)
from .sqlite import stopping
from .sqlite.database import Durability, refuse_database_file
from .sqlite.schema import SCHEMA_VERSION, SQLITE_VERSION
from .sqlite.store import SQLiteStore, reembedding
from .sqlite.upkeep import restore

__all__ = [
    "EVERYTHING_STORED",
    "SCHEMA_VERSION",
    "SQLITE_VERSION",
    "Applied",
    "Call",
    "CategoriesChangedError",
    "Changes",
    "Claimed",
    "Cost",
    "Durability",
    "Entry",
    "FileFacts",
    "FilePart",
    "Finding",
    "Finished",
    "Graphs",
    "JobLostError",
    "Jobs",
    "Listed",
    "ListedEvents",
    "NotEmbeddedError",
    "Outcome",
    "Queue",
    "Reading",
    "Reads",
    "Reembedding",
    "Remaking",
    "SQLiteStore",
    "Seen",
    "Store",
    "Unembedded",
    "Update",
    "Use",
    "Visible",
    "open_store",
    "reembedding",
    "refuse_database_file",
    "restore",
    "stopping",
]


def open_store(
    path: str | os.PathLike[str],
    *,
    embedder: EmbedderIdentity,
    durability: Durability = "full",
    cache_bytes: int = 0,
    read_only: bool = False,
    checksums: bool = False,
    graph_categories: tuple[str, ...] | None = None,
    statement_timeout: float | None = None,
) -> Store:
    """Open the store at a path: a SQLite file, which is created if there is none; ``":memory:"`` is private.

    The options are those of ``Memory``. Raises EmbedderMismatchError when the store holds another embedder's vectors,
    ConfigurationError, and the leaves of DatabaseError for what cannot be opened.
    """
    return SQLiteStore(
        path,
        embedder=embedder,
        durability=durability,
        cache_bytes=cache_bytes,
        read_only=read_only,
        checksums=checksums,
        graph_categories=graph_categories,
        statement_timeout=statement_timeout,
    )
