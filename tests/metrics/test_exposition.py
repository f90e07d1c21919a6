"""The fast exposition writes what prometheus_client writes, byte for byte."""

from __future__ import annotations

import math
import shutil
import subprocess

import pytest
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import CollectorRegistry

from tools.docs.metrics import sections
from whopwatch.metrics import CONTENT_TYPE, OPENMETRICS_TYPE, Exposition, media_type_for, new_registry


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry()


@pytest.mark.parametrize(
    "value", [0, 1, 0.1, 12345.678, 999999.0, 1e6, 1234567.0, 1.79e9, 1e21, 1e-9, -3.5, math.inf, -math.inf, math.nan]
)
def test_numbers_of_every_kind(registry: CollectorRegistry, value: float) -> None:
    gauge = Gauge("g", "help", registry=registry)
    gauge.set(value)
    assert b"".join(Exposition([gauge]).render()) == generate_latest(registry)


def test_counters_histograms_and_labels_that_need_escapes(registry: CollectorRegistry) -> None:
    counter = Counter("c", 'multi\nline \\ "help"', ["b", "a"], registry=registry)
    histogram = Histogram("h", "help", ["operation"], buckets=(0.1, 1, 1e7), registry=registry)
    plain = Histogram("p", "help", registry=registry)
    counter.labels('quo"ted', "back\\slash\nline").inc(3)
    counter.labels("ünï 100 % %s", "").inc(0.5)
    for seconds in (0.05, 0.5, 5, 1e8):
        histogram.labels("products.list").observe(seconds)
        plain.observe(seconds)
    assert b"".join(Exposition([counter, histogram, plain]).render()) == generate_latest(registry)


def test_series_are_added_changed_and_removed(registry: CollectorRegistry) -> None:
    counter = Counter("c", "help", ["operation"], registry=registry)
    exposition = Exposition([counter])
    assert b"".join(exposition.render()) == generate_latest(registry)
    for name in ("a", "b", "c"):
        counter.labels(name).inc()
        assert b"".join(exposition.render()) == generate_latest(registry)
    counter.remove("b")
    assert b"".join(exposition.render()) == generate_latest(registry)
    assert b'"b"' not in b"".join(exposition.render())
    counter.remove("a")
    counter.labels("b").inc(7)
    assert b"".join(exposition.render()) == generate_latest(registry)
    counter.remove("b")
    counter.labels("b").inc()  # the same labels, another series
    assert b"".join(exposition.render()) == generate_latest(registry)


def test_other_collectors_follow(registry: CollectorRegistry) -> None:
    gauge, other = Gauge("g", "help", registry=registry), Gauge("other", "help", ["x"], registry=registry)
    other.labels("y").set(2)
    assert b"".join(Exposition([gauge], [other]).render()) == generate_latest(registry)


def test_openmetrics_has_the_exemplars_of_the_library(registry: CollectorRegistry) -> None:
    counter = Counter("c", "100 % help", ["operation"], registry=registry)
    histogram = Histogram("h", "help", buckets=(0.1, 1), registry=registry)
    gauge = Gauge("g", "help", registry=registry)
    other = Gauge("other", "help", registry=registry)
    exposition = Exposition([counter, histogram, gauge], [other])
    counter.labels("products.list").inc(1, {"run_id": "00ff"})
    counter.labels("plans.list").inc()
    histogram.observe(0.05, {"run_id": "00aa"})
    histogram.observe(5, {"run_id": "00bb"})
    text = b"".join(exposition.render(OPENMETRICS_TYPE))
    assert text == generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    assert text.count(b"run_id") == 3
    assert b"".join(exposition.render()) == generate_latest(registry)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", CONTENT_TYPE),
        ("text/html, */*", CONTENT_TYPE),
        ("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5", CONTENT_TYPE),
        ("application/openmetrics-text", OPENMETRICS_TYPE),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.4", OPENMETRICS_TYPE),
        ("text/plain;version=1.0.0,application/openmetrics-text;version=1.0.0", CONTENT_TYPE),
        ("application/openmetrics-text;version=9.9.9", OPENMETRICS_TYPE),
        ("application/openmetrics-text;version=x.y", CONTENT_TYPE),
        ("," * 9000, CONTENT_TYPE),
    ],
)
def test_the_client_chooses_the_format_and_never_its_text(accept: str, expected: str) -> None:
    assert media_type_for(accept) == expected


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
@pytest.mark.parametrize("title", [title for title, _, _ in sections()])
def test_promtool_accepts_the_metrics_of_every_program(title: str, registry: CollectorRegistry) -> None:
    for metric in next(metrics for name, _, metrics in sections() if name == title):
        registry.register(metric)
    text = generate_latest(registry)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
