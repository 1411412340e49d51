"""mem0lite: a memory store for agents, in one SQLite file."""

import importlib
from typing import TYPE_CHECKING, Any

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
    LanguageModelError,
    Mem0LiteError,
    MemoryNotFoundError,
    ModelNotFoundError,
    NewerFileError,
    NotAMemoryFileError,
    NotFoundError,
    NotPicklableError,
    PermissionDeniedError,
    QuotaExceededError,
    ReadOnlyError,
    TimeLimitError,
    ValidationError,
)

if TYPE_CHECKING:
    from .aio import AsyncMemory
    from .data.filters import ANY_SCOPE
    from .embedding.local import LocalEmbedder
    from .embedding.protocol import Embedder
    from .embedding.rerank import Reranker
    from .graph import Extractor, RuleExtractor
    from .llm.client import ChatCompletions
    from .llm.protocol import LanguageModel
    from .mem0.configuration import CompatibilityWarning
    from .memory import UNSET, Memory
    from .search.ranking import Ranking
    from .server import create_app

__version__ = "0.1.0"

__all__ = [
    "ANY_SCOPE",
    "UNSET",
    "AsyncMemory",
    "ChatCompletions",
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
    "LanguageModel",
    "LanguageModelError",
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
    "QuotaExceededError",
    "Ranking",
    "ReadOnlyError",
    "Reranker",
    "RuleExtractor",
    "TimeLimitError",
    "ValidationError",
    "create_app",
]


# Everything but the errors is imported when it is asked for. Memory takes four fifths of the time, and the command line
# does without it for --help and for a server; asyncio would double it, and litestar is an extra.
_LAZY = {
    "ANY_SCOPE": "data.filters",
    "UNSET": "memory",
    "AsyncMemory": "aio",
    "ChatCompletions": "llm.client",
    "CompatibilityWarning": "mem0.configuration",
    "Embedder": "embedding.protocol",
    "Extractor": "graph",
    "LanguageModel": "llm.protocol",
    "LocalEmbedder": "embedding.local",
    "Memory": "memory",
    "Ranking": "search.ranking",
    "Reranker": "embedding.rerank",
    "RuleExtractor": "graph",
    "create_app": "server",
}
_MODULES = frozenset({"graph", "memory", "store", "types"})  # that are there without being imported by name


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    return found


def __dir__() -> list[str]:
    from importlib.util import find_spec

    names = {*__all__, "__version__"}
    if find_spec("litestar") is None:  # completion in a shell gets every name of dir(), and stops at an error
        names.remove("create_app")
    return sorted(names)
