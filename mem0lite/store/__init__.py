"""The memories of one store: what any store does (``protocol``), and opening one.

A backend is a folder beside ``sqlite`` and ``postgres``, a case in ``open_store``, and a line in ``tests/backends.py``.
"""

import os
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, DependencyError
from ..files import is_server
from ..types import EmbedderIdentity
from .protocol import (
    EVERYTHING_STORED,
    Applied,
    Attached,
    Call,
    CategoriesChangedError,
    Changes,
    Claimed,
    Cost,
    Document,
    Entry,
    FilePart,
    Finding,
    Finished,
    Graphs,
    Held,
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
    SourcesChangedError,
    Store,
    StoreFacts,
    Unembedded,
    Update,
    Use,
    Visible,
)
from .quotas import Quota
from .sqlite import stopping
from .sqlite.database import Durability, refuse_database_file
from .sqlite.schema import SCHEMA_VERSION, SQLITE_VERSION
from .sqlite.store import Copies, SQLiteStore, reembedding
from .sqlite.upkeep import restore

if TYPE_CHECKING:
    from .postgres.store import PostgresStore

__all__ = [
    "EVERYTHING_STORED",
    "SCHEMA_VERSION",
    "SQLITE_VERSION",
    "Applied",
    "Attached",
    "Call",
    "CategoriesChangedError",
    "Changes",
    "Claimed",
    "Cost",
    "Document",
    "Durability",
    "Entry",
    "FilePart",
    "Finding",
    "Finished",
    "Graphs",
    "Held",
    "JobLostError",
    "Jobs",
    "Listed",
    "ListedEvents",
    "NotEmbeddedError",
    "Outcome",
    "Queue",
    "Quota",
    "Reading",
    "Reads",
    "Reembedding",
    "Remaking",
    "SQLiteStore",
    "Seen",
    "SourcesChangedError",
    "Store",
    "StoreFacts",
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
    quota: Quota | None = None,
) -> Store:
    """Open the store at a path: a SQLite file, which is created if there is none; ``":memory:"`` is private. A URL that
    begins with ``postgresql://`` is that of a PostgreSQL database, which needs the extra ``postgres``.

    The options are those of ``Memory``. Raises EmbedderMismatchError when the store holds another embedder's vectors,
    ConfigurationError, and the leaves of DatabaseError for what cannot be opened.
    """
    if is_server(path):
        _refuse_what_files_have(durability, checksums)
        return _postgres(path)(
            os.fspath(path),
            embedder=embedder,
            copying=Copies(embedder, statement_timeout).opened,
            cache_bytes=cache_bytes,
            read_only=read_only,
            graph_categories=graph_categories,
            statement_timeout=statement_timeout,
            quota=quota,
        )
    return SQLiteStore(
        path,
        embedder=embedder,
        durability=durability,
        cache_bytes=cache_bytes,
        read_only=read_only,
        checksums=checksums,
        graph_categories=graph_categories,
        statement_timeout=statement_timeout,
        quota=quota,
    )


def _refuse_what_files_have(durability: Durability, checksums: bool) -> None:
    """Raise ConfigurationError for options that would have no effect on a database."""
    if checksums:
        raise ConfigurationError(
            "checksums: only a file has page checksums of ours. Leave it out; a PostgreSQL server has its own, which "
            "initdb --data-checksums turns on."
        )
    if durability != "full":
        raise ConfigurationError(
            f"durability: {durability!r} is for files only. Leave it out; choose synchronous_commit in the database, "
            "or in the URL with options=-csynchronous_commit%3Doff."
        )


def _postgres(url: str | os.PathLike[str]) -> "type[PostgresStore]":
    try:
        from .postgres.store import PostgresStore  # psycopg takes longer to import than the rest
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("psycopg", "psycopg_pool"):
            raise
        raise DependencyError(
            "A store on PostgreSQL needs psycopg. Install it: pip install 'mem0lite[postgres]'"
        ) from error
    return PostgresStore
