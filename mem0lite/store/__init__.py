"""The memories of one store, whatever keeps them; here SQLite."""

from .sqlite import stopping
from .sqlite.check import Finding
from .sqlite.database import Durability, refuse_database_file
from .sqlite.rows import Entry
from .sqlite.schema import SCHEMA_VERSION, SQLITE_VERSION
from .sqlite.store import Call, CategoriesChangedError, Outcome, Reading, Store, Update

__all__ = [
    "SCHEMA_VERSION",
    "SQLITE_VERSION",
    "Call",
    "CategoriesChangedError",
    "Durability",
    "Entry",
    "Finding",
    "Outcome",
    "Reading",
    "Store",
    "Update",
    "refuse_database_file",
    "stopping",
]
