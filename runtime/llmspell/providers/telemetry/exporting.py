"""Whether telemetry is wanted, and where it goes: what the OTEL_* variables say.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmspell.providers.telemetry.spans import Telemetry

_ASKED_BY = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_")
_TRUE = ("true", "1", "on", "yes")


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether variables name a collector; costs microseconds, and imports nothing."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return any(name.startswith(_ASKED_BY) and value.strip() for name, value in environ.items())


def telemetry(program: str, environ: Mapping[str, str] = os.environ) -> Telemetry | None:
    """The observer that tells the collector which the variables name; None where nothing of it is installed.

    A program that has llmspell inside and set up OpenTelemetry itself hears of it by its own providers.
    """
    try:
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _warn("OTEL_* variables are set, and OpenTelemetry is not installed: pip install 'llmspell[otel]'")
        return None
    from llmspell.providers.telemetry.names import CAPTURE
    from llmspell.providers.telemetry.spans import Telemetry

    captures = environ.get(CAPTURE, "").strip().lower() in _TRUE
    theirs = trace.get_tracer_provider()
    if isinstance(theirs, TracerProvider):
        return Telemetry(program, theirs, metrics.get_meter_provider(), captures=captures, flush=theirs.force_flush)
    resource = Resource.create({"service.name": environ.get("OTEL_SERVICE_NAME") or "llmspell"})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in _exporters("traces", environ):
        tracers.add_span_processor(BatchSpanProcessor(exporter))
    readers = [PeriodicExportingMetricReader(exporter) for exporter in _exporters("metrics", environ)]
    meters = MeterProvider(readers, resource, shutdown_on_exit=False)

    def flush() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Telemetry(program, tracers, meters, captures=captures, flush=flush)


def _exporters(signal: str, environ: Mapping[str, str]) -> list[Any]:
    """The exporters of a signal, by the names that packages register them under."""
    from importlib.metadata import entry_points

    group = "opentelemetry_traces_exporter" if signal == "traces" else "opentelemetry_metrics_exporter"
    made = []
    for name in (environ.get(f"OTEL_{signal.upper()}_EXPORTER") or "otlp").split(","):
        name = name.strip()
        if name in ("", "none"):
            continue
        if name == "otlp":
            protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or environ.get(
                "OTEL_EXPORTER_OTLP_PROTOCOL"
            )
            name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
        found = next(iter(entry_points(group=group, name=name)), None)
        try:
            if found is None:
                raise ImportError("no installed package has it")
            made.append(found.load()())
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on without it
            _warn(f"no {signal} go to the OpenTelemetry exporter '{name}': {error}")
    return made


def _warn(text: str) -> None:
    from llmspell.secrets import scrubbed

    print(f"warning: {scrubbed(text)}", file=sys.stderr)
