"""The request budget: shared, refilled, and paused after a 429."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.prober.support import Time
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.prober.client import DEFAULT_HOLD, LONGEST_HOLD, OnDemandBudget, RequestBudget


def refusal(status: int = 429, retry_after: str | None = None) -> Exchange:
    headers = (("retry-after", retry_after),) if retry_after is not None else ()
    return Exchange("products.list", Purpose.LIST, "GET", "http://t", status=status, headers=headers)


@given(st.lists(st.floats(0, 2), max_size=300), st.floats(40, 1000))
def test_no_minute_has_more_than_the_rate_and_one_burst(gaps: list[float], per_minute: float) -> None:
    time = Time()
    budget, granted = RequestBudget(per_minute, time), []
    for gap in gaps:
        time.now += gap
        if budget.take("products.list") is None:
            granted.append(time.now)
    for begin in granted:
        assert sum(begin <= at < begin + 60 for at in granted) <= per_minute + per_minute / 4 + 1


def test_a_spent_budget_gives_its_reason_and_refills() -> None:
    time = Time()
    budget = RequestBudget(60, time)
    while budget.take("plans.list") is None:
        pass
    assert budget.take("products.list") == "the request budget is spent"
    assert budget.level().remaining < 1
    time.now += budget.level().seconds_until(3)
    assert [budget.take("products.list") for _ in range(4)] == [None, None, None, "the request budget is spent"]


def test_only_the_operation_with_a_429_is_paused_for_retry_after() -> None:
    time = Time()
    budget = RequestBudget(600, time)
    assert budget.hold_after_429(refusal(retry_after="20")) == 20
    assert "paused for another 20 s after a 429" in (budget.take("products.list") or "")
    assert budget.take("plans.list") is None
    time.now += 20
    assert budget.take("products.list") is None


def test_a_429_without_a_usable_retry_after() -> None:
    budget = RequestBudget(600, Time())
    assert budget.hold_after_429(refusal()) == DEFAULT_HOLD
    assert budget.hold_after_429(refusal(retry_after="soon")) == DEFAULT_HOLD
    assert budget.hold_after_429(refusal(retry_after="99999999")) == LONGEST_HOLD
    assert budget.hold_after_429(refusal(status=503, retry_after="20")) == 0


def test_a_smaller_budget_applies_at_once() -> None:
    budget = RequestBudget(6000, Time())
    budget.change_rate(40)
    assert budget.level().limit == budget.level().remaining == 10


def test_probes_on_request_leave_half_of_the_budget_to_scheduled_runs() -> None:
    time = Time()
    shared = RequestBudget(240, time)
    on_demand = OnDemandBudget(100_000, shared, time)
    taken = 0
    while on_demand.take("plans.list") is None:
        taken += 1
    assert taken == shared.level().limit / 2
    assert on_demand.seconds_until_free() > 0
    assert all(shared.take("products.list") is None for _ in range(int(shared.level().limit / 2)))


def test_probes_on_request_have_a_budget_of_their_own() -> None:
    time = Time()
    shared = RequestBudget(6000, time)
    on_demand = OnDemandBudget(12, shared, time)
    for _ in range(10):
        assert on_demand.take("plans.list") is None
    assert on_demand.take("plans.list") == "the budget for probes on request is spent"
    assert 4 < on_demand.seconds_until_free() <= 5
    time.now += 5
    assert on_demand.take("plans.list") is None


def test_a_429_to_a_probe_on_request_pauses_scheduled_runs_too() -> None:
    time = Time()
    shared = RequestBudget(600, time)
    assert OnDemandBudget(12, shared, time).hold_after_429(refusal(retry_after="20")) == 20
    assert "after a 429" in (shared.take("products.list") or "")
