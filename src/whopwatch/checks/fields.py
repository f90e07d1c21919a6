"""What a schema has no keyword for: fields that nobody documented, ids with the wrong prefix."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.contract.schema import pointer_of
from whopwatch.contract.schema_tree import Path, schemas_of
from whopwatch.core.finding import Finding, Severity


def fields(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report each undocumented field once, and each place where an id does not begin as documented."""
    tally = Tally("fields")
    schemas = schemas_of(contract)
    for answer in evidence.inexact:
        for path, prefixes in schemas.of(answer.operation).undocumented(answer.value):
            _count(tally, answer, path, prefixes, evidence)
    yield from tally.findings()


def _count(tally: Tally, answer: Answer, path: Path, prefixes: tuple[str, ...] | None, evidence: Evidence) -> None:
    operation, location = answer.operation.id, pointer_of(path)
    in_item = answer.operation.is_list and path[:1] == ("data",) and len(path) > 1
    witness = (answer.number, path[1] if in_item else None)
    samples = evidence.samples(operation) if in_item else len(evidence.answers[operation])
    if prefixes is None:
        tally.add(
            "D19",
            Severity.INFO,
            operation,
            location,
            expected="documented fields",
            observed="a field that no document names",
            what=f"{location} is not documented",
            witness=witness,
            samples=samples,
        )
    else:
        tally.add(
            "D12",
            Severity.HIGH,
            operation,
            location,
            expected=f"an id that begins with {' or '.join(prefixes)}",
            observed="another beginning",
            what=f"{location} does not begin as its ids are documented to",
            witness=witness,
            samples=samples,
        )
