"""Where ``mem0lite serve`` sends traces and metrics: set by the variables of OpenTelemetry's own specification.

A program that uses the library has providers of its own; nothing here is for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from ..errors import ConfigurationError, DependencyError
from . import INSTALL

_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_PACKAGES = {
    "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
}


@contextmanager
def exporting(wanted: bool) -> Iterator[None]:
    """Send traces and metrics while the block runs, and what is left at its end.

    ``OTEL_TRACES_EXPORTER`` and ``OTEL_METRICS_EXPORTER`` choose between ``otlp`` (the default), ``console`` and
    ``none``; ``OTEL_EXPORTER_OTLP_*``, ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_TRACES_SAMPLER`` and
    ``OTEL_SDK_DISABLED`` are read by the SDK. A provider that is there already is left alone, as under
    ``opentelemetry-instrument``.

    Raises DependencyError if the SDK or an exporter is missing, ConfigurationError for a choice that is unknown.
    """
    providers = _providers() if wanted else []
    try:
        yield
    finally:
        for provider in providers:
            provider.shutdown()


def missing() -> str | None:
    """Return what is missing or wrong with what ``exporting`` would use, or None. Nothing is set."""
    try:
        _exporters("traces")
        _exporters("metrics")
    except (ConfigurationError, DependencyError) as error:
        return str(error)
    return None


def _providers() -> list[Any]:
    """Set the global providers that nobody has set, and return them."""
    traces, measures = _exporters("traces"), _exporters("metrics")
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):  # the SDK's default
        resource = resource.merge(Resource({SERVICE_NAME: "mem0lite"}))
    made: list[Any] = []
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        for exporter in traces:
            tracers.add_span_processor(BatchSpanProcessor(exporter()))
        trace.set_tracer_provider(tracers)
        made.append(tracers)
    if type(metrics.get_meter_provider()).__module__.startswith("opentelemetry.metrics"):  # the API's placeholder
        readers = [PeriodicExportingMetricReader(exporter()) for exporter in measures]
        meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        metrics.set_meter_provider(meters)
        made.append(meters)
    return made


def _exporters(signal: str) -> list[Any]:
    """Return the classes of the exporters that are chosen for a signal."""
    try:
        import opentelemetry.sdk  # noqa: F401
    except ModuleNotFoundError as error:
        raise DependencyError(f"OpenTelemetry was asked for, and its SDK is missing. {INSTALL}") from error
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in (os.environ.get(variable) or "otlp").split(",")]
    return [_exporter(signal, variable, name) for name in names if name != "none"]


def _exporter(signal: str, variable: str, name: str) -> Any:
    if name not in ("otlp", "console"):
        raise ConfigurationError(f"{variable}: {name!r} is not known. Choose otlp, console or none.")
    wanted = _protocol(signal) if name == "otlp" else name
    found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=wanted))
    if not found:
        package = _PACKAGES.get(wanted, "opentelemetry-sdk")
        raise DependencyError(f"OpenTelemetry was asked for, and its exporter is missing: pip install {package}")
    return found[0].load()


def _protocol(signal: str) -> str:
    variable = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
    name = os.environ.get(variable) or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    if name not in _PROTOCOLS:
        raise ConfigurationError(f"{variable}: {name!r} is not known. Choose one of: {', '.join(_PROTOCOLS)}.")
    return _PROTOCOLS[name]
