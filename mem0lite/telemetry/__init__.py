"""OpenTelemetry: traces and metrics of what mem0lite does. Off until ``instrument`` is called.

Names follow the GenAI semantic conventions v0.1.0 (https://github.com/open-telemetry/semantic-conventions-genai), which
have spans for memory operations (``create_memory``, ``search_memory`` …, with ``gen_ai.memory.*``), embeddings and
chats. They have no metric for memory operations alone: those are in ``gen_ai.client.operation.duration``.
Requests follow the HTTP conventions and storage the database conventions. Two things are ours:
``mem0lite.extract_facts`` and ``mem0lite.extraction.duration``.

While it is off, a call that could be traced looks at one variable. This module imports nothing of OpenTelemetry.
"""

import contextvars
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, Self, TypeVar

from ..errors import ConfigurationError, DependencyError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from .tracing import Tracing

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Operation = Literal["create_memory", "search_memory", "update_memory", "delete_memory"]

INSTALL = "Install it: pip install 'mem0lite[opentelemetry]'"
VARIABLE = "MEM0LITE_OPENTELEMETRY"

_active: "Tracing | None" = None


class Span(Protocol):
    """A piece of work that is timed for as long as its ``with`` block runs."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: Any) -> None: ...

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes."""

    def watching(self, send: Any) -> Any:
        """Return the ``send`` of a request so that the status of its answer is noted."""


class _Off:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        pass

    def note(self, attributes: Mapping[str, Any]) -> None:
        pass

    def watching(self, send: Any) -> Any:
        return send


_OFF = _Off()


def instrument(
    *,
    content: bool = False,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
) -> None:
    """Trace and measure what every Memory and server of this process does from now on.

    Arguments:
        content: also record questions, texts of memories and paths of requests. They may be personal.
        tracer_provider: by default, the global one of OpenTelemetry.
        meter_provider: the same for metrics.

    Raises DependencyError if the API of OpenTelemetry is not installed.
    """
    global _active
    if not isinstance(content, bool):
        raise ConfigurationError(f"content: must be True or False, got {type(content).__name__}.")
    try:
        from .tracing import Tracing
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise DependencyError(f"OpenTelemetry was asked for, and its API is missing. {INSTALL}") from error
    _active = Tracing(content, tracer_provider, meter_provider)


def uninstrument() -> None:
    """Stop tracing and measuring."""
    global _active
    _active = None


def is_on() -> bool:
    """Return whether this process traces."""
    return _active is not None


def of_environment() -> None:
    """Begin if ``MEM0LITE_OPENTELEMETRY`` asks for it and nobody has begun; its content if
    ``MEM0LITE_OPENTELEMETRY_CONTENT`` does. Raises ConfigurationError or DependencyError."""
    if os.environ.get(VARIABLE) and _active is None and _switch(VARIABLE):
        instrument(content=_switch(f"{VARIABLE}_CONTENT"))


def _switch(name: str) -> bool:
    text = (os.environ.get(name) or "0").lower()
    if text in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        return text in ("1", "true", "yes", "on")
    raise ConfigurationError(f"{name}: {text!r} is neither 1 nor 0.")


# -- where work is done


def traced(
    operation: Operation, asked: str | None = None
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Trace a verb of Memory. ``asked`` names its first argument, if that is a question or the id of a memory."""

    def around(verb: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(verb)
        def call(memory: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if _active is None:
                return verb(memory, *args, **kwargs)
            given = None if asked is None else kwargs.get(asked, *args[:1])
            with _active.verb(operation, memory, given) as span:
                result = verb(memory, *args, **kwargs)
                span.answered(result)
                return result

        return call

    return around


def extraction(work: Callable[P, R]) -> Callable[P, R]:
    """Trace the drawing of facts from one call of add."""

    @functools.wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if _active is None:
            return work(*args, **kwargs)
        with _active.extraction():
            return work(*args, **kwargs)

    return call


def embeddings(model: str, dimensions: int, count: int) -> Span:
    """Trace the embedding of texts, as a part of what is traced already."""
    return _OFF if _active is None else _active.embeddings(model, dimensions, count) or _OFF


def storage(system: str, operation: str) -> Span:
    """Trace what a database does, as a part of what is traced already."""
    return _OFF if _active is None else _active.storage(system, operation) or _OFF


def chat(model: object, name: str) -> Span:
    """Trace a question to a language model."""
    return _OFF if _active is None else _active.chat(model, name)


def request(scope: Mapping[str, Any]) -> Span:
    """Trace a request, as a part of what its ``traceparent`` names, or of what the host traces."""
    return _OFF if _active is None else _active.request(scope)


def delivery(memory_id: str, url: str) -> Span:
    """Trace the delivery of a change to a webhook, as a part of the call that made it."""
    return _OFF if _active is None else _active.delivery(memory_id, url)


# -- where the context goes


def remember(memory_ids: Iterable[str]) -> None:
    """Note that the running call changes these memories, for the deliveries that follow."""
    if _active is not None:
        _active.remember(memory_ids)


def outgoing() -> dict[str, str]:
    """Return the headers that name the running call to another server."""
    return {} if _active is None else _active.outgoing()


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """Return a function for another thread, which there does its work as a part of the running call."""
    return work if _active is None else functools.partial(contextvars.copy_context().run, work)
