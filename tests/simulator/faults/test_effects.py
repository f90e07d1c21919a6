"""Each fault changes what its operation answers, and nothing that another one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count, islice, zip_longest
from random import Random

import pytest

from tests.simulator.asker import Asker
from tests.simulator.faults.after_writes import answers_after_writes
from tests.simulator.faults.questions import Answer, answers, one_each
from whopwatch.contract import Contract, Operation, load
from whopwatch.simulator import Backend, SimulatorOptions
from whopwatch.simulator.faults import Fault, InjectedFault, fault_catalogue, first_place, inject, pages

pytestmark = pytest.mark.thorough

Asked = Callable[[Operation, bool], list[Answer]]


def _world(contract: Contract) -> Asker:
    return Asker(Backend(contract, SimulatorOptions(rate_limit=10**9)), contract)


def _asking(ask: Asker, operation: Operation, after_writes: bool) -> Iterator[Answer]:
    return answers_after_writes(ask, operation) if after_writes else answers(ask, operation)


@pytest.fixture(scope="module")
def clean() -> Asked:
    """What a world without faults answers, asked once for each operation."""
    contract = load()

    @cache
    def answered(id: str, after_writes: bool) -> list[Answer]:
        return list(_asking(_world(contract), contract.operation(id), after_writes))

    return lambda operation, after_writes: answered(operation.id, after_writes)


@pytest.fixture(scope="module")
def shared() -> Asker:
    """A world for the faults that change nothing in it."""
    return _world(load())


@pytest.fixture(scope="module")
def peaceful(shared: Asker) -> dict[str, Answer]:
    """One answer of each operation without a fault."""
    return one_each(shared)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances by ten seconds each time it is read."""
    seconds = count(step=10)
    monkeypatch.setattr(pages, "monotonic", lambda: next(seconds))


ANSWERS = [name for name, fault in fault_catalogue().items() if fault.sees not in ("webhook", "mcp")]
"""Faults in what the API answers."""


def _befalls_reads_after_writes(fault: Fault, operation: Operation) -> bool:
    return fault.sees == "write" and operation.is_read


def _planted(shared: Asker, name: str) -> InjectedFault:
    planted = first_place(load(), shared.backend.world, fault_catalogue()[name])
    assert planted
    return planted


@pytest.mark.parametrize("name", ANSWERS)
def test_a_fault_shows_at_its_operation(shared: Asker, clean: Asked, name: str) -> None:
    fault, operation = fault_catalogue()[name], _planted(shared, name).operation
    after_writes = _befalls_reads_after_writes(fault, operation)
    ask = _world(load()) if fault.sees == "write" else shared

    ask.backend.faults.switch([f"{name}@{operation.id}"])
    try:
        shown = _asking(ask, operation, after_writes)
        differs = any(one != other for one, other in zip_longest(shown, clean(operation, after_writes)))
    finally:
        ask.backend.faults.switch([])

    assert differs
    if fault.sees != "write":
        assert ask.backend.world.version == 0


def test_no_fault_shows_at_another_operation(shared: Asker, peaceful: dict[str, Answer]) -> None:
    """Ten faults of one operation at once: what one of them does elsewhere, the others cannot undo."""
    of_operation: dict[str, list[str]] = {}
    for name in ANSWERS:
        of_operation.setdefault(_planted(shared, name).operation.id, []).append(name)
    for id, names in of_operation.items():
        elsewhere = {other: answer for other, answer in peaceful.items() if other != id}
        for start in range(0, len(names), 10):
            some = names[start : start + 10]
            shared.backend.faults.switch([f"{name}@{id}" for name in some])
            try:
                assert one_each(shared, besides=id) == elsewhere, some
            finally:
                shared.backend.faults.switch([])


def test_responses_without_faults_are_repeatable(clean: Asked) -> None:
    contract = load()
    for id in ("products.list", "products.retrieve"):
        operation = contract.operation(id)
        assert list(_asking(_world(contract), operation, False)) == clean(operation, False)
        assert list(_asking(_world(contract), operation, True)) == clean(operation, True)


COMPOSED = ["payments.list", "payments.list_fees", "payment_methods.list", "products.retrieve", "v2.plans.retrieve"]
OWN_FAILURE = b"went wrong on our side"


@pytest.mark.parametrize("id", COMPOSED)
def test_faults_compose(shared: Asker, id: str) -> None:
    """Any two at one operation: nothing but what they declare goes wrong."""
    contract, random = load(), Random(id)  # noqa: S311
    operation = contract.operation(id)
    here = [f.name for f in fault_catalogue().values() if f.sees != "write" and _fits(shared, f, operation)]
    for one, other in zip(here, random.sample(here, len(here)), strict=True):
        shared.backend.faults.switch([f"{one}@{id}", f"{other}@{id}"])
        said = [body for *_, body in islice(answers(shared, operation), 12)]
        assert not any(OWN_FAILURE in body for body in said), (one, other)
    shared.backend.faults.switch([])


def _fits(ask: Asker, fault: Fault, operation: Operation) -> bool:
    return inject(ask.contract, ask.backend.world, fault, operation) is not None


def test_both_of_two_faults_show(shared: Asker) -> None:
    shared.backend.faults.switch(["field-renamed@products.list", "item-skipped@products.list", "sunset@products.list"])
    first = shared.operation("products.list", {"first": 3})
    second = shared.operation("products.list", {"first": 3, "after": first.info["end_cursor"]})
    shared.backend.faults.switch([])
    ids = shared.operation("products.list", {"first": 9}).ids
    assert first.ids + second.ids == ids[:3] + ids[4:7]
    assert "sunset" in first.response.headers
    assert all("renamed_field" in item for item in second.json["data"])


def test_removed_faults_have_no_effect(shared: Asker, peaceful: dict[str, Answer]) -> None:
    shared.backend.faults.switch(["item-skipped", "field-missing", "error-flat", "body-nan"])
    assert one_each(shared) != peaceful
    shared.backend.faults.switch([])
    assert shared.backend.faults.active == ()
    assert one_each(shared) == peaceful
