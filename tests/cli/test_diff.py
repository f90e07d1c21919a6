"""`whopwatch diff`: sides, outputs and exit codes."""

from __future__ import annotations

import json
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from tests.diff.documents import TEXT, WHOLE, Node, document, record
from whopwatch.cli import main
from whopwatch.contract import edition_dir

Captured = pytest.CaptureFixture[str]
OLD = document(answer=record("name", name=TEXT, age=WHOLE))
BROKEN = document(answer=record(age=WHOLE))


def write(folder: Path, name: str, content: Node) -> str:
    path = folder / name
    path.write_text(yaml.safe_dump(content) if name.endswith(".yaml") else json.dumps(content), encoding="utf-8")
    return str(path)


def test_a_removed_field_in_text_and_as_json_and_markdown(tmp_path: Path, capsys: Captured) -> None:
    old, new = write(tmp_path, "old.yaml", OLD), write(tmp_path, "new.json", BROKEN)
    report, markdown = tmp_path / "diff.json", tmp_path / "diff.md"
    assert main(["diff", old, new, "--json", str(report), "--markdown", str(markdown)]) == 1
    shown = capsys.readouterr().out
    assert "\nBreaking changes: 1\n\ncats\n  critical Field removed in responses: name\n" in shown
    assert "no longer: required, string\n" in shown
    assert "→ Do not read it any more.\n" in shown
    assert "required-field-removed (D5) in cats.create\n" in shown
    told = json.loads(report.read_text())
    assert (told["schema"], told["tool"], told["verdict"], told["classes"]) == (1, "whopwatch", "drift", {"D5": 1})
    finding = told["findings"][0]
    facts = (finding["class"], finding["severity"], finding["operation"], finding["location"], finding["source"])
    assert facts == ("D5", "critical", "cats.create", "/name", "contract-contract")
    assert (finding["movement"], finding["side"], finding["relation"]) == ("removed", "response", None)
    assert len(finding["fingerprint"]) == 12
    assert "| critical | required-field-removed (D5) removed | cats.create | /name |" in markdown.read_text()


@pytest.mark.thorough
def test_a_side_may_be_a_contract_folder_or_its_export(tmp_path: Path, capsys: Captured) -> None:
    export = str(tmp_path / "whop.yaml")
    assert main(["contract", "export", "-o", export]) == 0
    assert main(["diff", str(edition_dir()), export]) == 0
    assert ": no changes" in capsys.readouterr().out
    assert main(["diff", str(edition_dir() / "bundle.json"), str(edition_dir() / "v1" / "openapi.yaml")]) == 0


