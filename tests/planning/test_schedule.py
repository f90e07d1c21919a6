"""What does not fit into one night is asked in turn, until all of it was."""

from __future__ import annotations

from math import ceil

import pytest

from whopwatch.contract import Contract
from whopwatch.planning.schedule import ROTATION_DIVISOR, rotating
from whopwatch.planning.state import RunState


def asked(contract: Contract, night: int, budget: int) -> list[tuple[object, str]]:
    state = RunState(contract, {operation.id for operation in contract.reads if operation.api == "v1"}, night, budget)
    return [(step, operation.id) for step, operation in rotating(state)]


@pytest.mark.parametrize("budget", [600, 2000])
def test_consecutive_nights_leave_no_question_out(contract: Contract, budget: int) -> None:
    step = budget // ROTATION_DIVISOR
    every = set(asked(contract, 0, budget))
    nights = ceil(len(every) / step)

    seen = {question for night in range(nights) for question in asked(contract, night, budget)[:step]}

    assert seen == every
    assert nights <= (14 if budget == 600 else 5)


def test_a_night_asks_a_little_of_everything(contract: Contract) -> None:
    tonight = asked(contract, 3, 600)[:75]

    assert len({step for step, _ in tonight}) >= 18
    assert len({operation for _, operation in tonight}) >= 40
