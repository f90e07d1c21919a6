from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from whopwatch.contract import Contract
from whopwatch.diff import result, sides
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import Side, side_of_contract


@pytest.fixture(scope="module")
def editions_compared_once() -> Iterator[None]:
    """Read and compare the same two contracts once a module: that is most of the time of an upgrade."""
    compared: dict[tuple[int, int], tuple[Side, Side, Comparison]] = {}

    def compare(old: Side, new: Side) -> Comparison:
        key = id(old.apis), id(new.apis)
        if key not in compared:  # the sides are kept, so that no other side gets their id
            compared[key] = old, new, compare_sides(old, new)
        return compared[key][2]

    @cache
    def read(contract: Contract, name: str | None = None) -> Side:
        return side_of_contract(contract, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sides, "side_of_contract", read)
        patch.setattr(result, "compare_sides", compare)
        yield
