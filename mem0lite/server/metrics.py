"""``/metrics`` for Prometheus: Litestar's middleware and controller, with a registry for each app."""

from collections.abc import Iterator
from typing import Any, Self, cast

from litestar import Request, Response, Router, get
from litestar.plugins.prometheus import PrometheusConfig, PrometheusController, PrometheusMiddleware
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..errors import Mem0LiteError
from ..types import Counts
from .auth import admin_only
from .backend import Backend
from .guards import exact_path

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LABELS = ("method", "path", "status_code", "app_name")  # Litestar's; the path is the route's template
_RUNNING_LABELS = tuple(name for name in _LABELS if name != "status_code")  # there is none before the answer


class Metrics:
    """The metrics of one app: route, middleware, and a counter for responses that the middleware does not see."""

    def __init__(self, backend: Backend) -> None:
        registry = CollectorRegistry()
        self.middleware = PrometheusConfig(
            app_name="mem0lite", group_path=True, middleware_class=_middleware(registry)
        ).middleware
        self._unrouted = Counter(
            "mem0lite_unrouted_requests_total",
            "Requests that no route took: unknown paths and methods, and CORS preflights",
            ("status_code",),
            registry=registry,
        )
        self._store = _StoreCollector(backend)
        registry.register(self._store)
        self._registry = registry

    def create_router(self) -> Router:
        """Return the route ``/metrics``."""
        store, registry = self._store, self._registry

        class Controller(PrometheusController):
            """Litestar's controller, without the registry of the whole process."""

            @get()
            async def get(self) -> Response[bytes]:
                """Give every metric in the text format of Prometheus."""
                await store.refresh()
                return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return Router("/", route_handlers=[Controller], guards=[exact_path, admin_only], include_in_schema=False)

    async def count_unrouted(self, message: Any, scope: Any) -> None:
        """Count a response that was sent before the middleware of a route."""
        if message["type"] == "http.response.start" and "path_template" not in scope:
            self._unrouted.labels(message["status"]).inc()


class _Running(Gauge):
    """A gauge without the status code: Litestar labels every metric with one, at first 200."""

    def labels(self, *values: Any, **named: Any) -> Self:
        return super().labels(*(value for name, value in zip(_LABELS, values, strict=True) if name in _RUNNING_LABELS))


def _middleware(registry: CollectorRegistry) -> type[PrometheusMiddleware]:
    """Return Litestar's middleware with metrics in ``registry``.

    Litestar's own metrics are attributes of the class, in the registry of the whole process, and would collide with
    those of a second app or of the host.
    """
    count = Counter("mem0lite_requests_total", "Requests answered", _LABELS, registry=registry)
    errors = Counter("mem0lite_requests_error_total", "Requests answered with 5xx", _LABELS, registry=registry)
    running = _Running("mem0lite_requests_in_progress", "Requests being answered", _RUNNING_LABELS, registry=registry)
    duration = Histogram(
        "mem0lite_request_duration_seconds", "Time to the answer", _LABELS, buckets=_BUCKETS, registry=registry
    )

    class Middleware(PrometheusMiddleware):
        def _get_default_labels(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
            # Litestar's asks for request.url first, which raises for a Host header such as "a:99999".
            method = cast("dict[str, Any]", request.scope).get("mem0lite.method", request.method)  # HEAD, too
            labels = (method, request.scope["path_template"], 200, self._config.app_name)
            return dict(zip(_LABELS, labels, strict=True))

        def request_count(self, labels: Any) -> Counter:
            return count

        def requests_error_count(self, labels: Any) -> Counter:
            return errors

        def requests_in_progress(self, labels: Any) -> Gauge:
            return running

        def request_time(self, labels: Any) -> Histogram:
            return duration

    return Middleware


class _StoreCollector(Collector):
    """What the store held at the last ``refresh``. Prometheus collects in the event loop and cannot ask the store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._measured: tuple[Counts, int] | None = None

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
        yield CounterMetricFamily(
            "mem0lite_vacuumed_memories_total",
            "Expired memories removed by this server's timer",
            value=self._backend.vacuumed,
        )
        if measured is not None:
            counts, size = measured
            yield GaugeMetricFamily("mem0lite_store_bytes", "Size of the store's file", value=size)
            yield GaugeMetricFamily("mem0lite_memories", "Live memories", value=counts["memories"])
            yield GaugeMetricFamily(
                "mem0lite_expired_memories", "Expired memories not yet removed", value=counts["expired"]
            )
