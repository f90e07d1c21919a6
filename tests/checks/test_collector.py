"""Violations become findings: grouped, counted, in the words of the worst rule."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from whopwatch.checks.collector import MORE_LOCATIONS, FindingCollector, SampleCounter, findings_of
from whopwatch.core.finding import Confidence, Finding, Rule, Severity, Source

LOW = Rule("one/low", "D1", Severity.LOW, "{what}", "b", "low {what}")
HIGH = Rule("one/high", "D1", Severity.HIGH, "c", "d", "high", Source.LIVE_LIVE)
OTHER_HIGH = Rule("two/high", "D1", Severity.HIGH, "e", "f", "other")
OTHER_CLASS = Rule("one/class", "D2", Severity.LOW, "", "", "")


def findings(collector: FindingCollector) -> list[Finding]:
    return list(findings_of(collector.violations))


def test_a_sample_counts_once() -> None:
    collector = FindingCollector()
    for sample in (1, 1, 2):
        collector.report(LOW, "plans.list", "/x", sample=sample, samples=3, unit="item", what="a")

    (finding,) = findings(collector)

    assert (finding.violations, finding.samples, finding.confidence) == (2, 3, Confidence.CONFIRMED)
    assert (finding.check, finding.rule, finding.expected, finding.observed) == ("one", "one/low", "a", "b")
    assert finding.message == "plans.list: low a (2 of 3 items)."


def test_one_sample_is_suspected_and_never_more_than_there_are() -> None:
    collector = FindingCollector()
    collector.report(HIGH, "plans.list", "/x", sample=1, samples=0)

    (finding,) = findings(collector)

    assert (finding.confidence, finding.samples) == (Confidence.SUSPECTED, 1)
    assert finding.message == "plans.list: high (1 of 1 response)."


def test_the_worst_rule_gives_the_words_and_counts_the_samples_of_its_check() -> None:
    collector = FindingCollector()
    collector.report(LOW, "plans.list", "/x", sample=1, samples=9, what="a")
    collector.report(HIGH, "plans.list", "/x", sample=2, samples=3)
    collector.report(OTHER_HIGH, "plans.list", "/x", sample=3, samples=3)

    (finding,) = findings(collector)

    assert (finding.rule, finding.severity, finding.source) == ("one/high", Severity.HIGH, Source.LIVE_LIVE)
    assert (finding.violations, finding.samples) == (2, 3)


def test_the_first_of_two_checks_is_kept_unless_the_second_is_worse() -> None:
    collector = FindingCollector()
    collector.report(LOW, "plans.list", "/x", sample=1, samples=3, what="a")
    collector.report(OTHER_HIGH, "plans.list", "/x", sample=2, samples=3)

    (finding,) = findings(collector)

    assert (finding.check, finding.violations) == ("two", 1)


def test_class_operation_and_location_make_a_finding() -> None:
    collector = FindingCollector()
    collector.report(HIGH, "plans.list", "/x", sample=1, samples=1)
    collector.report(HIGH, "plans.list", "/y", sample=1, samples=1)
    collector.report(HIGH, "users.list", "/x", sample=1, samples=1)
    collector.report(OTHER_CLASS, "plans.list", "/x", sample=1, samples=1)

    assert len({one.fingerprint for one in findings(collector)}) == len(findings(collector)) == 4


def test_the_first_violation_gives_the_details() -> None:
    collector = FindingCollector()
    for what in ("first", "{second}"):
        collector.report(LOW, "plans.list", "/x", sample=what, samples=2, what=what)
    collector.report(LOW, "plans.list", "/y", sample=1, samples=2, what="{braces}")

    assert [one.expected for one in findings(collector)] == ["first", "{braces}"]


def test_different_things_at_one_location_are_all_named_until_they_are_too_many() -> None:
    seen = Rule("one/seen", "D1", Severity.LOW, "a", "{observed}", "has {observed}")
    collector = FindingCollector()
    for sample, observed in enumerate(('"a"', '"b"', '"a"')):
        collector.report(seen, "plans.list", "/few", sample=sample, samples=9, observed=observed)
    for sample in range(9):
        collector.report(seen, "plans.list", "/many", sample=sample, samples=9, observed=f'"v{sample}"')

    few, many = findings(collector)

    assert (few.observed, few.message) == ('"a", "b"', 'plans.list: has "a", "b" (3 of 9 responses).')
    assert many.observed == "more than 3 different ones"
    assert '"v' not in many.message


@pytest.mark.parametrize(
    ("samples", "count"),
    [
        ([], 0),
        ([1, 2, 1], 2),
        (range(1000), 1000),
        # Beyond a thousand, a sample counts if it differs from the one before it.
        ([*range(1000), 2000, 2000, 5, 3000], 1002),
        ([*range(1000), 2000, 3000, 2000], 1003),
    ],
)
def test_samples_are_counted_exactly_up_to_a_thousand(samples: Iterable[int], count: int) -> None:
    assert len(SampleCounter(samples)) == count
    other = SampleCounter([-1])
    other.update(SampleCounter(samples))
    assert len(other) == count + 1


def test_locations_beyond_the_first_hundred_share_one_finding() -> None:
    collector = FindingCollector()
    for number in range(103):
        collector.report(LOW, "plans.list", f"/{number}", sample=number, samples=9, what="a")
    collector.report(LOW, "users.list", "/0", sample=1, samples=9, what="a")
    found = {(one.operation, one.location): one for one in findings(collector)}
    assert len(found) == 102
    rest = found["plans.list", MORE_LOCATIONS]
    assert (rest.violations, rest.expected) == (3, "a")
    assert rest.message == "plans.list: more locations break the rule one/low (3 of 9 responses)."


def test_a_run_has_at_most_5000_findings_and_one_more_for_each_rule_of_an_operation() -> None:
    collector = FindingCollector()
    for operation in range(51):
        for number in range(100):
            collector.report(LOW, f"o{operation}", f"/{number}", sample=1, samples=1, what="a")
    assert len(collector.violations) == 5001
    assert {one.operation for one in collector.violations if one.location == MORE_LOCATIONS} == {"o50"}


def test_a_rule_is_met_where_no_response_violates_it() -> None:
    collector = FindingCollector()
    for operation in ("a.list", "b.list"):
        collector.meets(LOW, operation)
    collector.report(LOW, "b.list", "/x", sample=1, samples=1, what="a")
    assert collector.met == {("a.list", "one/low")}
    assert FindingCollector().notes_met
