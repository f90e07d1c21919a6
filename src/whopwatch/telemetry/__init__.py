"""OpenTelemetry: traces of runs and the metrics of the prober, exported by OTLP if an endpoint is configured.

The modules of this package import the SDK (extra `otel`) and are loaded only if `wants` is true. Nothing is exported
otherwise, and no request of whopwatch carries a trace header.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding

Attributes = Mapping[str, str | int | float]


class Signal(StrEnum):
    """What is exported; the values are those in the names of the standard environment variables."""

    TRACES = "TRACES"
    METRICS = "METRICS"


PROTOCOL = "http/protobuf"
"""The protocol of OTLP that whopwatch speaks."""


@dataclass(frozen=True)
class TracedRun:
    """A run as a trace shows it: `started_at` in seconds since the epoch, `error` says why it did not succeed."""

    name: str
    started_at: float
    seconds: float
    exchanges: Sequence[Exchange]
    attributes: Attributes = field(default_factory=dict)
    error: str | None = None
    findings: Sequence[Finding] = ()


def wants(signal: Signal, environ: Mapping[str, str]) -> bool:
    """Return whether the standard variables configure an endpoint for `signal` and do not disable it."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if "otlp" not in (environ.get(f"OTEL_{signal}_EXPORTER") or "otlp").replace(" ", "").split(","):
        return False
    return any(environ.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT", "").strip() for name in ("", f"{signal}_"))


def refused_protocol(signal: Signal, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the variable that names a protocol for `signal` which whopwatch does not speak, and that protocol."""
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if protocol := environ.get(variable, "").strip():
            return None if protocol == PROTOCOL else (variable, protocol)
    return None


__all__ = ["PROTOCOL", "Attributes", "Signal", "TracedRun", "refused_protocol", "wants"]
