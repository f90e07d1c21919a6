"""Every probe once: how long it is tried to see something of each operation."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.probe.support import CONTRACT, Reply, page, probe, prober
from whopwatch.client.call import Call
from whopwatch.finding import Report
from whopwatch.plan.pool import TRIES
from whopwatch.probe.once import probe_once
from whopwatch.probe.prober import Prober


def once(runner: Prober, *operations: str) -> Report:
    return probe_once(CONTRACT, runner, [probe(each) for each in operations], "t", sleep=lambda _: None)


def asked_with(name: str, calls: list[Call]) -> list[str | None]:
    return [dict(call.query).get(name) for call in calls]


@pytest.mark.parametrize(("full", "tried"), [("exp_19", 5), ("exp_99", TRIES)])
def test_parents_are_tried_until_one_has_items_or_as_many_as_a_check_tries(full: str, tried: int) -> None:
    def answer(call: Call) -> Reply:
        if call.operation.id == "experiences.list":
            return page(*({"id": f"exp_{number}"} for number in range(30)))
        return page({"id": "post_1"}) if call.query[0] == ("experience_id", full) else page()

    runner, door = prober(answer, probe("forum_posts.list"))
    once(runner, "experiences.list", "forum_posts.list")
    parents = asked_with("experience_id", [call for call in door.calls if call.operation.id == "forum_posts.list"])
    assert len(set(parents)) == tried
    assert len(parents) <= tried + 2


def test_a_list_without_parents_is_not_asked_for_ever() -> None:
    runner, door = prober(lambda _: page(), probe("invoices.list"))
    once(runner, "invoices.list", "forum_posts.list")
    assert "invoices.list" in door.asked
    assert max(Counter(door.asked).values()) <= 3


def test_ids_of_several_resources_take_turns() -> None:
    def answer(call: Call) -> Reply:
        shown = {"messages.list": [{"id": "msg_1"}], "forum_posts.list": [{"id": f"post_{n}"} for n in range(9)]}
        return page(*shown.get(call.operation.id, [{"id": "exp_1"}]))

    runner, door = prober(
        lambda call: page() if call.operation.id == "reactions.list" else answer(call), probe("reactions.list")
    )
    once(runner, "experiences.list", "messages.list", "forum_posts.list", "reactions.list")
    asked = asked_with("resource_id", [call for call in door.calls if call.operation.id == "reactions.list"])
    assert {"msg_1", *(f"post_{number}" for number in range(9))} == set(asked)
