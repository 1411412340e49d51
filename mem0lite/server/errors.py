"""From exceptions to responses: ``{"detail": …}``, in the words of mem0's server where it has some."""

import logging
import re
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from ..errors import (
    ClosedError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    EmbedderMismatchError,
    EmbeddingError,
    ExtractionError,
    FileReplacedError,
    LanguageModelError,
    Mem0LiteError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ReadOnlyError,
    TimeLimitError,
    ValidationError,
)
from .access_log import path_of
from .parameters import parameter_problems
from .problems import InvalidRequest
from .turns import ClientGoneError, TooManyReadsError

logger = logging.getLogger("mem0lite")

AnyRequest = Request[Any, Any, Any]

_IN_PYTHON = re.compile(r"""(filters=)?(\{'(?:[^{}"]|\{[^{}"]{0,200}\}){0,200}\})""")
"""A dictionary in a message of the library, which may be an argument."""
_INTERNAL = (500, "Internal Server Error")
_TOO_MANY = "Too many of your requests are waiting. Try again later."
_CLIENT_GONE = "client disconnected prematurely"  # Litestar's words; it is no failure of the server

_FAILURES: dict[type[Exception], tuple[int, str]] = {
    # The exceptions' own messages name files and models of the server's machine: they go only to the log.
    DatabaseBusyError: (503, "The store is locked by another process. Try again."),
    TimeLimitError: (503, "The request took too long to read. Narrow its filter or its scope."),
    DiskFullError: (507, "There is no room left to store this."),
    ReadOnlyError: (503, "The store cannot be written."),
    ClosedError: (503, "The server is shutting down."),
    # 503 is for what passes. What lasts until somebody repairs it is 502, as with mem0's server without its database.
    FileReplacedError: (502, "The store's file was removed or replaced while it was open."),
    DatabaseError: (502, "The store cannot be used. The server's log says why."),
    EmbedderMismatchError: (502, "The store was embedded with another model. The server's log says what to do."),
    ModelNotFoundError: (502, "The embedding model is not installed. The server's log says what to do."),
    EmbeddingError: (500, "The text could not be embedded. The server's log says why."),
    ExtractionError: (500, "The text's entities could not be extracted. The server's log says why."),
    LanguageModelError: (502, "The language model gave no usable answer. The server's log says why."),
    Mem0LiteError: _INTERNAL,
}


def _detail(status: int, detail: Any, headers: dict[str, str] | None = None) -> Response[dict[str, Any]]:
    return Response({"detail": detail}, status_code=status, headers=headers, media_type="application/json")


def _refused(request: AnyRequest, error: ValidationError) -> Response[dict[str, Any]]:
    return _detail(400, _IN_PYTHON.sub(_in_json, str(error)))


def _in_json(found: re.Match[str]) -> str:
    argument, written = found[1], found[2].replace("'", '"')
    return f'{{"filters": {written}}}' if argument else written


def _not_found(request: AnyRequest, error: NotFoundError) -> Response[dict[str, Any]]:
    return _detail(404, str(error))


def _forbidden(request: AnyRequest, error: PermissionDeniedError) -> Response[dict[str, Any]]:
    return _detail(403, str(error))


def _over_quota(request: AnyRequest, error: QuotaExceededError) -> Response[dict[str, Any]]:
    return _detail(413, str(error))  # which mem0's clients raise as MemoryQuotaExceededError


def _wrong_shape(request: AnyRequest, error: InvalidRequest) -> Response[dict[str, Any]]:
    return _detail(422, error.extra)


def _wrong_parameters(request: AnyRequest, error: ValidationException) -> Response[dict[str, Any]]:
    problems = parameter_problems(request, error)
    return _detail(422, problems) if problems else _detail(400, error.detail)


def _http(request: AnyRequest, error: HTTPException) -> Response[dict[str, Any]]:
    if error.detail == _CLIENT_GONE:  # while its body was to be read
        return _detail(ClientGoneError.status_code, error.detail)
    if error.status_code >= 500 and error.status_code != 501:
        return _unexpected(request, error)
    return _detail(error.status_code, error.detail, error.headers)


def _failed(request: AnyRequest, error: Mem0LiteError) -> Response[dict[str, Any]]:
    status, detail = next(_FAILURES[kind] for kind in type(error).__mro__ if kind in _FAILURES)
    _log(request, error, traced=not isinstance(error, TimeLimitError))  # callers can cause it as often as they like
    return _detail(status, detail, {"Retry-After": "1"} if isinstance(error, TimeoutError) else None)


def _too_many(request: AnyRequest, error: TooManyReadsError) -> Response[dict[str, Any]]:
    return _detail(503, _TOO_MANY, {"Retry-After": "1"})


def not_ready(request: AnyRequest, error: Exception) -> Response[dict[str, Any]]:
    """Return the answer 503 for a store that, as ``error`` says, cannot be used."""
    answer = _failed(request, error) if isinstance(error, Mem0LiteError) else _unexpected(request, error)
    answer.status_code = 503
    return answer


def described(request: AnyRequest, error: Exception) -> str:
    """Return what the caller is told about an error where there is no status for it. The log gets the rest."""
    if isinstance(error, TooManyReadsError):
        return _TOO_MANY
    kind = next(kind for kind in (*type(error).__mro__, Mem0LiteError) if kind in _FAILURES)
    _log(request, error, traced=not isinstance(error, TimeLimitError))
    return "An internal error. The server's log says why." if kind is Mem0LiteError else _FAILURES[kind][1]


def _unexpected(request: AnyRequest, error: Exception) -> Response[dict[str, Any]]:
    _log(request, error)
    return _detail(*_INTERNAL)


def _log(request: AnyRequest, error: Exception, *, traced: bool = True) -> None:
    named = (request.scope.get("mem0lite.request_id", "-"), request.method, path_of(request.scope))
    if traced:
        logger.error("Request %s failed: %s %s", *named, exc_info=error)
    else:
        logger.error("Request %s failed: %s %s: %s", *named, error)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    ValidationError: _refused,
    NotFoundError: _not_found,
    PermissionDeniedError: _forbidden,
    QuotaExceededError: _over_quota,
    Mem0LiteError: _failed,
    TooManyReadsError: _too_many,
    InvalidRequest: _wrong_shape,
    ValidationException: _wrong_parameters,
    HTTPException: _http,
    Exception: _unexpected,
}
"""An exception is handled by the entry of the first class in its MRO."""
