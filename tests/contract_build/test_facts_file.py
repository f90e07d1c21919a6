"""Facts of the official document in a file, compared with a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main
from whopwatch.contract_build.facts_file import compare_official, counts, read_facts
from whopwatch.contract_build.official import OfficialFact
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT, EXIT_USAGE, ConfigError

CAT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "kind": {"type": "string", "enum": ["house", "wild"]},
        "toy": {"$ref": "#/components/schemas/Toy"},
        "notes": {},
    },
    "required": ["id", "age"],
    "x-whop-learned": ["age"],
}
TOY = {
    "oneOf": [{"$ref": "#/components/schemas/Toyball"}],
    "discriminator": {"propertyName": "object", "mapping": {"ball": "#/components/schemas/Toyball"}},
}
BALL = {"type": "object", "properties": {"object": {"type": "string", "enum": ["ball"]}}, "required": ["object"]}
DOCUMENT = {"components": {"schemas": {"Cat": CAT, "Toy": TOY, "Toyball": BALL}}, "paths": {}}


def row(pointer: str, **says: Any) -> dict[str, Any]:
    nothing = {"types": None, "required": None, "enum": None, "stable": True}
    return {"kind": "response", "schema": "Cat", "operation": None, "pointer": pointer, **nothing, **says}


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "facts.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


@pytest.mark.parametrize(
    ("stated", "aspect", "outcome"),
    [
        (row("/id", types=["string"]), "type", "equal"),
        (row("/id", types=["string", "null"]), "type", "unexplained"),
        (row("/id", required=True), "required", "equal"),
        (row("/id", required=False), "required", "unexplained"),
        (row("/id", required=False, stable=False), "required", "other-version"),
        (row("/age", types=["integer"]), "type", "learned"),
        (row("/age", types=["string"]), "type", "unexplained"),
        (row("/age", required=False), "required", "learned"),
        (row("/kind", enum=["wild", "house", None]), "enum", "equal"),
        (row("/kind", enum=["wild"]), "enum", "unexplained"),
        (row("/toy", types=["$ref"]), "type", "equal"),
        (row("/toy", types=["$ref", "null"]), "type", "unexplained"),
        (row("/toy<ball>/object", const="ball"), "enum", "equal"),
        (row("/toy<mouse>/object", const="mouse"), "enum", "unexplained"),
        (row("/notes", types=[]), "type", "equal"),
        (row("/notes", types=["string"]), "type", "unexplained"),
        (row("/tail", types=["string"]), "type", "unexplained"),
    ],
)
def test_each_aspect_has_an_outcome(tmp_path: Path, stated: dict[str, Any], aspect: str, outcome: str) -> None:
    (one,) = compare_official(DOCUMENT, read_facts(written(tmp_path, stated)))
    assert (one.aspect, one.outcome) == (aspect, outcome)


@pytest.mark.parametrize("place", ["schema Cat /tail", "schema Cat"])
def test_a_superseded_place_is_of_another_version_and_says_why(tmp_path: Path, place: str) -> None:
    facts = read_facts(written(tmp_path, row("/tail", types=["string"], required=True), row("/age", required=True)))
    compared = compare_official(DOCUMENT, facts, {place: "Removed."})
    assert [one.outcome for one in compared[:2]] == ["other-version", "other-version"]
    assert [one.reason for one in compared] == ["Removed.", "Removed.", None]
    assert counts(compared)["required"]["other-version"] == 1


def test_places_of_operations_parameters_and_events(tmp_path: Path) -> None:
    bare = {"schema": None, "types": ["string"], "required": None, "enum": None}
    path = written(
        tmp_path,
        {**bare, "kind": "parameter", "operation": "GET /cats", "pointer": None, "in": "query", "name": "order"},
        {**bare, "kind": "request", "operation": "POST /cats", "pointer": "/name"},
        {**bare, "kind": "webhook", "operation": None, "event": "cat.fed", "pointer": "/id"},
    )
    assert [str(fact) for fact, _ in read_facts(path)] == [
        "parameter GET /cats query:order",
        "request POST /cats /name",
        "event cat.fed /id",
    ]
    assert all(isinstance(fact, OfficialFact) for fact, _ in read_facts(path))


MALFORMED: tuple[dict[str, Any], ...] = ({"types": "string"}, {"required": 1}, {"enum": {}}, {"pointer": 3})


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "1",
        "{}",
        '{"kind": "response"}',
        "[" * 100_000,
        *(json.dumps({**row("/id"), **one}) for one in MALFORMED),
    ],
    ids=range(10),
)
def test_a_line_that_is_no_fact_is_an_error_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(f"{json.dumps(row('/id'))}\n\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        list(read_facts(path))
    assert str(caught.value.where).endswith("facts.jsonl, line 3")


@pytest.mark.thorough
def test_verify_reports_what_is_equal_and_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    product = {"kind": "response", "operation": "GET /products/{id}", "types": ["string"], "required": None}
    facts = written(tmp_path, {**product, "enum": None, "pointer": "/id"})
    assert main(["contract", "verify", "--facts", str(facts)]) == EXIT_CLEAN
    assert "Facts, type: 1 of 1 equal (100.0%); 0 learned, 0 other-version, 0 unexplained." in capsys.readouterr().out
    facts = written(tmp_path, {**product, "enum": ["a"], "pointer": "/id"})
    assert main(["contract", "verify", "--facts", str(facts)]) == EXIT_DRIFT
    assert 'enum is ["a"] in the file, null in the contract' in capsys.readouterr().out
    assert main(["contract", "verify", "--json", "--facts", str(facts)]) == EXIT_DRIFT
    shown = json.loads(capsys.readouterr().out)
    assert (shown["problems"], len(shown["facts"]["differences"])) == ([], 1)
    assert shown["facts"]["differences"][0]["outcome"] == "unexplained"


def test_a_missing_file_of_facts_is_a_usage_error(tmp_path: Path) -> None:
    assert main(["contract", "verify", "--facts", str(tmp_path / "none.jsonl")]) == EXIT_USAGE
