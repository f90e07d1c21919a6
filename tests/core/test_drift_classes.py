"""Drift classes: one table of names, aliases and meanings."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.history.factories import finding
from tools.docs import drift_classes as page
from whopwatch.checks.registry import CHECKS
from whopwatch.core.drift_classes import DRIFT_CLASSES, DriftClass, class_label, class_number, class_slug, class_title

EVERY_SLUG = [slug for one in DRIFT_CLASSES.values() for slug in dict.fromkeys((one.slug, *one.slugs.values()))]


def test_there_are_25_classes_in_order() -> None:
    assert list(DRIFT_CLASSES) == [f"D{number}" for number in range(1, 26)]


@pytest.mark.parametrize("one", DRIFT_CLASSES.values(), ids=lambda one: one.id)
def test_a_class_has_a_name_a_title_and_a_meaning(one: DriftClass) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.slug)
    assert one.title[0].isupper()
    assert one.meaning.endswith(".")
    assert (class_slug(one.id), class_title(one.id)) == (one.slug, one.title)


def test_no_name_means_two_classes() -> None:
    assert not [slug for slug in set(EVERY_SLUG) if len({class_number(slug)}) > 1]
    numbers = [(slug, one.id) for one in DRIFT_CLASSES.values() for slug in {one.slug, *one.slugs.values()}]
    shared = {slug for slug, count in Counter(slug for slug, _ in numbers).items() if count > 1}
    assert shared == {"valid-request-rejected"}


def test_a_specific_name_belongs_to_a_check_that_raises_the_class() -> None:
    raised = {(check.id, number) for check in CHECKS for number in check.classes}
    raised |= {(rule.id, rule.drift_class) for check in CHECKS for rule in check.rules}
    raised |= {("accepted", "D24"), ("version-published", "D21"), ("version-retired", "D21")}
    assert {(check, one.id) for one in DRIFT_CLASSES.values() for check in one.slugs} <= raised


def test_names_and_numbers_are_aliases() -> None:
    assert class_number("D5") == class_number("d5") == class_number("required-field-removed") == "D5"
    assert class_number("pagination-broken") == "D20"
    assert class_number("D26") is class_number("") is None


def test_a_finding_is_named_after_its_class_and_check() -> None:
    one = finding()
    assert (one.class_slug, one.class_label) == ("required-field-removed", "required-field-removed (D5)")
    assert finding(drift_class="D20", check="paging").class_label == "pagination-broken (D20)"
    assert finding(drift_class="D20", check="memory").class_slug == "behaviour-changed"
    assert one.to_json()["class"] == "D5"
    assert one.to_json()["class_slug"] == "required-field-removed"


def test_an_unknown_class_of_a_newer_report_is_its_own_name() -> None:
    assert (class_slug("D99"), class_label("D99"), class_title("D99")) == ("D99", "D99", "D99")


def test_the_page_of_the_docs_is_up_to_date() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.page(), "run python tools/docs/drift_classes.py"
    headings = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert headings == {one.slug for one in DRIFT_CLASSES.values()}