def test_what_is_only_worth_knowing_is_no_drift(tmp_path: Path, capsys: Captured) -> None:
    more = document(answer=record("name more", name=TEXT, age=WHOLE, more=TEXT))
    assert main(["diff", write(tmp_path, "a.json", OLD), write(tmp_path, "b.json", more), "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [finding["severity"] for finding in told["findings"]] == ["info"]


BOMB = "a: &a [0]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
"""Nine aliases of nine aliases, nine times: small to read, and without end once it is followed."""


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param("{", "in line 1, column 2", id="cut-json"),
        pytest.param("[" * 100_000, "more than 300 levels", id="deep-flow"),
        pytest.param("- " * 400, "more than 300 levels", id="deep-block"),
        pytest.param('{"a":' * 100_000, "more than 300 levels", id="deep-json"),
        pytest.param(BOMB, "values once its aliases are followed", id="alias-bomb"),
        pytest.param("a: [", "not valid YAML in line", id="cut-yaml"),
        pytest.param("a: 2026-13-45", "a date or number", id="no-date"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "too many digits", id="huge-number"),
        pytest.param('{"swagger": "2.0"}', "no OpenAPI document", id="swagger-2"),
        pytest.param("just text", "no OpenAPI document", id="text"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(tmp_path: Path, capsys: Captured, content: str, what: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(content)
    assert main(["diff", str(path), str(edition_dir())]) == 2
    assert what in capsys.readouterr().err


def test_a_side_may_be_the_newest_bundled_contract(capsys: Captured) -> None:
    assert main(["diff", "newest", "2026-10-15-1"]) == 0
    assert "2026-10-15-1 → 2026-10-15-1: no changes" in capsys.readouterr().out


def test_what_names_nothing_is_a_usage_error(capsys: Captured) -> None:
    assert main(["diff", "nothing", str(edition_dir())]) == 2
    assert "sdk:VERSION" in capsys.readouterr().err
    assert main(["diff", "sdk:1; rm", str(edition_dir())]) == 2
    assert "names no release" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "code", "what"),
    [
        ("ERROR: No matching distribution found for it", 2, "there is no release 9.9.9"),
        ("no route to host", 3, "could not be fetched"),
    ],
)
def test_a_release_that_cannot_be_had(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, said: str, code: int, what: str
) -> None:
    def run(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command, stderr=said)

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["diff", "sdk:9.9.9", str(edition_dir()), "--cache-dir", str(tmp_path)]) == code
    assert what in capsys.readouterr().err


def test_names_from_a_document_are_shown_harmless(tmp_path: Path, capsys: Captured) -> None:
    hostile = document(answer=record("name", name=TEXT, age=WHOLE, **{"\x1b[31mx|y": TEXT}))
    markdown = tmp_path / "diff.md"
    sides = [write(tmp_path, "a.json", OLD), write(tmp_path, "b.json", hostile)]
    assert main(["diff", *sides, "--markdown", str(markdown)]) == 1
    assert "\x1b" not in capsys.readouterr().out + markdown.read_text()
    assert r"x\|y" in markdown.read_text()


def test_a_difference_that_is_not_compared_is_shown_and_is_not_clean(tmp_path: Path, capsys: Captured) -> None:
    odd = document(answer=record("name", name={"type": "string", "x-unit": "cents"}, age=WHOLE))
    sides = [write(tmp_path, "a.json", OLD), write(tmp_path, "b.json", odd)]
    assert main(["diff", *sides]) == 3
    assert "x-unit: cats.create /name" in capsys.readouterr().out
    assert main(["diff", *sides, "--json", "-"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "could-not-check"
    assert report["not_compared"] == [{"operation": "cats.create", "location": "/name", "keyword": "x-unit"}]


MALFORMED: list[tuple[str, Node]] = [
    ("/paths", {"openapi": "3.1.0", "paths": []}),
    ("/paths/~1a", {"openapi": "3.1.0", "paths": {"/a": 5}}),
    ("/paths/~1a/get", {"openapi": "3.1.0", "paths": {"/a": {"get": []}}}),
    ("/paths/~1a/get/parameters", {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": {}}}}}),
    ("/paths/~1a/get/parameters/0/name", {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"name": 5}]}}}}),
    ("/paths/~1a/get/responses", {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": "200"}}}}),
    ("/components/schemas", {"openapi": "3.1.0", "components": {"schemas": []}}),
    ("/components/schemas/A", {"openapi": "3.1.0", "components": {"schemas": {"A": "string"}}}),
    ("/components/schemas/A/type", {"openapi": "3.1.0", "components": {"schemas": {"A": {"type": 5}}}}),
    ("/components/schemas/A/enum", {"openapi": "3.1.0", "components": {"schemas": {"A": {"enum": {"a": 1}}}}}),
    ("/components/schemas/A/required", {"openapi": "3.1.0", "components": {"schemas": {"A": {"required": True}}}}),
    ("/components/schemas/A/properties", {"openapi": "3.1.0", "components": {"schemas": {"A": {"properties": []}}}}),
    ("/components/schemas/A/allOf", {"openapi": "3.1.0", "components": {"schemas": {"A": {"allOf": {}}}}}),
    ("/components/schemas/A/minimum", {"openapi": "3.1.0", "components": {"schemas": {"A": {"minimum": "1"}}}}),
    ("/security", {"openapi": "3.1.0", "security": {"key": []}}),
    ("/servers/0", {"openapi": "3.1.0", "servers": ["https://a.org"]}),
]


@pytest.mark.parametrize(("place", "content"), MALFORMED, ids=[place for place, _ in MALFORMED])
def test_a_malformed_document_is_an_error_with_its_place(
    tmp_path: Path, capsys: Captured, place: str, content: Node
) -> None:
    assert main(["diff", write(tmp_path, "a.json", content), str(edition_dir())]) == 2
    err = capsys.readouterr().err
    assert f", {place}\n" in err
    assert "malformed" in err


def test_a_changelog_in_each_format(tmp_path: Path, capsys: Captured) -> None:
    sides = [write(tmp_path, "a.json", OLD), write(tmp_path, "b.json", BROKEN)]
    for form, expected in {
        "text": "Breaking changes: 1\n",
        "json": '"verdict": "drift"',
        "markdown": "## Breaking changes (1)",
        "html": "<h2>Breaking changes <small>1</small></h2>",
    }.items():
        assert main(["diff", *sides, "--format", form]) == 1
        assert expected in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert main(["diff", *sides, "--html", str(page)]) == 1
    assert "<b>To do:</b> Do not read it any more." in page.read_text()


def test_a_changelog_shows_names_from_a_document_harmless(tmp_path: Path, capsys: Captured) -> None:
    name = "<script>\x1b[31m@x|*y*"
    hostile = document(answer=record("name", name=TEXT, age=WHOLE, **{name: TEXT}))
    sides = [write(tmp_path, "a.json", OLD), write(tmp_path, "b.json", hostile)]
    for form in ("markdown", "html"):
        main(["diff", *sides, "--format", form])
        out = capsys.readouterr().out
        assert "<script>" not in out
        assert "\x1b" not in out
    assert main(["diff", *sides, "--format", "markdown"]) == 1
    assert "@<!-- -->x" in capsys.readouterr().out


def test_a_change_of_a_resource_is_listed_below_it(tmp_path: Path, capsys: Captured) -> None:
    main(["diff", write(tmp_path, "a.json", OLD), write(tmp_path, "b.json", BROKEN), "--format", "markdown"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("### cats") + 2].startswith("- **Field removed in responses**: `name`")


def test_the_same_change_of_several_fields_is_one_entry_with_what_to_do(tmp_path: Path, capsys: Captured) -> None:
    old = document(answer=record("a b c", a=TEXT, b=TEXT, c=WHOLE))
    new = document(answer=record("c", c={"type": "number"}))
    assert main(["diff", write(tmp_path, "a.json", old), write(tmp_path, "b.json", new)]) == 1
    out = capsys.readouterr().out
    assert "  critical 2 fields removed in responses: a, b\n           → Do not read it any more.\n" in out
    assert "  high     Field with more types in responses: c\n           was: integer; is: number\n" in out


def test_a_value_of_a_shared_enum_is_said_once_with_the_fields_that_have_it(tmp_path: Path, capsys: Captured) -> None:
    def shelter(*values: str) -> dict[str, object]:
        mood = {"$ref": "#/components/schemas/Mood"}
        schema = {"type": "object", "properties": {"now": mood, "later": mood}}
        cat = {
            "post": {"operationId": "cats.create", "requestBody": {"content": {"application/json": {"schema": schema}}}}
        }
        schemas = {"Mood": {"type": "string", "enum": list(values)}}
        return {"openapi": "3.1.0", "paths": {"/cats": cat}, "components": {"schemas": schemas}}

    old, new = write(tmp_path, "old.json", shelter("good", "bad")), write(tmp_path, "new.json", shelter("good"))
    assert main(["diff", old, new]) == 1
    text = "2 fields with fewer values in requests: later, now\n           no longer: bad\n"
    assert text in capsys.readouterr().out
    assert main(["diff", new, old, "--format", "markdown"]) == 0
    assert "  new: bad" in capsys.readouterr().out


def test_every_movement_of_a_class_has_its_words() -> None:
    severities = tomllib.loads(files("whopwatch.diff").joinpath("severities.toml").read_text(encoding="utf-8"))
    words = tomllib.loads(files("whopwatch.reports").joinpath("changelog.toml").read_text(encoding="utf-8"))
    assert {name: set(movements) for name, movements in words.items()} == {
        name: set(movements) for name, movements in severities.items()
    }
    assert all(len(texts) == 4 for movements in words.values() for texts in movements.values())
