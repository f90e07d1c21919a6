"""Compare the values that an SDK parsed with the response, and turn the differences into findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from whopwatch.contract import Operation
from whopwatch.core.finding import Confidence, Finding, Occurrence, Severity, Source
from whopwatch.core.redaction import name_token

DifferenceKind = Literal["lost", "changed", "let-through", "missing", "unknown", "added"]
ENUM_VALUE, DATE, INTEGER = "one of the declared values", "a date", "an integer"
_TAG = "~"
_DECLARED_TYPE = "the declared type"
_EXPECTED_BY_ERROR = (
    ("string", ("literal_error", "enum"), ENUM_VALUE),
    ("string", ("datetime_type", "date_type"), DATE),
    ("number", ("int_type", "int_from_float"), INTEGER),
)
"""The JSON type of a value, the pydantic error types, and what the value was expected to be."""
_DATES = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}
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


@dataclass(frozen=True, slots=True)
class ParsingDifference:
    """One difference between a response and the parsed value. `location` is a JSON pointer with `*` for items.

    `lost`: in the response, but not parsed. `changed`: parsed to a different value. `added`: not in the response.
    `let-through`: parsed although it is not of the declared type. `unknown`: parsed although it is not declared.
    `missing`: declared as always present, but not in the response.
    """

    kind: DifferenceKind
    location: str
    expected: str
    observed: str


def compare_parsed(response: Any, parsed: Any, location: str = "") -> Iterator[ParsingDifference]:
    """Yield the differences between a JSON value and the parsed value, in which models and dates are tagged."""
    if isinstance(parsed, Mapping) and _TAG in parsed:
        kind, value = parsed[_TAG], parsed.get("v")
        if isinstance(value, Mapping):
            yield from _model_differences(parsed, response, location)
            yield from _compare_objects(response, value, location)
        elif kind in _DATES:
            yield from _compare_dates(response, kind, value, location)
        else:
            yield ParsingDifference("changed", location, _kind(response), f"a {kind}")
    elif isinstance(parsed, Mapping):
        yield from _compare_objects(response, parsed, location)
    elif isinstance(parsed, list):
        yield from _compare_lists(response, parsed, location)
    elif not _is_same(response, parsed):
        observed = _kind(parsed) if _kind(parsed) != _kind(response) else "another value"
        yield ParsingDifference("changed", location, _kind(response), observed)


def wrong_type(response: Any, errors: Collection[str], location: str = "") -> ParsingDifference:
    """Return the difference of a value that the SDK parses although pydantic finds it of a wrong type."""
    kind = _kind(response)
    expected = (word for own, names, word in _EXPECTED_BY_ERROR if own == kind and not set(names).isdisjoint(errors))
    return ParsingDifference("let-through", location, next(expected, _DECLARED_TYPE), kind)


def _model_differences(model: Mapping[str, Any], response: Any, location: str) -> Iterator[ParsingDifference]:
    """Yield the undeclared, missing and wrongly typed fields of a model, as the driver reports them."""
    values = response if isinstance(response, Mapping) else {}
    for name in model.get("x", ()):
        yield ParsingDifference(
            "unknown", f"{location}/{name_token(name)}", "a declared field", _kind(values.get(name))
        )
    for name in model.get("m", ()):
        yield ParsingDifference("missing", f"{location}/{name_token(name)}", "a required field", "nothing")
    for name, errors in model.get("u", {}).items():
        yield wrong_type(values.get(name), errors, f"{location}/{name_token(name)}")


def _compare_objects(response: Any, parsed: Mapping[str, Any], location: str) -> Iterator[ParsingDifference]:
    if not isinstance(response, Mapping):
        yield ParsingDifference("changed", location, _kind(response), "object")
        return
    for name, value in response.items():
        if name in parsed:
            yield from compare_parsed(value, parsed[name], f"{location}/{name_token(name)}")
        else:
            yield ParsingDifference("lost", f"{location}/{name_token(name)}", _kind(value), "nothing")
    for name in parsed.keys() - response.keys():
        if parsed[name] is not None:
            yield ParsingDifference("added", f"{location}/{name_token(name)}", "nothing", _kind(parsed[name]))


def _compare_lists(response: Any, parsed: list[Any], location: str) -> Iterator[ParsingDifference]:
    if not isinstance(response, list) or len(response) != len(parsed):
        observed = f"array of {len(parsed)}" if isinstance(response, list) else "array"
        yield ParsingDifference("changed", location, _kind(response), observed)
        return
    for one, other in zip(response, parsed, strict=True):
        yield from compare_parsed(one, other, f"{location}/*")


def _compare_dates(response: Any, kind: str, value: Any, location: str) -> Iterator[ParsingDifference]:
    """Compare dates by the moment: they can be written in different ways."""
    try:
        if isinstance(response, str) and _DATES[kind](response.replace("Z", "+00:00")) == _DATES[kind](value):
            return
    except (TypeError, ValueError):
        pass
    yield ParsingDifference("changed", location, _kind(response), kind)


def _is_same(response: Any, parsed: Any) -> bool:
    """Return whether two scalars are the same JSON value: 1 and 1.0 are, 1 and true are not."""
    return parsed == response and isinstance(parsed, bool) is isinstance(response, bool)


def _kind(value: Any) -> str:
    """Return the JSON type of a value, or the tag of another type."""
    if isinstance(value, Mapping):
        return str(value.get(_TAG, "object"))[:60]
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)


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
