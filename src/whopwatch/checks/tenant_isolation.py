"""Check that the items of a list belong to what was requested: the company, the payment, the course."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import value_at
from whopwatch.oracle.list_rules import OTHER_OWNER

OwnerPaths = tuple[tuple[str, ...], ...]


def tenant_isolation(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare the owner that each item shows, if it shows one, with the id in the request."""
    for id, responses in evidence.responses.items():
        owners = dict(_owners(contract, contract.operations[id]))
        for success in responses if owners else ():
            for name, paths in owners.items():
                wanted = success.exchange.query_value(name)
                first_steps = {path[0] for path in paths}
                for number, item in enumerate(success.items if wanted else ()):
                    has_owner = isinstance(item, dict) and not item.keys().isdisjoint(first_steps)
                    if has_owner and _is_foreign(item, paths, wanted):
                        findings.report(
                            OTHER_OWNER,
                            id,
                            f"param:{name}",
                            sample=(success.index, number),
                            exchange=success.exchange,
                            samples=evidence.samples(id),
                            unit="item",
                            param=name,
                        )


def _owners(contract: Contract, operation: Operation) -> Iterator[tuple[str, OwnerPaths]]:
    """Yield the required parameters of a list that name an owner, and the paths at which its items show it."""
    declared = contract.behaviour.owners
    for parameter in operation.required_query if operation.is_list else ():
        if parameter.resource and parameter.name in declared:
            yield parameter.name, tuple(tuple(path.split(".")) for path in declared[parameter.name].split("|"))


def _is_foreign(item: Any, paths: OwnerPaths, wanted: str | None) -> bool:
    shown = [value_at(item, path) for path in paths]
    known = [value for value in shown if isinstance(value, str)]
    return bool(known) and wanted not in known
