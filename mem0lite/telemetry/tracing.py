"""What is told to OpenTelemetry: spans, their attributes, and how long they took. Imports its API."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Self
from urllib.parse import urlsplit

from opentelemetry import context, metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

from .. import __version__

_MOST_REMEMBERED = 10_000  # memories whose last change is known
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OF_METRICS = frozenset(
    {
        *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "error.type"),
        *("db.system.name", "db.operation.name", "server.address", "server.port"),
        *("http.request.method", "http.route", "http.response.status_code", "url.scheme"),
    }
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Recorded:
    """One span. How long it took is also added to a histogram."""

    def __init__(
        self,
        tracing: "Tracing",
        name: str,
        metric: str,
        attributes: Mapping[str, Any],
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        *,
        leaf: bool = False,
    ) -> None:
        self.tracing, self.name, self.kind, self.parent = tracing, name, kind, parent
        self.attributes = dict(attributes)
        self._metric = metric
        self._leaf = leaf  # it may end in another thread than it began in

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self.span = self.tracing.tracer.start_span(
            self.name, context=self.parent, kind=self.kind, attributes=self.attributes
        )
        if not self._leaf:
            self._token = context.attach(trace.set_span_in_context(self.span, self.parent))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace_: Any) -> None:
        if kind is not None:
            self.note({"error.type": kind.__name__})
            self.span.set_status(Status(StatusCode.ERROR))  # without its words, which may repeat a text
        if not self._leaf:
            context.detach(self._token)
        self.span.end()
        measured = {name: value for name, value in self.attributes.items() if name in _OF_METRICS}
        self.tracing.histograms[self._metric].record(time.perf_counter() - self._began, measured)

    def note(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes."""
        self.attributes.update(attributes)
        self.span.set_attributes(attributes)

    def watching(self, send: Any) -> Any:
        """Return the ``send`` of a request so that the status of its answer is noted."""

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.note({"http.response.status_code": message["status"]})
                if message["status"] >= 500:
                    self.note({"error.type": str(message["status"])})
                    self.span.set_status(Status(StatusCode.ERROR))
            await send(message)

        return noting


class Verb(Recorded):
    """A verb of Memory."""

    def answered(self, result: Any) -> None:
        """Note how many memories an answer is about, and which, if content is wanted."""
        records = _records(result)
        if records is None:
            return
        self.note({"gen_ai.memory.record.count": len(records)})
        if self.tracing.content:
            self.note({"gen_ai.memory.records": json.dumps(records, ensure_ascii=False)})


class Request(Recorded):
    """A request to the server. Its route is known when it ends."""

    def __init__(self, tracing: "Tracing", scope: Mapping[str, Any], parent: Context | None, kind: SpanKind) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        named = {"http.request.method": method, "url.scheme": scope.get("scheme") or "http"}
        if tracing.content:
            named["url.path"] = scope["path"]
        super().__init__(
            tracing, "HTTP" if method == "_OTHER" else method, "http.server.request.duration", named, kind, parent
        )
        self._scope = scope

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace_: Any) -> None:
        if route := self._scope.get("path_template"):
            self.note({"http.route": route})
            self.span.update_name(f"{self.name} {route}")
        super().__exit__(kind, error, trace_)


