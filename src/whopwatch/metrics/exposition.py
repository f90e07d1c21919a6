"""A writer of the Prometheus text format and of OpenMetrics: the bytes of prometheus_client, in a tenth of the time.

prometheus_client needs tens of milliseconds for a scrape of 6,000 samples, and holds the interpreter lock meanwhile, so
that no probe can continue. Nearly all of that time formats names, labels and escapes, which never change. Here
prometheus_client writes that text once for each series, and a scrape only formats the values and exemplars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain
from typing import cast

from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from whopwatch.core.redaction import redact

Values = Callable[[], Iterable[float]]
"""Returns the values of one series, in the order of its lines."""
Exemplars = Callable[[], Iterable[Exemplar | None]]
"""Returns the exemplars of one series, in the order of its lines."""
_END = b"# EOF\n"
"""How an OpenMetrics document ends."""

_GO_SWITCHES_TO_EXPONENTS = 1e6
_go_number = cast("Callable[[float], str]", floatToGoString)
_openmetrics = cast("Callable[[CollectorRegistry], bytes]", generate_openmetrics)


def media_type_for(accept: str) -> str:
    """Return the media type to send to a client with this Accept header: OpenMetrics 1.0, or else the text format."""
    try:
        _, chosen = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        return CONTENT_TYPE
    return OPENMETRICS_TYPE if chosen.startswith("application/openmetrics-text") else CONTENT_TYPE


class Exposition:
    """Render `metrics` (Counter, Gauge and Histogram), then `others` (collectors of any kind).

    Exemplars are in OpenMetrics only: the text format has none.
    """

    def __init__(self, metrics: Sequence[MetricWrapperBase], others: Sequence[Collector] = ()) -> None:
        self._families = {
            media_type: [_Family(metric, media_type) for metric in metrics]
            for media_type in (CONTENT_TYPE, OPENMETRICS_TYPE)
        }
        self._others = others

    def render(self, media_type: str = CONTENT_TYPE) -> list[bytes]:
        """Return everything in the format `media_type` (see `media_type_for`), in parts, which saves joining them."""
        parts = [family.text().encode() for family in self._families[media_type]]
        parts += [redact(_text(other.collect(), media_type)).encode() for other in self._others]
        return [*parts, _END] if media_type == OPENMETRICS_TYPE else parts


class _Family:
    """One metric: a template of its lines, and functions that read the values. Rebuilt when its series change."""

    def __init__(self, metric: MetricWrapperBase, media_type: str) -> None:
        self._metric = metric
        self._media_type = media_type
        self._children: dict[tuple[str, ...], MetricWrapperBase] | None = None
        self._header = _text(metric.describe(), media_type).replace("%", "%%")
        self._template = ""
        self._readers: list[Values] = []
        self._exemplars: list[Exemplars] = []

    def text(self) -> str:
        """Return the header and one line for each sample."""
        children = _children(self._metric)
        if children != self._children:  # children compare by identity, so a re-created series counts as new
            self._template = redact("".join([self._header, *_lines(self._metric, children, self._media_type)]))
            self._readers = list(map(_reader, children.values()))
            if self._media_type == OPENMETRICS_TYPE and not isinstance(self._metric, Gauge):
                self._exemplars = list(map(_exemplar_reader, children.values()))
            self._children = children
        values = chain.from_iterable([read() for read in self._readers])
        texts = [repr(value) if 0.0 <= value < _GO_SWITCHES_TO_EXPONENTS else _go_number(value) for value in values]
        for number, exemplar in enumerate(chain.from_iterable([read() for read in self._exemplars])):
            if exemplar:
                texts[number] += _exemplar_text(exemplar)
        return self._template % tuple(texts)


def _children(metric: MetricWrapperBase) -> dict[tuple[str, ...], MetricWrapperBase]:
    if not metric._labelnames:
        return {(): metric}
    with metric._lock:
        return cast("dict[tuple[str, ...], MetricWrapperBase]", metric._metrics.copy())


def _reader(child: MetricWrapperBase) -> Values:
    """Return a function that reads the values of `child`, so that its type is examined once and not at each scrape.

    A value is read without its lock, which only protects additions: taking thousands of locks is most of the cost.
    """
    if isinstance(child, Histogram):
        buckets, total = child._buckets, child._sum

        def read() -> list[float]:
            counts = list(accumulate([bucket._value for bucket in buckets]))
            return [*counts, counts[-1], total._value]

        return read
    assert isinstance(child, Counter | Gauge)
    own = child._value
    return lambda: (own._value,)


def _exemplar_reader(child: MetricWrapperBase) -> Exemplars:
    """Return a function that reads the exemplars of `child`, a Counter or a Histogram."""
    if isinstance(child, Histogram):
        buckets = child._buckets
        return lambda: [*[bucket._exemplar for bucket in buckets], None, None]
    assert isinstance(child, Counter)
    own = child._value
    return lambda: (own._exemplar,)


def _exemplar_text(exemplar: Exemplar) -> str:
    """Return what follows the value of a sample. whopwatch's own labels need no escapes: a run id is hexadecimal."""
    labels = ",".join([f'{name}="{value}"' for name, value in sorted(exemplar.labels.items())])
    return f" # {{{labels}}} {_go_number(exemplar.value)} {exemplar.timestamp}"


def _lines(metric: MetricWrapperBase, series: Iterable[tuple[str, ...]], media_type: str) -> list[str]:
    """Return what prometheus_client writes for `series`, given by their labels, with `%s` for each value."""
    (family,) = metric.describe()
    samples = _samples(metric)
    for labels in series:
        named = dict(zip(metric._labelnames, labels, strict=True))
        for suffix, more in samples:
            family.add_sample(f"{family.name}{suffix}", {**named, **more}, 0.0)
    texts = [line for line in _text([family], media_type).splitlines() if not line.startswith("#")]
    return [f"{line.rpartition(' ')[0].replace('%', '%%')} %s\n" for line in texts]


def _samples(metric: MetricWrapperBase) -> list[tuple[str, dict[str, str]]]:
    """Return the suffix and the additional labels of each sample in a series of `metric`."""
    if isinstance(metric, Histogram):
        bounds = [("_bucket", {"le": _go_number(bound)}) for bound in metric._upper_bounds]
        return [*bounds, ("_count", {}), ("_sum", {})]
    return [("_total" if isinstance(metric, Counter) else "", {})]


class _FixedCollector(Collector):
    """Collect the given families. Defined at module level: a class made per scrape would wait for the collector."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _text(families: Iterable[Metric], media_type: str) -> str:
    """Return what prometheus_client writes for `families`, without the end of a document."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FixedCollector(families))
    if media_type == OPENMETRICS_TYPE:
        return _openmetrics(registry).removesuffix(_END).decode()
    return generate_latest(registry).decode()


__all__ = ["CONTENT_TYPE", "OPENMETRICS_TYPE", "Exposition", "media_type_for"]
