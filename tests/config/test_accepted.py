"""The file of accepted findings."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from whopwatch.config.accepted import AcceptedEntry, read_accepted
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
        (f"accepted: [{GOOD.replace('issue: i, ', '')}]", "'issue' is missing"),
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
