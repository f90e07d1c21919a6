"""The telemetry of a prober: the trace of each run, and its metrics in the data model of OpenTelemetry.

The metrics keep the names, labels and buckets of `/metrics`, so that alerts and the dashboard also work with what a
collector passes on to Prometheus.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar as FamilyExemplar
from prometheus_client.samples import Sample

from whopwatch import __version__
from whopwatch.telemetry import Signal, TracedRun
from whopwatch.telemetry.spans import SCOPE, HeadersOnly, OnExport, Tracer

Collect = Callable[[], Iterable[Family]]
"""Returns the current metrics."""
INTERVAL = 60.0
"""Seconds from one export of the metrics to the next, unless OTEL_METRIC_EXPORT_INTERVAL (milliseconds) is set."""
SHORTEST_INTERVAL = 1.0
_LOG = logging.getLogger("whopwatch.prober")
_IDS = ("trace_id", "span_id")


class ExportWatch:
    """Takes the result of each export of `signal`: logs when they begin to fail and succeed again, counts failures."""

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.count_failure: Callable[[Signal], None] | None = None
        self._is_taken = True

    def __call__(self, is_taken: bool, problem: str) -> None:
        """Note one result, and `problem` if the collector did not accept the export."""
        if not is_taken and self.count_failure:
            self.count_failure(self.signal)
        if is_taken == self._is_taken:
            return
        self._is_taken = is_taken
        what = self.signal.lower()
        if is_taken:
            _LOG.info("The OTLP collector accepts %s again.", what)
        else:
            _LOG.warning("The OTLP collector does not accept %s. %s", what, problem)


class ProberTelemetry:
    """Export the traces of `tracer` and the metrics in the background; each is None if it is not wanted."""

    def __init__(
        self, tracer: Tracer | None, metrics: MetricsExport | None, watches: Sequence[ExportWatch] = ()
    ) -> None:
        self._tracer, self._metrics, self._watches = tracer, metrics, watches

    def start(self, collect: Collect, count_failure: Callable[[Signal], None]) -> None:
        """Start to export. `collect` returns the metrics, `count_failure` takes the signal of each failed export."""
        for watch in self._watches:
            watch.count_failure = count_failure
        if self._tracer:
            self._tracer.export_in_background()
        if self._metrics:
            self._metrics.start(collect)

    def record(self, run: TracedRun) -> Mapping[str, str]:
        """Make the spans of `run`. Return the labels of an exemplar that leads to them."""
        return self._tracer.record(run) if self._tracer else {}

    def stop(self) -> None:
        """Export what is left, and stop."""
        for part in (self._tracer, self._metrics):
            if part:
                part.close()


class MetricsExport:
    """A thread that exports metrics at a fixed interval, and once more at the end."""

    def __init__(self, resource: Resource, on_export: OnExport) -> None:
        self._resource, self._on_export = resource, on_export
        self._session = HeadersOnly()
        self._exporter = OTLPMetricExporter(session=self._session)
        self._started_at = time.time()
        self._stopped = threading.Event()
        self._collect: Collect = tuple
        self._thread = threading.Thread(target=self._loop, name="otlp-metrics", daemon=True)

    def start(self, collect: Collect) -> None:
        """Start the thread. `collect` returns the metrics."""
        self._collect = collect
        self._thread.start()

    def close(self) -> None:
        """Export a last time, and end the thread."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._exporter.shutdown()

    def _loop(self) -> None:
        seconds = _interval(os.environ)
        is_last = False
        while not is_last:
            is_last = self._stopped.wait(seconds)
            try:
                is_taken = self._exporter.export(self._data()) is MetricExportResult.SUCCESS
                self._on_export(is_taken, self._session.problem)
            except Exception as error:  # the thread must live: the next export may succeed
                self._on_export(False, f"the export failed inside whopwatch with an unexpected {type(error).__name__}")

    def _data(self) -> MetricsData:
        metrics = list(otlp_metrics(self._collect(), self._started_at, time.time()))
        scope = ScopeMetrics(InstrumentationScope(SCOPE, __version__), metrics, "")
        return MetricsData([ResourceMetrics(self._resource, [scope], "")])


def _interval(environ: Mapping[str, str]) -> float:
    """Return the seconds between exports."""
    try:
        return max(float(environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")) / 1000, SHORTEST_INTERVAL)
    except ValueError:
        return INTERVAL


def otlp_metrics(families: Iterable[Family], started_at: float, now: float) -> Iterator[Metric]:
    """Yield `families` in the data model of OpenTelemetry; the times are in seconds since the epoch."""
    times = {"start_time_unix_nano": int(started_at * 1e9), "time_unix_nano": int(now * 1e9)}
    for family in families:
        data: Sum | Gauge | Histogram
        if family.type == "histogram":
            points = [_histogram(samples, times) for samples in _by_series(family.samples)]
            data = Histogram(points, AggregationTemporality.CUMULATIVE)
        elif family.type == "counter":
            counted = [sample for sample in family.samples if sample.name.endswith("_total")]
            data = Sum([_number(one, times) for one in counted], AggregationTemporality.CUMULATIVE, is_monotonic=True)
        else:
            data = Gauge([_number(sample, times) for sample in family.samples])
        if data.data_points:
            unit = "s" if family.name.endswith("_seconds") else "1"
            yield Metric(family.name, family.documentation, unit, data)


def _by_series(samples: Iterable[Sample]) -> Iterable[Sequence[Sample]]:
    """Return the samples of each series of a histogram: its buckets, its count and its sum."""
    series: dict[frozenset[tuple[str, str]], list[Sample]] = defaultdict(list)
    for sample in samples:
        series[frozenset(label for label in sample.labels.items() if label[0] != "le")].append(sample)
    return series.values()


def _histogram(samples: Sequence[Sample], times: Mapping[str, int]) -> HistogramDataPoint:
    buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
    totals = [int(bucket.value) for bucket in buckets]  # cumulative, the last one is +Inf
    unknown: Any = None  # Prometheus does not keep the least and the greatest value
    return HistogramDataPoint(
        attributes={name: value for name, value in buckets[0].labels.items() if name != "le"},
        count=totals[-1],
        sum=next(sample.value for sample in samples if sample.name.endswith("_sum")),
        bucket_counts=[total - before for total, before in zip(totals, [0, *totals], strict=False)],
        explicit_bounds=[float(bucket.labels["le"]) for bucket in buckets[:-1]],
        min=unknown,
        max=unknown,
        exemplars=[_exemplar(bucket.exemplar) for bucket in buckets if bucket.exemplar],
        **times,
    )


def _number(sample: Sample, times: Mapping[str, int]) -> NumberDataPoint:
    exemplars = [_exemplar(sample.exemplar)] if sample.exemplar else []
    return NumberDataPoint(attributes=dict(sample.labels), value=sample.value, exemplars=exemplars, **times)


def _exemplar(exemplar: FamilyExemplar) -> Exemplar:
    trace, span = (int(exemplar.labels[name], 16) if name in exemplar.labels else None for name in _IDS)
    others = {name: value for name, value in exemplar.labels.items() if name not in _IDS}
    return Exemplar(others, exemplar.value, int(float(exemplar.timestamp or 0) * 1e9), span, trace)
