"""The verbs of a store: the class ``Memory``, and beside it a module for each thing that the verbs decide or compute.

No module here knows SQL. Values that modules hand to each other are NamedTuples: as dataclasses they made importing
mem0lite 8 % slower.
"""

from .arguments import (
    DEFAULT_GRAPH_LIMIT,
    DEFAULT_THRESHOLD,
    DEFAULT_TOP_K,
    MAX_GRAPH_DEPTH,
    MAX_GRAPH_LIMIT,
    UNSET,
    AddItem,
    Duration,
    EmbedderObject,
    Instant,
    Progress,
    TextFile,
    UnsetId,
    UpdateItem,
)
from .exports import MAX_EXPORT_CHARACTERS, MAX_EXPORT_FIELD_LENGTH, MAX_EXPORT_FIELDS
from .memory import OF_FILES, Handle, Memory
from .opening import DEFAULT_CACHE_BYTES, DEFAULT_SHORT_TERM_TTL
from .transfer import Exports

__all__ = [
    "DEFAULT_CACHE_BYTES",
    "DEFAULT_GRAPH_LIMIT",
    "DEFAULT_SHORT_TERM_TTL",
    "DEFAULT_THRESHOLD",
    "DEFAULT_TOP_K",
    "MAX_EXPORT_CHARACTERS",
    "MAX_EXPORT_FIELDS",
    "MAX_EXPORT_FIELD_LENGTH",
    "MAX_GRAPH_DEPTH",
    "MAX_GRAPH_LIMIT",
    "OF_FILES",
    "UNSET",
    "AddItem",
    "Duration",
    "EmbedderObject",
    "Exports",
    "Handle",
    "Instant",
    "Memory",
    "Progress",
    "TextFile",
    "UnsetId",
    "UpdateItem",
]
