"""What the differences between an SDK and the API come to, in the words of every other finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Operation
from whopwatch.core.finding import Confidence, Finding, Occurrence, Severity, Source
from whopwatch.sdk.compare import A_DATE, A_VALUE, AN_INTEGER, Difference, Kind

CHECK = "sdk"
PAGE_INFO = "/page_info/"
EVERYWHERE = "all"
KINDS: Mapping[Kind, tuple[str, Severity, str]] = {
    "lost": ("D6", Severity.HIGH, "The SDK drops {place}."),
    "changed": ("D7", Severity.HIGH, "The SDK makes something else of {place}."),
    "added": ("D6", Severity.MEDIUM, "The SDK shows {place}, which was not answered."),
    "let-through": ("D7", Severity.HIGH, "{place} is not of the type that the SDK declares, and passes in silence."),
    "missing": ("D5", Severity.HIGH, "The SDK shows {place} as if it were there: it was not answered."),
    "unknown": ("D19", Severity.INFO, "The SDK declares no {place}: it comes without a type."),
}
"""For each kind of difference its class, how much it hurts, and what is said of it."""
LET_THROUGH = {"null": "D9", A_VALUE: "D10", A_DATE: "D12", AN_INTEGER: "D8"}
"""The class of what is let through, where it is more than another type: by what was observed or expected."""


def differing(operation: str, differences: Iterable[Difference], samples: int) -> Iterator[Finding]:
    """One finding for each kind of difference at each place."""
    places: dict[tuple[Kind, str], list[Difference]] = defaultdict(list)
    for difference in differences:
        places[difference.kind, difference.location].append(difference)
    for (kind, location), found in places.items():
        drift_class, severity, message = KINDS[kind]
        if kind == "let-through":
            closer = (LET_THROUGH.get(word) for word in (found[0].observed, found[0].expected))
            drift_class = next(filter(None, closer), drift_class)
        yield _finding(
            drift_class,
            severity,
            operation,
            location or "/",
            found[0].expected,
            found[0].observed,
            message.format(place=location or "the answer"),
            samples=max(samples, 1),
            violations=len(found),
        )


def unknown_argument(operation: Operation, names: Iterable[Any]) -> Iterator[Finding]:
    """Parameters that the API asks for and the release has no argument for."""
    for name in names:
        yield _finding(
            "D2",
            Severity.CRITICAL,
            operation.id,
            f"param:{name}",
            "an argument",
            "no such argument",
            f"The release cannot send {name}, which the API takes.",
        )


def refused_answer(operation: str, places: Iterable[Any]) -> Iterator[Finding]:
    """Answers of the API that the release takes for broken: at the places that its models name, if they name any."""
    named = dict.fromkeys((str(place)[:200], str(kind)[:60]) for place, kind in places)
    for place, kind in named or {("/", "raises"): None}:
        drift_class = "D5" if kind == "missing" else "D7"
        observed = "not there" if kind == "missing" else f"refused ({kind})"
        message = f"The release raises on an answer of the API, at {place}."
        yield _finding(drift_class, Severity.CRITICAL, operation, place, "what its models declare", observed, message)


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those about the page info of all lists as one each: it is one model of the SDK."""
    rest, shared = [], defaultdict(list)
    for finding in findings:
        if finding.location.startswith(PAGE_INFO):
            shared[finding.drift_class, finding.location].append(finding)
        else:
            rest.append(finding)
    for same in shared.values():
        places = tuple(
            Occurrence(one.operation, one.location, one.fingerprint, one.samples, one.violations) for one in same
        )
        samples, violations = sum(one.samples for one in same), sum(one.violations for one in same)
        whole = replace(same[0], operation=EVERYWHERE, places=places, samples=samples, violations=violations)
        rest.append(same[0] if len(same) == 1 else whole)
    return rest


def broken_walk(operation: str, told: Mapping[str, Any], count: int) -> Iterator[Finding]:
    """A walk that goes on behind the last of `count` items, or that ends and has shown another number of them."""
    if not told["ended"] and told["items"] > count:
        yield _finding(
            "D20", Severity.CRITICAL, operation, "param:after", "the end of the list", "another page",
            "The SDK's iteration does not end with the list.",
        )  # fmt: skip
    elif told["ended"] and told["items"] != count:
        yield _finding(
            "D20", Severity.CRITICAL, operation, "/data", f"{count} items", f"{told['items']} items",
            "The SDK's iteration shows another number of items than the list has.",
        )  # fmt: skip


def wrong_error(operation: str, status: int, told: Any) -> Finding:
    """An answer that the SDK takes for something else than it is."""
    observed = f"an error with status {told}" if isinstance(told, int) else "an error without a status"
    return _finding(
        "D15", Severity.HIGH, operation, "status", f"status {status}", observed,
        f"The SDK does not tell status {status} for what it is.",
    )  # fmt: skip


def _finding(
    drift_class: str,
    severity: Severity,
    operation: str,
    location: str,
    expected: str,
    observed: str,
    message: str,
    samples: int = 1,
    violations: int = 1,
) -> Finding:
    return Finding(
        drift_class=drift_class,
        check=CHECK,
        severity=severity,
        operation=operation,
        location=location,
        expected=expected,
        observed=observed,
        message=message,
        samples=samples,
        violations=violations,
        confidence=Confidence.CONFIRMED if samples > 1 else Confidence.SUSPECTED,
        source=Source.SDK_CONTRACT,
    )
