"""Whether the items of a list belong to what the list was asked for: the company, the payment, the course."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import value_at
from whopwatch.core.finding import Finding, Severity


def asked_for(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold what each item shows of its owner against the id that the request named, where it shows one."""
    tally = Tally("asked-for")
    for id, answers in evidence.answers.items():
        paths = dict(_owners(contract, contract.operations[id]))
        for answer in answers if paths else ():
            for name, steps in paths.items():
                wanted = answer.exchange.query_value(name)
                begun = {path[0] for path in steps}
                strangers = [
                    number
                    for number, item in enumerate(answer.items if wanted else ())
                    if isinstance(item, dict) and not item.keys().isdisjoint(begun) and _is_strange(item, steps, wanted)
                ]
                for number in strangers:
                    tally.add(
                        "D20",
                        Severity.CRITICAL,
                        id,
                        f"param:{name}",
                        expected="items of what was asked for",
                        observed="an item of something else",
                        what=f"an item belongs to another {name} than the one asked for",
                        witness=(answer.number, number),
                        samples=evidence.samples(id),
                    )
    yield from tally.findings()


def _owners(contract: Contract, operation: Operation) -> Iterator[tuple[str, tuple[tuple[str, ...], ...]]]:
    """The required parameters of a list that name an owner, and where its items would show it."""
    declared = contract.behaviour.owners
    for parameter in operation.required_query if operation.is_list else ():
        if parameter.resource and parameter.name in declared:
            yield parameter.name, tuple(tuple(path.split(".")) for path in declared[parameter.name].split("|"))


def _is_strange(item: Any, paths: tuple[tuple[str, ...], ...], wanted: str | None) -> bool:
    shown = [value_at(item, path) for path in paths]
    known = [value for value in shown if isinstance(value, str)]
    return bool(known) and wanted not in known
