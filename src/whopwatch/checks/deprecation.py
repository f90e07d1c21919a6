"""Check for announcements that an operation will be removed, removed properties, and paths that replace others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import VERSION_PATTERN
from whopwatch.contract.schema import pointer_of
from whopwatch.core.finding import Rule, Severity, Source, shown_value
from whopwatch.oracle.documented_fields import MIN_OBJECTS, deprecated_properties

ANNOUNCEMENTS: Mapping[str, str] = {"deprecation": "", "sunset": "", "warning": "299", "link": "successor-version"}
"""Headers that announce a removal, and what their value contains then.

Code 299 of `Warning` is a persistent warning (RFC 7234, 5.5.7); `successor-version` is a link relation (RFC 5829).
"""

NEAR_DAYS = 30
"""Days before the date of a `Sunset` header from which on the removal is high."""

_DATE = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|\d{4}-\d\d-\d\d(?:T[\d:.]{5,15}Z)?"
_HEADER_VALUE = re.compile(rf"true|@\d{{1,12}}|{_DATE}", re.ASCII)

REMOVAL_ANNOUNCED = Rule(
    "deprecation/announced",
    "D21",
    Severity.MEDIUM,
    "no such header",
    "{observed}",
    "the header {header} announces its removal",
)
REMOVAL_NEAR = Rule(
    "deprecation/near",
    "D21",
    Severity.HIGH,
    "no such header",
    "{observed}",
    "the header {header} announces its removal within {days} days",
)
OTHER_VERSION = Rule(
    "deprecation/other-version",
    "D21",
    Severity.MEDIUM,
    "{usual}",
    "{observed}",
    "its responses have another API version than those of other operations",
    Source.LIVE_LIVE,
)
ALTERNATE_PATH = Rule(
    "alternate-path/other-path",
    "D24",
    Severity.INFO,
    "{path}",
    "{others}",
    "another documented path works than the one in the contract",
    Source.DOCS_DOCS,
)
PROPERTY_REMOVED = Rule(
    "removal/deprecated-property",
    "D6",
    Severity.MEDIUM,
    "the deprecated property, as long as it is documented",
    "absent from all of {count} objects",
    "the deprecated property {name} is missing",
)


def announced_removal(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report headers that announce a removal, and an API version that one operation alone has."""
    for operation, responses in evidence.responses.items():
        for success in responses:
            for header, value in success.exchange.headers:
                if header in ANNOUNCEMENTS and ANNOUNCEMENTS[header] in value.lower():
                    is_near = header == "sunset" and _is_near(value, success.exchange.started_at)
                    findings.report(
                        REMOVAL_NEAR if is_near else REMOVAL_ANNOUNCED,
                        operation,
                        f"header:{header}",
                        sample=success.index,
                        exchange=success.exchange,
                        samples=len(responses),
                        header=header,
                        days=NEAR_DAYS,
                        observed=shown_value(value, _HEADER_VALUE, "present"),
                    )
    _report_versions(evidence, findings)


def _is_near(sunset: str, now: float) -> bool:
    """Return whether the date of a `Sunset` header is near or past; `now` is in seconds since the epoch."""
    try:
        date = parsedate_to_datetime(sunset) if "," in sunset else datetime.fromisoformat(sunset)
        known = date if date.tzinfo else date.replace(tzinfo=UTC)
        return known.timestamp() - now <= NEAR_DAYS * 86_400
    except (ValueError, OverflowError):
        return False


def _report_versions(evidence: Evidence, findings: FindingCollector) -> None:
    """Report operations whose responses have another version than most."""
    versions = {
        id: {success.exchange.header(VERSION_HEADER) for success in responses}
        for id, responses in evidence.responses.items()
    }
    counts = Counter(version for found in versions.values() for version in found)
    usual = max(counts, key=lambda version: counts[version], default=None)
    for operation, found in versions.items():
        if found != {usual}:
            findings.report(
                OTHER_VERSION,
                operation,
                f"header:{VERSION_HEADER.lower()}",
                sample=0,
                samples=len(evidence.responses[operation]),
                exchange=evidence.responses[operation][0].exchange,
                usual=shown_value(usual, VERSION_PATTERN, "the version of the other operations"),
                observed=", ".join(
                    sorted({shown_value(one, VERSION_PATTERN, "another version") for one in found - {usual}})
                ),
            )


def alternate_path(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report operations for which another documented path works than the one in the contract."""
    for id, responses in evidence.responses.items():
        operation = contract.operations[id]
        names = {parameter.name for parameter in operation.in_("path")}
        for success in responses:
            if operation.alternate_paths and success.exchange.path_params.keys() != names:
                findings.report(
                    ALTERNATE_PATH,
                    id,
                    "status",
                    sample=success.index,
                    exchange=success.exchange,
                    samples=len(responses),
                    path=operation.path,
                    others=" or ".join(operation.alternate_paths),
                )


def deprecated_property_removed(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each deprecated property that none of several objects has: it may have been removed."""
    for id, responses in evidence.responses.items():
        operation = contract.operations[id]
        names = deprecated_properties(contract, id)
        objects = _objects(responses) if names else {}
        missing = [name for name in names if not any(name in item for item in objects.values())]
        for name in missing if len(objects) >= MIN_OBJECTS else ():
            location = pointer_of(("data", 0, name) if operation.is_list else (name,))
            for sample in objects:
                findings.report(
                    PROPERTY_REMOVED,
                    id,
                    location,
                    sample=sample,
                    samples=len(objects),
                    unit="object",
                    name=name,
                    count=len(objects),
                )


def _objects(responses: Sequence[SuccessResponse]) -> Mapping[str, Mapping[str, Any]]:
    """Return every object that was seen, by id, with its properties from all responses."""
    seen: dict[str, dict[str, Any]] = {}
    for success in responses:
        for item in success.items:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                seen.setdefault(item["id"], {}).update(item)
    return seen