class Tracing:
    """The tracer and the histograms of a process, and which call changed which memory."""

    def __init__(
        self,
        content: bool,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
    ) -> None:
        self.content = content
        self.tracer = trace.get_tracer("mem0lite", __version__, tracer_provider)
        meter = metrics.get_meter("mem0lite", __version__, meter_provider)
        self.histograms = {
            name: meter.create_histogram(name, "s", described, explicit_bucket_boundaries_advisory=buckets)
            for name, described, buckets in (
                ("gen_ai.client.operation.duration", "Duration of memory operations.", _SECONDS),
                ("gen_ai.client.embeddings.duration", "Duration of embeddings.", _SECONDS),
                ("gen_ai.client.inference.duration", "Duration of questions to a language model.", _SECONDS),
                ("mem0lite.extraction.duration", "Duration of drawing the facts of one call of add.", _SECONDS),
                ("db.client.operation.duration", "Duration of what the store does.", _QUICK),
                ("http.server.request.duration", "Duration of requests.", _QUICK),
                ("http.client.request.duration", "Duration of deliveries to webhooks.", _QUICK),
            )
        }
        self._changed: OrderedDict[str, SpanContext] = OrderedDict()
        self._lock = threading.Lock()

    def verb(self, operation: str, memory: Any, asked: object) -> Verb:
        """Return the span of a verb of a memory."""
        path: str = memory.path
        if operation == "create_memory" and memory.has_model:
            operation = "upsert_memory"  # the model decides
        named: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "mem0lite",
            "gen_ai.memory.store.id": PurePosixPath(path.replace("\\", "/").partition("?")[0]).name,
        }
        if operation == "search_memory" and self.content and isinstance(asked, str):
            named["gen_ai.memory.query.text"] = asked
        if operation == "delete_memory" and isinstance(asked, str):
            named["gen_ai.memory.record.id"] = asked
        return Verb(self, operation, "gen_ai.client.operation.duration", named)

    def embeddings(self, model: str, dimensions: int, count: int) -> Recorded | None:
        """Return the span of an embedding, within another."""
        if not _within_a_span():
            return None
        named = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "mem0lite",
            "gen_ai.request.model": model,
            "gen_ai.embeddings.dimension.count": dimensions,
            "mem0lite.texts": count,
        }
        return Recorded(self, f"embeddings {model}", "gen_ai.client.embeddings.duration", named)

    def storage(self, system: str, operation: str) -> Recorded | None:
        """Return the span of what a database does, within another."""
        if not _within_a_span():
            return None
        named = {"db.system.name": system, "db.operation.name": operation}
        kind = SpanKind.INTERNAL if system == "sqlite" else SpanKind.CLIENT
        return Recorded(self, f"{operation} {system}", "db.client.operation.duration", named, kind, leaf=True)

    def chat(self, model: object, name: str) -> Recorded:
        """Return the span of a question to a language model."""
        called = getattr(model, "model", None)
        named = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai" if called else "mem0lite",  # whose protocol it speaks
            "gen_ai.request.model": called if isinstance(called, str) else name,
            **_server(getattr(model, "url", "")),
        }
        wanted = named["gen_ai.request.model"]
        return Recorded(self, f"chat {wanted}", "gen_ai.client.inference.duration", named, SpanKind.CLIENT)

    def extraction(self) -> Recorded:
        """Return the span of drawing facts."""
        return Recorded(self, "mem0lite.extract_facts", "mem0lite.extraction.duration", {})

    def request(self, scope: Mapping[str, Any]) -> Request:
        """Return the span of a request: beneath the host's, if that traces, or else what its headers name."""
        if _within_a_span():
            return Request(self, scope, None, SpanKind.INTERNAL)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        return Request(self, scope, propagate.extract(headers), SpanKind.SERVER)

    def delivery(self, memory_id: str, url: str) -> Recorded:
        """Return the span of a delivery: a part of the call that changed the memory last, if this process made it."""
        with self._lock:
            changed = self._changed.get(memory_id)
        parent = None if changed is None else trace.set_span_in_context(trace.NonRecordingSpan(changed))
        named = {"http.request.method": "POST", **_server(url)}
        return Recorded(self, "POST", "http.client.request.duration", named, SpanKind.CLIENT, parent)

    def remember(self, memory_ids: Iterable[str]) -> None:
        """Note which call changes these memories."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return
        with self._lock:
            for memory_id in memory_ids:
                self._changed[memory_id] = current
                self._changed.move_to_end(memory_id)
            while len(self._changed) > _MOST_REMEMBERED:
                self._changed.popitem(last=False)

    def outgoing(self) -> dict[str, str]:
        """Return the headers that name the running call."""
        headers: dict[str, str] = {}
        propagate.inject(headers)
        return headers


def _within_a_span() -> bool:
    return trace.get_current_span().get_span_context().is_valid


def _server(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.hostname is None:
        return {}
    return {"server.address": parts.hostname, "server.port": parts.port or (443 if parts.scheme == "https" else 80)}


def _records(result: Any) -> list[dict[str, Any]] | None:
    """Return the memories that an answer is about, in the form of ``gen_ai.memory.records``; None if it says none."""
    if isinstance(result, tuple):  # of _update
        return [{"id": one.id, "content": one.text} for one in result[1].updated]
    answers: Sequence[Any] = result if isinstance(result, list) else [result]
    lists = [one["results"] if "results" in one else one.get("memories") for one in answers]
    if any(one is None for one in lists):
        return None
    return [
        {"id": item["id"], "content": item["memory"], **({} if item.get("score") is None else {"score": item["score"]})}
        for items in lists
        for item in items
    ]
