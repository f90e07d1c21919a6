"""Turn differences between an SDK and the API into findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Operation
from whopwatch.core.finding import Confidence, Finding, Occurrence, Severity, Source
from whopwatch.core.names import name_token
from whopwatch.sdk.compare import DATE, ENUM_VALUE, INTEGER, DifferenceKind, ParsingDifference

_CHECK = "sdk"
_PAGE_INFO = "/page_info/"
_MAX_PLACE = 200
"""Characters of a location that the driver reports."""
ALL_OPERATIONS = "all"
_KINDS: Mapping[DifferenceKind, tuple[str, Severity, str]] = {
    "lost": ("D6", Severity.HIGH, "The SDK drops {place}."),
    "changed": ("D7", Severity.HIGH, "The SDK parses {place} to a different value."),
    "added": ("D6", Severity.MEDIUM, "The SDK shows {place}, which is not in the response."),
    "let-through": (
        "D7",
        Severity.HIGH,
        "{place} is not of the type that the SDK declares, and the SDK raises no error.",
    ),
    "missing": ("D5", Severity.HIGH, "The SDK declares {place} as always present, but it is not in the response."),
    "unknown": ("D19", Severity.INFO, "The SDK does not declare {place}, so it has no type."),
}
"""Drift class, severity and message of each kind of difference."""
_WRONG_TYPE_CLASSES = {"null": "D9", ENUM_VALUE: "D10", DATE: "D12", INTEGER: "D8"}
"""The drift class of a wrongly typed value by what was observed or expected; D7 otherwise."""


def difference_findings(operation: str, differences: Iterable[ParsingDifference], samples: int) -> Iterator[Finding]:
    """Yield one finding for each kind of difference at each location."""
    places: dict[tuple[DifferenceKind, str], list[ParsingDifference]] = defaultdict(list)
    for difference in differences:
        places[difference.kind, difference.location].append(difference)
    for (kind, location), found in places.items():
        drift_class, severity, message = _KINDS[kind]
        if kind == "let-through":
            closer = (_WRONG_TYPE_CLASSES.get(word) for word in (found[0].observed, found[0].expected))
            drift_class = next(filter(None, closer), drift_class)
        yield _finding(
            drift_class,
            severity,
            operation,
            location or "/",
            found[0].expected,
            found[0].observed,
            message.format(place=location or "the response"),
            samples=max(samples, len(found)),
            violations=len(found),
        )


def missing_argument_findings(operation: Operation, names: Iterable[Any]) -> Iterator[Finding]:
    """Yield parameters of the API that the release has no argument for."""
    for name in names:
        yield _finding(
            "D2",
            Severity.CRITICAL,
            operation.id,
            f"param:{name}",
            "an argument",
            "no such argument",
            f"The release cannot send {name}, a parameter of the API.",
        )


def response_error_findings(operation: str, places: Iterable[Any]) -> Iterator[Finding]:
    """Yield responses that the release raises an error on, at the locations that its models name."""
    named = dict.fromkeys((_shown_place(str(place)), str(kind)[:60]) for place, kind in places)
    for place, kind in named or {("/", "raises"): None}:
        drift_class = "D5" if kind == "missing" else "D7"
        observed = "absent" if kind == "missing" else f"refused ({kind})"
        message = f"The release raises an error on a response of the API, at {place}."
        yield _finding(drift_class, Severity.CRITICAL, operation, place, "what its models declare", observed, message)


def _shown_place(place: str) -> str:
    """Return a pointer of the driver without names that are data."""
    steps = place[:_MAX_PLACE].split("/")
    return "/".join(step if step in ("", "*") else name_token(step) for step in steps)


def group_page_info(findings: Iterable[Finding]) -> list[Finding]:
    """Merge the findings about `page_info` of all lists: the SDK has one model for it."""
    rest, shared = [], defaultdict(list)
    for finding in findings:
        if finding.location.startswith(_PAGE_INFO):
            shared[finding.drift_class, finding.location].append(finding)
        else:
            rest.append(finding)
    for same in shared.values():
        places = tuple(
            Occurrence(one.operation, one.location, one.fingerprint, one.samples, one.violations) for one in same
        )
        samples, violations = sum(one.samples for one in same), sum(one.violations for one in same)
        whole = replace(same[0], operation=ALL_OPERATIONS, places=places, samples=samples, violations=violations)
        rest.append(same[0] if len(same) == 1 else whole)
    return rest


def pagination_findings(operation: str, walk: Mapping[str, Any], count: int) -> Iterator[Finding]:
    """Yield a finding if the SDK's pagination does not end after `count` items, or ends with another number."""
    if not walk["ended"] and walk["items"] > count:
        yield _finding(
            "D20", Severity.CRITICAL, operation, "param:after", "the end of the list", "another page",
            "The SDK's pagination does not end with the list.",
        )  # fmt: skip
    elif walk["ended"] and walk["items"] != count:
        yield _finding(
            "D20", Severity.CRITICAL, operation, "/data", f"{count} items", f"{walk['items']} items",
            "The SDK's pagination returns another number of items than the list has.",
        )  # fmt: skip


def wrong_status_finding(operation: str, status: int, reported: Any) -> Finding:
    """Return the finding of an error response for which the SDK reports another status."""
    observed = f"an error with status {reported}" if isinstance(reported, int) else "an error without a status"
    return _finding(
        "D15", Severity.HIGH, operation, "status", f"status {status}", observed,
        f"The SDK does not report status {status} of an error response.",
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
        check=_CHECK,
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
