"""Bodies follow the contract, and invalid bodies break it, for every write of the contract."""

from __future__ import annotations

from itertools import count

import pytest

from whopwatch.contract import Contract, Operation, load
from whopwatch.core.pointers import escape_pointer
from whopwatch.planning.writes.bodies import BodyBuilder

CONTRACT = load()
WRITES = [one for one in CONTRACT.operations.values() if one.api == "v1" and one.body is not None]


def _bodies(contract: Contract) -> BodyBuilder:
    numbers = count(1)
    return BodyBuilder(contract, lambda resource: f"{resource}_1", lambda: str(next(numbers)))


def _keeps(operation: Operation, body: object) -> bool:
    place = f"/paths/{escape_pointer(operation.path)}/{operation.method.lower()}"
    pointer = f"{place}/requestBody/content/application~1json/schema"
    return CONTRACT.validator(pointer, operation.api).is_valid(body)


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.id)
def test_a_body_keeps_the_contract(operation: Operation) -> None:
    bodies = _bodies(CONTRACT)
    assert _keeps(operation, bodies.minimal(operation))
    assert _keeps(operation, bodies.full(operation))
    invalid = bodies.invalid(operation, bodies.minimal(operation))
    assert invalid is None or not _keeps(operation, invalid)


def test_a_change_gives_every_plain_field_another_value() -> None:
    bodies, update = _bodies(CONTRACT), CONTRACT.operation("products.update")
    before = bodies.changed(update, {})
    after = bodies.changed(update, before)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] == after[name]] == []


def test_what_is_declared_is_there() -> None:
    named = [*CONTRACT.write_effects.simulator_only, *CONTRACT.write_effects.renamed, *CONTRACT.write_effects.actions]
    assert [name for name in named if name not in CONTRACT.operations and name not in CONTRACT.resources] == []
    actions = {one.id for one in CONTRACT.operations.values() if one.method == "POST" and "{" in one.path}
    assert CONTRACT.write_effects.actions.keys() == actions


@pytest.mark.parametrize("id", ["payments.refund", "withdrawals.create", "topups.create", "access_tokens.create"])
def test_what_moves_money_or_hands_out_a_key_has_a_reason_against_it(id: str) -> None:
    assert CONTRACT.write_effects.reason_against(CONTRACT.operation(id))
