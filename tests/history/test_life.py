"""New, known, worse, flapping, fixed, accepted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from tests.history.made import finding, night
from whopwatch.core.errors import ConfigError
from whopwatch.core.finding import Finding, FindingState, Occurrence, Severity
from whopwatch.history import Entry, Records, read_accepted
from whopwatch.history.accepted import about_entries, accept
from whopwatch.history.life import live, needed
from whopwatch.history.rules import rules

RULE = rules().life
TODAY = date(2026, 1, 5)


class Nights:
    """Findings night by night. `samples` is how much each night looks at."""

    def __init__(self) -> None:
        self.records, self.number = Records(salt=b""), 0

    def tell(
        self,
        *found: Finding,
        samples: int = 10,
        digests: Mapping[tuple[str, str], frozenset[str]] | None = None,
    ) -> list[Finding]:
        self.number += 1
        return list(live(self.records, found, night(self.number), RULE, lambda _: samples, digests or {}))

    def states(self, *found: Finding, samples: int = 10) -> list[str]:
        return [str(one.state) for one in self.tell(*found, samples=samples)]


def test_a_life() -> None:
    nights = Nights()
    assert nights.states(finding()) == ["new"]
    assert nights.states(finding()) == ["known"]
    assert nights.states(samples=0) == ["known"]
    assert nights.states() == ["fixed"]
    assert nights.states() == []


def test_what_was_not_seen_again_is_told_in_whole_sentences() -> None:
    nights = Nights()
    nights.tell(finding(samples=40, violations=2, location=""), samples=40)
    (maybe,) = nights.tell(samples=40)
    assert maybe.message.endswith("is missing (4 of 4 seen). Not seen in 40 samples since, which may be chance.")
    (fixed,) = nights.tell(samples=40)
    assert fixed.message.endswith(": the answer is as expected again (80 seen).")


def test_every_finding_says_since_when() -> None:
    nights = Nights()
    nights.tell(finding())
    nights.tell()
    (back,) = nights.tell(finding())
    assert back.first_seen == night(1).started_at


def test_what_shows_seldom_takes_more_than_one_look_to_be_fixed() -> None:
    nights = Nights()
    nights.tell(finding(samples=40, violations=2), samples=40)
    told = [nights.states(samples=40)[0] for _ in range(2)]
    assert told == ["known", "fixed"]
    assert needed(2, 40, RULE) == 59
    assert needed(4, 4, RULE) == 1


def test_worse_is_a_greater_share_another_severity_or_another_value() -> None:
    few, many = finding(samples=100, violations=10), finding(samples=100, violations=60)
    nights = Nights()
    assert [nights.states(one)[0] for one in (few, finding(samples=100, violations=14), many)] == [
        "new",
        "known",
        "worse",
    ]
    low = finding(severity=Severity.LOW)
    nights = Nights()
    assert [nights.states(one)[0] for one in (low, finding(), low)] == ["new", "worse", "known"]
    nights, place = Nights(), ("products.list", "/data/*/title")
    told = [nights.tell(few, digests={place: frozenset(values)})[0].state for values in (["#a"], ["#a"], ["#a", "#b"])]
    assert told == [FindingState.NEW, FindingState.KNOWN, FindingState.WORSE]


def test_flapping_ends_when_it_is_long_past() -> None:
    nights = Nights()
    assert [nights.states(*found)[0] for found in ([finding()], [], [finding()])] == ["new", "fixed", "flapping"]
    nights.number += RULE.window
    nights.number %= 28  # a day of the made-up month
    nights.records.findings[finding().fingerprint].turns = [-40, -39, -38]
    assert nights.states(finding()) == ["known"]


def entry(fingerprint: str = finding().fingerprint, expires: date = date(2026, 2, 1)) -> Entry:
    return Entry(fingerprint, "agreed with support", "TICKET-1", expires)


def test_what_is_accepted_is_told_and_does_not_count() -> None:
    (told,) = accept([finding(state=FindingState.KNOWN)], [entry()], TODAY)
    assert (told.state, told.accepted, told.breaks) == (FindingState.ACCEPTED, "agreed with support (TICKET-1)", False)


@pytest.mark.parametrize("state", [FindingState.WORSE, FindingState.FIXED])
def test_what_got_worse_was_not_accepted_and_what_is_fixed_needs_not_be(state: FindingState) -> None:
    assert accept([finding(state=state)], [entry()], TODAY)[0].state is state


def test_a_root_cause_is_accepted_by_itself_or_place_by_place() -> None:
    one, other = finding("a.list"), finding("b.list")
    places = tuple(Occurrence(each.operation, each.location, each.fingerprint, 1, 1) for each in (one, other))
    cause = finding("schema:Title", "/", state=FindingState.NEW, places=places)
    assert accept([cause], [entry(cause.fingerprint)], TODAY)[0].state is FindingState.ACCEPTED
    assert accept([cause], [entry(one.fingerprint), entry(other.fingerprint)], TODAY)[0].state is FindingState.ACCEPTED
    assert accept([cause], [entry(one.fingerprint)], TODAY)[0].state is FindingState.NEW


def test_an_expired_entry_and_an_unused_one_are_findings() -> None:
    there = finding(state=FindingState.KNOWN)
    assert about_entries([entry()], [there], TODAY) == []
    (unused,) = about_entries([entry()], [finding(state=FindingState.FIXED)], TODAY)
    (expired,) = about_entries([entry(expires=date(2026, 1, 4))], [there], TODAY)
    assert (unused.drift_class, unused.location) == ("D24", there.fingerprint)
    assert "not needed" in unused.message
    assert "expired" in expired.message
    assert accept([there], [entry(expires=date(2026, 1, 4))], TODAY) == [there]


GOOD = "{fingerprint: '0123456789ab', reason: r, issue: i, expires: '2026-12-31'}"


def test_the_file_of_accepted_findings(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(f"accepted: [{GOOD}]")
    assert read_accepted(file) == (Entry("0123456789ab", "r", "i", date(2026, 12, 31)),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "accepted: {}",
        "accepted: [1]",
        "accepted: [",
        "accepted: []\nmore: 1",
        f"accepted: [{GOOD}, {GOOD}]",
        f"accepted: [{GOOD.replace('0123456789ab', 'short')}]",
        f"accepted: [{GOOD.replace('reason: r', 'reason: ')}]",
        f"accepted: [{GOOD.replace('2026-12-31', 'soon')}]",
        f"accepted: [{GOOD.replace('issue: i, ', '')}]",
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_accepted(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_accepted(tmp_path / "none.yaml")
