"""Every rule is complete, and reported by a unit test beside its check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from whopwatch.checks.registry import CHECKS
from whopwatch.core.finding import Rule
from whopwatch.oracle import list_rules

RULES = [rule for check in CHECKS for rule in check.rules]
FOLDERS = (Path(__file__).parent, Path(__file__).parents[1] / "oracle")
TEXTS = [
    path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in folder.glob("test_*.py")
    if path != Path(__file__)
]
CONSTANTS = {rule.id: name for name, rule in vars(list_rules).items() if isinstance(rule, Rule)}


def test_each_id_is_there_once() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z-]+/[a-z-]+(-[a-z0-9-]+)*", rule.id)
    assert re.fullmatch(r"D([1-9]|1\d|2[0-5])", rule.drift_class)
    assert all((rule.expected, rule.observed, rule.sentence))
    assert not rule.sentence.endswith(".")


def test_every_check_has_a_rule() -> None:
    assert {rule.check for rule in RULES} == {check.id for check in CHECKS}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_unit_test_names_the_rule(rule: Rule) -> None:
    names = (f'"{rule.id.partition("/")[2]}"', rule.id, f"rules.{CONSTANTS.get(rule.id)},")

    assert any(name in text for text in TEXTS for name in names)
