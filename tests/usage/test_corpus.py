"""Precision and recall of the usage scan, on small integrations whose uses are listed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from whopwatch.contract import load
from whopwatch.usage.scan import scan

CORPUS = Path(__file__).parent / "corpus"
Uses = set[tuple[str, str]]


def listed() -> dict[str, Uses]:
    """Return what is listed by hand: a field that is used makes the fields above it used."""
    rows: dict[str, dict[str, list[str]]] = yaml.safe_load((CORPUS / "expected.yaml").read_text())
    return {name: {use for id, fields in uses.items() for use in with_above(id, fields)} for name, uses in rows.items()}


def with_above(id: str, fields: list[str]) -> Uses:
    found = {(id, "")}
    for field in fields:
        kind, _, path = field.rpartition(":")
        steps = path.split("/") if kind != "param" else ["", path]
        for length in range(2, len(steps) + 1):
            found.add((id, field if kind == "param" else f"{kind}:".lstrip(":") + "/".join(steps[:length])))
    return {(id, field) for id, field in found if not field.endswith("*")}


def scanned(name: str) -> Uses:
    profile = scan([CORPUS / name], load())
    found = {(id, "") for id in profile.operations}
    return found | {(id, field) for id, use in profile.operations.items() for field in use.fields}


def score(names: list[str]) -> tuple[float, float, str]:
    """Return precision and recall over all files, and what is missing (-) or too much (+) in each."""
    right = found_count = listed_count = 0
    problems = []
    for name in names:
        expected, found = listed()[name], {use for use in scanned(name) if not use[1].endswith("/data")}
        expected = {use for use in expected if not use[1].endswith("/data")}
        right += len(expected & found)
        found_count += len(found)
        listed_count += len(expected)
        problems += [f"- {name} {' '.join(use)}" for use in sorted(expected - found)]
        problems += [f"+ {name} {' '.join(use)}" for use in sorted(found - expected)]
    return right / found_count, right / listed_count, "\n".join(problems)


@pytest.mark.parametrize(
    ("suffixes", "count", "precision", "recall"),
    [((".py",), 8, 0.95, 0.90), ((".ts", ".tsx", ".js"), 5, 0.90, 0.85)],
)
def test_precision_and_recall(suffixes: tuple[str, ...], count: int, precision: float, recall: float) -> None:
    names = [name for name in listed() if name.endswith(suffixes)]
    assert len(names) == count
    found_precision, found_recall, problems = score(names)
    print(f"{suffixes}: precision {found_precision:.3f}, recall {found_recall:.3f}\n{problems}")
    assert found_precision >= precision, problems
    assert found_recall >= recall, problems
