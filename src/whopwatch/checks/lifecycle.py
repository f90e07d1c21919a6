"""Announcements that an operation will go, and documented paths that another one stands in for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, Severity, Source

HEADERS = {"deprecation": "", "sunset": "", "warning": "299", "link": "successor-version"}
"""Headers that announce an end, and what their value holds then."""
VERSION = "api-version-date"


def deprecation(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """`Deprecation`, `Sunset` and `Warning` headers on success answers, and a version that only one operation has."""
    tally = Tally("deprecation")
    for operation, answers in evidence.answers.items():
        for answer in answers:
            for header, value in answer.exchange.headers:
                if header in HEADERS and HEADERS[header] in value.lower():
                    tally.add(
                        "D21",
                        Severity.MEDIUM,
                        operation,
                        f"header:{header}",
                        expected="no such header",
                        observed="present",
                        what=f"the header {header} announces its end",
                        witness=answer.number,
                        samples=len(answers),
                    )
    _versions(tally, evidence)
    yield from tally.findings()


def _versions(tally: Tally, evidence: Evidence) -> None:
    """Operations that answer with another version than most."""
    versions = {id: {answer.exchange.header(VERSION) for answer in answers} for id, answers in evidence.answers.items()}
    counts = Counter(version for found in versions.values() for version in found)
    usual = max(counts, key=lambda version: counts[version], default=None)
    for operation, found in versions.items():
        if found != {usual}:
            tally.add(
                "D21",
                Severity.MEDIUM,
                operation,
                f"header:{VERSION}",
                expected="the version of the other operations",
                observed="another one",
                what="another version of the API answers than elsewhere",
                witness=0,
                samples=len(evidence.answers[operation]),
                source=Source.LIVE_LIVE,
            )


def alternate_path(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Where documents name two paths and the one that the contract takes is not the one that answers."""
    tally = Tally("alternate-path")
    for id, answers in evidence.answers.items():
        operation = contract.operations[id]
        names = {parameter.name for parameter in operation.in_("path")}
        for answer in answers:
            if operation.alternate_paths and answer.exchange.path_params.keys() != names:
                tally.add(
                    "D24",
                    Severity.INFO,
                    id,
                    "status",
                    expected=operation.path,
                    observed=" or ".join(operation.alternate_paths),
                    what="another documented path answers than the one the contract takes",
                    witness=answer.number,
                    samples=len(answers),
                    source=Source.DOCS_DOCS,
                )
    yield from tally.findings()
