"""The file of accepted findings."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from whopwatch.config import accepted as accepted_file
from whopwatch.config.accepted import (
    AcceptedEntry,
    AcceptedFile,
    find_accepted_file,
    load_accepted,
    read_accepted,
    with_entries,
)
from whopwatch.core.errors import ConfigError

GOOD = "{fingerprint: '0123456789ab', reason: r, issue: i, expires: '2026-12-31'}"


def test_the_file_of_accepted_findings(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(f"accepted: [{GOOD}]")
    assert read_accepted(file) == (AcceptedEntry("0123456789ab", "r", "i", date(2026, 12, 31)),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a table of settings"),
        ("[]", "a table of settings"),
        ("accepted: {}", "a list"),
        ("accepted: [1]", "a table of settings"),
        ("accepted: [", "not valid YAML"),
        ("accepted: []\nmore: 1", "Unknown key"),
        (f"accepted: [{GOOD}, {GOOD}]", "listed twice"),
        (f"accepted: [{GOOD.replace('0123456789ab', 'short')}]", "12 hex digits"),
        (f"accepted: [{GOOD.replace('reason: r', 'reason: ')}]", "a string in quotes"),
        (f"accepted: [{GOOD.replace('2026-12-31', 'soon')}]", "2026-12-31"),
        (f"accepted: [{GOOD.replace('reason: r, ', '')}]", "'reason' is missing"),
        (f"accepted: [{GOOD.replace('reason: r', 'reason: r, class: D26')}]", "Unknown drift class 'D26'"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=reason) as caught:
        read_accepted(file)
    assert str(file) in str(caught.value)


def test_dates_and_ticket_numbers_need_no_quotes(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text("accepted:\n- {fingerprint: '0123456789ab', reason: r, issue: 12, expires: 2026-12-31}\n")
    assert read_accepted(file)[0].issue == "12"
    assert read_accepted(file)[0].expires == date(2026, 12, 31)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read_accepted(tmp_path / "none.yaml")


def test_reason_and_fingerprint_are_enough(tmp_path: Path) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text("accepted:\n- {fingerprint: '0123456789ab', reason: r}\n")
    assert read_accepted(file) == (AcceptedEntry("0123456789ab", "r"),)


@pytest.mark.parametrize("name", ["D5", "d5", "required-field-removed"])
def test_a_class_is_given_by_number_or_name(tmp_path: Path, name: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(f"accepted:\n- {{fingerprint: '0123456789ab', reason: r, class: {name}}}\n")
    assert read_accepted(file)[0].drift_class == "D5"


def test_the_file_is_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_accepted_file(None) == Path("accepted.yaml")
    assert find_accepted_file(tmp_path / "conf" / "whopwatch.toml") == tmp_path / "conf" / "accepted.yaml"
    assert load_accepted(None, None) == ()
    Path("accepted.yaml").write_text(f"accepted: [{GOOD}]")
    assert len(load_accepted(None, None)) == 1
    with pytest.raises(ConfigError, match="does not exist"):
        load_accepted(Path("other.yaml"), None)


ONE = AcceptedEntry("0" * 12, 'says "no": #1', "https://t.example/1", date(2026, 12, 31), "D5", "a.list", "/data/*/x")
TWO = AcceptedEntry("1" * 12, "second\nline")


def read_back(tmp_path: Path, text: str) -> tuple[AcceptedEntry, ...]:
    file = tmp_path / "accepted.yaml"
    file.write_text(text, encoding="utf-8")
    return read_accepted(file)


def test_entries_are_written_as_they_are_read(tmp_path: Path) -> None:
    text = with_entries(None, [ONE, TWO], tmp_path)
    assert read_back(tmp_path, text) == (ONE, TWO)
    assert 'class: "required-field-removed"' in text
    assert text.startswith("# Accepted findings")


@pytest.mark.parametrize(
    "text",
    [
        "# mine\naccepted: []\n",
        f"# mine\naccepted:\n  # about it\n  - {GOOD}",
        f"# mine\naccepted: [{GOOD}]\n",
        f"# mine\naccepted:\n- {GOOD}\n",
    ],
)
def test_an_entry_is_added_to_a_file_in_any_style(tmp_path: Path, text: str) -> None:
    known = read_back(tmp_path, text)
    added = with_entries(text, [ONE], tmp_path)
    assert read_back(tmp_path, added) == (*known, ONE)
    assert added.startswith("# mine\n")
    assert ("# about it" in added) is ("# about it" in text)


def test_accepting_again_replaces_the_entry(tmp_path: Path) -> None:
    text = with_entries(None, [ONE, TWO], tmp_path)
    later = AcceptedEntry(ONE.fingerprint, "until next year", expires=date(2027, 12, 31))
    assert read_back(tmp_path, with_entries(text, [later], tmp_path)) == (TWO, later)


def test_a_running_process_sees_changes_of_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "accepted.yaml"
    accepted = AcceptedFile(config=tmp_path / "whopwatch.toml")
    assert accepted.entries() == ()
    file.write_text(with_entries(None, [ONE], file))
    assert accepted.entries() == (ONE,)
    file.write_text("accepted: 1")
    assert accepted.entries() == accepted.entries() == (ONE,)
    assert caplog.text.count("The old entries stay in use.") == 1
    file.unlink()
    assert accepted.entries() == ()


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = AcceptedFile(config=tmp_path / "whopwatch.toml")
    monkeypatch.setattr(accepted_file, "read_accepted", pytest.fail)
    monkeypatch.setattr(accepted_file, "beside_config", pytest.fail)
    assert accepted.entries() == accepted.entries() == ()


@pytest.mark.parametrize("text", ["accepted: []", "# none: []\n\naccepted: []\n\n"])
def test_a_file_without_entries_is_read_without_yaml(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepted_file, "parse_document", pytest.fail)
    assert read_back(tmp_path, text) == ()


@pytest.mark.parametrize("text", ["accepted: []\nother: 1\n", "#\naccepted: [] - 1\n", " accepted: []\naccepted: []\n"])
def test_a_file_that_only_begins_without_entries_is_invalid(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        read_back(tmp_path, text)
