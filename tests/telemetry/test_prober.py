"""The telemetry of a running prober: a trace for each run, and the metrics of `/metrics`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as Family

from tests.telemetry.receiver import attributes, receiving
from whopwatch.telemetry import Signal
from whopwatch.telemetry.prober import ExportWatch, MetricsExport, ProberTelemetry, otlp_metrics

TWO = '[[probes]]\noperations = ["products.list", "products.retrieve"]\ninterval = 10\n'


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.thorough
def test_a_prober_exports_traces_metrics_and_exemplars(tmp_path: Path) -> None:
    (tmp_path / "probes.toml").write_text(TWO, encoding="utf-8")
    command = [sys.executable, "-m", "whopwatch", "probe", "--config", "probes.toml", "--listen", "127.0.0.1:0"]
    with receiving() as receiver:
        fast = {"OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_BSP_SCHEDULE_DELAY": "200"}
        environ = {**os.environ, **fast, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        prober = subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True)
        assert prober.stderr is not None
        found = re.search(r"http://\S+", prober.stderr.readline())
        assert found
        until(lambda: {"probe products.list", "probe products.retrieve"} <= {span.name for span in receiver.spans})
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        with urllib.request.urlopen(urllib.request.Request(found[0], headers=accept)) as response:
            page = response.read().decode()
        prober.send_signal(signal.SIGTERM)
        assert prober.wait(60) == 0
        prober.stderr.close()
        run = next(span for span in receiver.spans if span.name == "probe products.retrieve")
        requests = [span for span in receiver.spans if span.parent_span_id == run.span_id]
        assert {span.kind for span in requests} == {Span.SPAN_KIND_CLIENT}
        assert f'trace_id="{run.trace_id.hex()}"' in page
        assert f'run_id="{attributes(run)["whopwatch.run_id"]}"' in page
        metrics = receiver.latest_metrics
        counted = {
            (attributes(point)["operation"], attributes(point)["outcome"]): point.as_double
            for point in metrics["whop_probe_runs"].sum.data_points
        }
        assert counted["products.list", "success"] >= 1
        assert metrics["whop_probe_duration_seconds"].unit == "s"
        exemplars = [
            one for point in metrics["whop_probe_duration_seconds"].histogram.data_points for one in point.exemplars
        ]
        assert {one.trace_id for one in exemplars} <= {span.trace_id for span in receiver.spans}
        assert exemplars


def test_the_metrics_keep_names_values_and_buckets() -> None:
    registry = CollectorRegistry()
    Counter("runs", "Runs.", ["operation"], registry=registry).labels("a").inc(3)
    Gauge("up", "Up.", registry=registry).set(0.5)
    durations = Histogram("duration_seconds", "Duration.", ["operation"], buckets=(0.1, 1.0), registry=registry)
    for seconds in (0.05, 0.5, 0.7, 5.0):
        durations.labels("a").observe(seconds)
    durations.labels("b").observe(0.05)
    by_name = {metric.name: metric for metric in otlp_metrics(registry.collect(), 1.0, 2.0)}
    assert set(by_name) == {"runs", "up", "duration_seconds"}
    (runs,) = by_name["runs"].data.data_points
    assert (runs.value, dict(runs.attributes or {}), runs.time_unix_nano) == (3.0, {"operation": "a"}, 2_000_000_000)  # type: ignore[union-attr]
    (up,) = by_name["up"].data.data_points
    assert up.value == 0.5  # type: ignore[union-attr]
    first, second = by_name["duration_seconds"].data.data_points
    assert list(first.bucket_counts) == [1, 2, 1]  # type: ignore[union-attr]
    assert (first.count, round(first.sum, 2), list(first.explicit_bounds)) == (4, 6.25, [0.1, 1.0])  # type: ignore[union-attr]
    assert (second.count, by_name["duration_seconds"].unit) == (1, "s")  # type: ignore[union-attr]


def test_the_export_of_metrics_goes_on_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, failed = CollectorRegistry(), list[Signal]()
    Counter("c", "c", registry=registry)
    rounds = iter((ZeroDivisionError("a value"),))

    def collect() -> Iterable[Family]:
        if error := next(rounds, None):
            raise error
        return registry.collect()

    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1")
        monkeypatch.setattr("whopwatch.telemetry.prober.SHORTEST_INTERVAL", 0.01)
        watch = ExportWatch(Signal.METRICS)
        telemetry = ProberTelemetry(None, MetricsExport(Resource({}), watch), (watch,))
        telemetry.start(collect, failed.append)
        until(lambda: receiver.bodies["/v1/metrics"])
        telemetry.stop()
        assert "c" in receiver.latest_metrics
    assert failed == [Signal.METRICS]
