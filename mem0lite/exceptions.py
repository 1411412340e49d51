"""mem0lite's errors under the names of ``mem0.exceptions``, and the error for each status of a server."""

from collections.abc import Mapping
from typing import Any

from .errors import (
    ConfigurationError,
    CorruptFileError,
    DatabaseBusyError,
    DatabaseError,
    DependencyError,
    EmbeddingError,
    Mem0LiteError,
    MemoryNotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ValidationError,
)

__all__ = [
    "HTTP_STATUS_TO_EXCEPTION",
    "AuthenticationError",
    "CacheError",
    "ConfigurationError",
    "DatabaseError",
    "DependencyError",
    "EmbeddingError",
    "GraphStoreError",
    "LLMError",
    "MemoryCorruptionError",
    "MemoryError",
    "MemoryNotFoundError",
    "MemoryQuotaExceededError",
    "NetworkError",
    "RateLimitError",
    "ValidationError",
    "VectorSearchError",
    "VectorStoreError",
    "create_exception_from_response",
]

MemoryError = Mem0LiteError
AuthenticationError = PermissionDeniedError
MemoryCorruptionError = CorruptFileError
MemoryQuotaExceededError = QuotaExceededError
NetworkError = DatabaseBusyError  # as there: try again
VectorSearchError = VectorStoreError = DatabaseError


class RateLimitError(Mem0LiteError):
    """A server asks its callers to slow down; mem0lite's own never does."""


class LLMError(Mem0LiteError):
    """Never raised: there is no language model."""


class GraphStoreError(Mem0LiteError):
    """Never raised: there is no graph database."""


class CacheError(Mem0LiteError):
    """Never raised: there is no cache that can fail."""


HTTP_STATUS_TO_EXCEPTION: dict[int, type[Mem0LiteError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: MemoryNotFoundError,
    408: NetworkError,
    409: ValidationError,
    413: MemoryQuotaExceededError,
    422: ValidationError,
    429: RateLimitError,
    502: NetworkError,
    503: NetworkError,
    504: NetworkError,
}


def create_exception_from_response(
    status_code: int,
    response_text: Any,
    error_code: str | None = None,
    details: Mapping[str, Any] | None = None,
    debug_info: Mapping[str, Any] | None = None,
) -> Mem0LiteError:
    """Return the exception for a server's answer. The clients under ``compat``, mem0's own included, raise it."""
    kind = HTTP_STATUS_TO_EXCEPTION.get(status_code, Mem0LiteError)
    message = response_text or f"HTTP {status_code}"
    return kind(message, error_code or f"HTTP_{status_code}", details, debug_info=debug_info)
