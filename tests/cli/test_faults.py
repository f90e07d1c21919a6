"""`whopwatch faults`: what can be broken, for people and for programs."""

from __future__ import annotations

import json

import pytest

from whopwatch.cli import main
from whopwatch.simulator.faults import fault_catalogue


def test_every_fault_is_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["faults"]
    assert [fault["name"] for fault in listed] == list(fault_catalogue())
    assert all(fault["class"] and fault["effect"] for fault in listed)
    assert (listed[0]["class"], listed[0]["class_slug"]) == ("D5", "required-field-removed")


def test_a_pipe_gets_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(fault_catalogue())
    assert lines[0].split("\t")[:2] == ["field-missing", "D5"]


def test_a_terminal_gets_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["faults"]) == 0
    out = capsys.readouterr().out
    assert "lifecycle" in out
    assert "required-field-removed (D5)" in out
    assert f"{len(fault_catalogue())} faults" in out


def test_only_those_of_an_operation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "--for", "users.check_access", "--json"]) == 0
    names = {fault["name"] for fault in json.loads(capsys.readouterr().out)["faults"]}
    assert "path-moved" in names
    assert "item-skipped" not in names
