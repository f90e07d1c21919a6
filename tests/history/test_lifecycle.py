"""The lifecycle of findings: new, known, worse, flapping, fixed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.history.factories import finding, night, row
from whopwatch.checks import Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity
from whopwatch.core.report import State
from whopwatch.history import Records
from whopwatch.history.lifecycle import (
    MAX_DIGESTS,
    clean_samples_needed,
    samples_rechecked,
    update_lifecycle,
)
from whopwatch.history.profile import OperationProfile
from whopwatch.history.rules import history_rules

RULES = history_rules()
RULE = RULES.lifecycle
PLACE = ("products.list", "/data/*/title")


class Nights:
    """Findings night by night. `samples` is the number of samples that each night rechecks."""

    def __init__(self) -> None:
        self.records, self.number = Records(salt=b""), 0

    def run(
        self,
        *found: Finding,
        samples: int = 10,
        digests: Mapping[tuple[str, str], frozenset[str]] | None = None,
    ) -> list[Finding]:
        self.number += 1
        return list(update_lifecycle(self.records, found, night(self.number), RULE, lambda _: samples, digests or {}))

    def states(self, *found: Finding, samples: int = 10) -> list[str]:
        return [str(one.state) for one in self.run(*found, samples=samples)]


def test_new_known_fixed_gone() -> None:
    nights = Nights()
    assert nights.states(finding()) == ["new"]
    assert nights.states(finding()) == ["known"]
    assert nights.states(samples=0) == ["known"]
    assert nights.states() == ["fixed"]
    assert nights.states() == []


def test_a_finding_not_seen_again_says_on_how_many_samples() -> None:
    nights = Nights()
    nights.run(finding(samples=40, violations=2, location=""), samples=40)
    (maybe,) = nights.run(samples=40)
    assert maybe.message.endswith("is missing (4 of 4 seen). Not seen in 40 samples since, which may be chance.")
    (fixed,) = nights.run(samples=40)
    assert fixed.message == "products.list: the response is as expected again (80 samples rechecked)."


def test_a_finding_that_comes_back_keeps_its_first_night() -> None:
    nights = Nights()
    nights.run(finding())
    nights.run()
    (back,) = nights.run(finding())
    assert back.first_seen == night(1).started_at


def test_a_rare_finding_needs_more_clean_samples_to_be_fixed() -> None:
    nights = Nights()
    nights.run(finding(samples=40, violations=2), samples=40)
    states = [nights.states(samples=40)[0] for _ in range(2)]
    assert states == ["known", "fixed"]
    assert clean_samples_needed(2, 40, RULE) == 59
    assert clean_samples_needed(4, 4, RULE) == 1


def states(*nights: Finding) -> list[str]:
    """Return the state of one finding on consecutive nights."""
    row = Nights()
    return [row.states(one)[0] for one in nights]


def test_a_share_that_grew_far_beyond_chance_is_worse() -> None:
    few = finding(samples=100, violations=10)
    assert states(few, finding(samples=100, violations=14)) == ["new", "known"]
    assert states(few, finding(samples=100, violations=60)) == ["new", "worse"]
    assert states(few, finding(samples=1000, violations=100)) == ["new", "known"]
    assert states(finding(samples=1000, violations=100), finding(samples=100, violations=60)) == ["new", "worse"]
    assert states(finding(samples=4, violations=1), finding(samples=4, violations=3)) == ["new", "known"]


def test_a_large_share_that_grows_by_less_than_twice_is_not_worse() -> None:
    assert states(finding(samples=1000, violations=400), finding(samples=1000, violations=700)) == ["new", "known"]


def test_another_severity_outweighs_the_share() -> None:
    low = finding(severity=Severity.LOW)
    assert states(low, finding(), low) == ["new", "worse", "known"]
    assert states(finding(violations=1, samples=100), finding(severity=Severity.LOW, violations=90, samples=100)) == [
        "new",
        "known",
    ]


def test_another_undocumented_value_is_worse() -> None:
    nights = Nights()
    values = (["#a"], ["#a"], ["#a", "#b"], ["#b"])
    seen = [nights.run(finding(), digests={PLACE: frozenset(each)})[0].state for each in values]
    assert seen == [FindingState.NEW, FindingState.KNOWN, FindingState.WORSE, FindingState.KNOWN]


def test_digests_are_bounded() -> None:
    nights = Nights()
    nights.run(finding(), digests={PLACE: frozenset(f"#{n}" for n in range(3 * MAX_DIGESTS))})
    assert len(nights.records.findings[finding().fingerprint].digests) == MAX_DIGESTS


def test_a_second_night_confirms_a_suspicion() -> None:
    nights, suspected = Nights(), finding(confidence=Confidence.SUSPECTED)
    assert [nights.run(suspected)[0].confidence for _ in range(2)] == [Confidence.SUSPECTED, Confidence.CONFIRMED]


def test_flapping_ends_when_it_is_long_past() -> None:
    nights = Nights()
    assert [nights.states(*found)[0] for found in ([finding()], [], [finding()])] == ["new", "fixed", "flapping"]
    nights.number += RULE.window
    nights.number %= 28  # a day of the made-up month
    nights.records.findings[finding().fingerprint].turns = [-40, -39, -38]
    assert nights.states(finding()) == ["known"]


def rechecked(contract: Contract, *exchanges: Exchange, profile: OperationProfile | None = None) -> Mapping[str, int]:
    """Return the samples that could have shown a finding of each of a few kinds."""
    profiles = {"products.list": profile} if profile else {}
    count = samples_rechecked(Evidence(contract, exchanges), profiles, (row(),), RULES)
    found = {
        "field": finding(),
        "parameter": finding(location="param:order"),
        "default size": finding(location="param:first", check="memory"),
        "paging": finding(location="", check="paging"),
        "status": finding(location="status", check="status"),
        "unverified": finding(location="status", check="unverified", samples=9),
        "another operation": finding("plans.list"),
    }
    return {name: count(one) for name, one in found.items()}


def exchange(purpose: Purpose, *query: tuple[str, str]) -> Exchange:
    url = "https://x.example/products"
    return Exchange("products.list", purpose, "GET", url, query=query, status=200, body=b'{"data": []}')


def test_only_requests_that_could_have_shown_a_finding_count(contract: Contract) -> None:
    pages = [exchange(Purpose.LIST), exchange(Purpose.NEXT_PAGE), exchange(Purpose.QUERY, ("order", "title"))]
    counts = rechecked(contract, *pages)
    assert counts == {
        "field": 0,
        "parameter": 1,
        "default size": 3,
        "paging": 2,
        "status": 3,
        "unverified": 9,
        "another operation": 0,
    }


def test_a_missing_field_is_rechecked_as_often_as_its_object_was_there(contract: Contract) -> None:
    profile = OperationProfile()
    parent = profile.tallies["/data/*"]
    parent.samples, parent.present, parent.nulls = 9, 8, 2
    assert rechecked(contract, profile=profile)["field"] == 6
    profile.tallies["/data/*/title"].samples = 5
    assert rechecked(contract, profile=profile)["field"] == 5


@pytest.mark.parametrize("state", [State.COULD_NOT_CHECK, State.NOT_COVERED])
def test_an_operation_that_was_not_checked_proves_nothing(contract: Contract, state: State) -> None:
    count = samples_rechecked(Evidence(contract, [exchange(Purpose.LIST)]), {}, (row(state),), RULES)
    assert count(finding(location="status", check="status")) == 0
