"""Announcements that an operation will go, and documented paths that another one stands in for."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.finding import Finding, Severity, Source

HEADERS = ("deprecation", "sunset")


def deprecation(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """`Deprecation` and `Sunset` headers on success answers."""
    tally = Tally("deprecation")
    for operation, answers in evidence.answers.items():
        for answer in answers:
            for header in HEADERS:
                if answer.exchange.header(header) is not None:
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
    yield from tally.findings()


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
