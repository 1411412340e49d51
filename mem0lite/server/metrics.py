"""``/metrics`` for Prometheus, with a registry for each app."""

import functools
from collections.abc import Iterator, Mapping
from typing import cast

from litestar import Response, Router, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ..errors import Mem0LiteError
from ..types import Counts, ExtractionStats
from .auth import admin_only
from .backend import Backend
from .guards import exact_path, rules
from .routing import answers, text_only

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RUNNING_LABELS = ("method", "path", "app_name")  # the path is the route's template
_LABELS = ("method", "path", "status_code", "app_name")  # the names that Litestar's own metrics have
_APP_NAME = "mem0lite"
_ANSWERS = {status: one for status, one in answers(str, "Metrics").items() if status in (200, 401, 403)}


class Metrics:
    """The metrics of one app, and their route.

    Litestar's own are in the registry of the whole process, where they collide with those of a second app or of the
    host, and count a request at five times the cost.
    """

    def __init__(self, backend: Backend) -> None:
        self._registry = registry = CollectorRegistry()
        self._count = Counter("mem0lite_requests_total", "Requests answered", _LABELS, registry=registry)
        self._errors = Counter(
            "mem0lite_requests_error_total", "Requests answered with 5xx", _LABELS, registry=registry
        )
        self._running = Gauge(
            "mem0lite_requests_in_progress",
            "Requests being answered",
            _RUNNING_LABELS,
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._duration = Histogram(
            "mem0lite_request_duration_seconds", "Time to the answer", _LABELS, buckets=_BUCKETS, registry=registry
        )
        self._unrouted = Counter(
            "mem0lite_unrouted_requests_total",
            "Requests that no route took: unknown paths and methods, and CORS preflights",
            ("status_code",),
            registry=registry,
        )
        vacuumed = Counter(
            "mem0lite_vacuumed_memories_total", "Expired memories removed by this server's timer", registry=registry
        )
        backend.count_vacuumed = vacuumed.inc
        if backend.sibling is not None:  # a scrape reaches any of them, and asks about all
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry, backend.sibling.folder)  # type: ignore[no-untyped-call]
        self._store = _StoreCollector(backend)
        self._registry.register(self._store)
        # Kept, because to find them by their labels costs more than to count. There are as many as routes and statuses.
        self.running = functools.cache(self._running_of)
        self._answered = functools.cache(self._answered_of)

    def create_router(self) -> Router:
        """Return the route ``/metrics``."""
        store, registry = self._store, self._registry

        @get(
            "/metrics",
            media_type="text/plain",
            tags=["server"],
            summary="Get metrics for Prometheus",
            responses=_ANSWERS,
            operation_class=text_only("text/plain"),
        )
        async def metrics() -> Response[bytes]:
            """Give every metric in the text format of Prometheus."""
            await store.refresh()
            return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return Router("/", route_handlers=[metrics], guards=[admin_only], opt=rules(exact_path))

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that a route took."""
        count, duration, errors = self._answered(method, path, status)
        count.inc()
        duration.observe(seconds)
        if errors is not None:
            errors.inc()

    def unrouted(self, status: int) -> None:
        """Count a request that no route took."""
        self._unrouted.labels(status).inc()

    def _running_of(self, method: str, path: str) -> Gauge:
        return self._running.labels(method, path, _APP_NAME)

    def _answered_of(self, method: str, path: str, status: int) -> tuple[Counter, Histogram, Counter | None]:
        labels = (method, path, status, _APP_NAME)
        errors = self._errors.labels(*labels) if status >= 500 else None
        return self._count.labels(*labels), self._duration.labels(*labels), errors


class _StoreCollector(Collector):
    """What the store held at the last ``refresh``. Prometheus collects in the event loop and cannot ask the store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._measured: tuple[Counts, int, ExtractionStats | None] | None = None

    async def refresh(self) -> None:
        """Ask the store, in a thread."""
        try:
            self._measured = await (await self._backend.memory())._measured()
        except Mem0LiteError:  # the other metrics matter even more then
            self._measured = None

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, without those of the store if it cannot be read."""
        measured = self._measured
        yield GaugeMetricFamily("mem0lite_store_up", "1 when the store can be read", value=0 if measured is None else 1)
        if measured is not None:
            counts, size, extraction = measured
            yield GaugeMetricFamily("mem0lite_store_bytes", "Size of the store's file", value=size)
            yield GaugeMetricFamily("mem0lite_memories", "Live memories", value=counts["memories"])
            yield GaugeMetricFamily(
                "mem0lite_superseded_memories", "Live memories that are superseded", value=counts["superseded"]
            )
            yield GaugeMetricFamily(
                "mem0lite_expired_memories", "Expired memories not yet removed", value=counts["expired"]
            )
            if extraction is not None:
                yield from _of_extraction(extraction)


_COSTS = {
    "calls": ("mem0lite_llm_calls", "Calls of the language model"),
    "prompt_tokens": ("mem0lite_llm_prompt_tokens", "Tokens that the language model read"),
    "completion_tokens": ("mem0lite_llm_completion_tokens", "Tokens that the language model wrote"),
    "seconds": ("mem0lite_llm_seconds", "Seconds in which the language model answered"),
    "failures": ("mem0lite_llm_failures", "Calls of the language model without a usable answer"),
    "refused": ("mem0lite_llm_refused_facts", "Facts that the language model answered and that were not stored"),
    "facts": ("mem0lite_llm_facts", "Facts that were added"),
}


def _of_extraction(extraction: ExtractionStats) -> Iterator[Metric]:
    pending, failed = extraction["pending"], extraction["failed"]
    yield GaugeMetricFamily("mem0lite_llm_pending", "Calls of add whose facts are still to be drawn", value=pending)
    yield GaugeMetricFamily("mem0lite_llm_given_up", "Calls of add whose facts were given up", value=failed)
    cost: Mapping[str, float] = cast("Mapping[str, float]", extraction["cost"])
    for name, (metric, text) in _COSTS.items():
        yield CounterMetricFamily(metric, text, value=cost.get(name, 0))
