"""Memories in SQLite: everything that speaks SQL, but for filters (filter_sql) and files (database)."""

from .check import Finding
from .rows import Entry
from .schema import SCHEMA_VERSION, SQLITE_VERSION
from .store import Call, CategoriesChangedError, Outcome, Reading, Store, Update

__all__ = [
    "SCHEMA_VERSION",
    "SQLITE_VERSION",
    "Call",
    "CategoriesChangedError",
    "Entry",
    "Finding",
    "Outcome",
    "Reading",
    "Store",
    "Update",
]
