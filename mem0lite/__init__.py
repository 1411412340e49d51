"""mem0lite: a memory store for agents, in one SQLite file."""

import importlib
from typing import TYPE_CHECKING, Any

from .data.filters import ANY_SCOPE
from .embedding.local import LocalEmbedder
from .embedding.protocol import Embedder
from .embedding.rerank import Reranker
from .errors import (
    ClosedError,
    ConfigurationError,
    CorruptFileError,
    DatabaseBusyError,
    DatabaseError,
    DependencyError,
    DiskFullError,
    EmbedderMismatchError,
    EmbeddingError,
    ExtractionError,
    FileReplacedError,
    FilterError,
    Mem0LiteError,
    MemoryNotFoundError,
    ModelNotFoundError,
    NewerFileError,
    NotAMemoryFileError,
    NotFoundError,
    NotPicklableError,
    PermissionDeniedError,
    ReadOnlyError,
    TimeLimitError,
    ValidationError,
)
from .graph import Extractor, RuleExtractor
from .memory import UNSET, Memory
from .search.ranking import Ranking

if TYPE_CHECKING:
    from .aio import AsyncMemory
    from .mem0.configuration import CompatibilityWarning
    from .server import create_app

__version__ = "0.1.0"

__all__ = [
    "ANY_SCOPE",
    "UNSET",
    "AsyncMemory",
    "ClosedError",
    "CompatibilityWarning",
    "ConfigurationError",
    "CorruptFileError",
    "DatabaseBusyError",
    "DatabaseError",
    "DependencyError",
    "DiskFullError",
    "Embedder",
    "EmbedderMismatchError",
    "EmbeddingError",
    "ExtractionError",
    "Extractor",
    "FileReplacedError",
    "FilterError",
    "LocalEmbedder",
    "Mem0LiteError",
    "Memory",
    "MemoryNotFoundError",
    "ModelNotFoundError",
    "NewerFileError",
    "NotAMemoryFileError",
    "NotFoundError",
    "NotPicklableError",
    "PermissionDeniedError",
    "Ranking",
    "ReadOnlyError",
    "Reranker",
    "RuleExtractor",
    "TimeLimitError",
    "ValidationError",
    "create_app",
]


# asyncio doubles the import time, and litestar is an extra
_LAZY = {"AsyncMemory": ".aio", "CompatibilityWarning": ".mem0.configuration", "create_app": ".server"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    from importlib.util import find_spec

    names = {*__all__, "__version__"}
    if find_spec("litestar") is None:  # completion in a shell gets every name of dir(), and stops at an error
        names.remove("create_app")
    return sorted(names)
