"""Whether a field is an id until it is asked for as an object, and an object then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity
from whopwatch.oracle.expansion import EXPAND, expandable

LOCATION = f"param:{EXPAND}"
REFUSALS = (400, 422)


def expansion(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold each field that can be expanded against what the request asked for."""
    tally = Tally("expansion")
    for id, exchanges in evidence.by_operation.items():
        names = expandable(contract, contract.operations[id])
        if names:
            answers = evidence.answers.get(id, ())
            for answer in answers:
                _forms(tally, answer, names, len(answers))
            _refused(tally, id, exchanges)
    yield from tally.findings()


def _forms(tally: Tally, answer: Answer, names: tuple[str, ...], samples: int) -> None:
    asked = _asked(answer.exchange)
    for name in names:
        for value in _values(answer, name):
            wanted, other, form = (
                ("object", "string", "expanded") if name in asked else ("string", "object", "as it is")
            )
            if json_type(value) == other:
                tally.add(
                    "D20",
                    Severity.HIGH,
                    answer.operation.id,
                    LOCATION,
                    expected=f"{name}, {form}: {wanted}",
                    observed=other,
                    what=f"{name} has the wrong form where it is {form}",
                    witness=answer.number,
                    samples=samples,
                )


def _refused(tally: Tally, id: str, exchanges: Sequence[Exchange]) -> None:
    """A request that is answered as it is and refused with a documented field to expand."""
    plain = [one for one in exchanges if one.credential == "key" and one.purpose is Purpose.RETRIEVE]
    answered = [one.path_params for one in plain if one.ok and not _asked(one)]
    expanded = [one for one in plain if _asked(one)]
    for number, exchange in enumerate(expanded):
        if exchange.status in REFUSALS and exchange.path_params in answered:
            tally.add(
                "D14",
                Severity.HIGH,
                id,
                LOCATION,
                expected="the documented fields expanded",
                observed=str(exchange.status),
                what="a documented field to expand is refused",
                witness=number,
                samples=len(expanded),
            )


def _asked(exchange: Exchange) -> set[str]:
    return {value for name, value in exchange.query if name == EXPAND}


def _values(answer: Answer, name: str) -> Iterator[Any]:
    """What the items hold in a field. A null, or a type that neither form has, is the business of the schema."""
    for item in answer.items:
        if isinstance(item, dict) and item.get(name) is not None:
            yield item[name]
