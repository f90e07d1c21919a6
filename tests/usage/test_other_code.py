"""Code in other languages: paths and names, as guesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.contract import load
from whopwatch.usage.impact import impact_at
from whopwatch.usage.profile import Certainty
from whopwatch.usage.scan import scan

GO = """package main

// Requests to Whop.
type Payment struct {
	CreatedAt string
	User      struct{ Email string }
}

func main() {
	get("https://api.whop.com/api/v1/payments?company_id=" + id)
	post(fmt.Sprintf("/payments/%s/refund", id))
	if kind == "refund.created" {
	}
}
"""


def test_a_file_in_another_language_gives_guesses(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(GO)
    profile = scan([tmp_path], load())
    assert {"payments.list", "payments.refund", "webhook:refund.created"} <= profile.operations.keys()
    assert {use.certainty for use in profile.operations.values()} == {Certainty.GUESSED}
    fields = profile.operations["payments.list"].fields
    assert {"/data/*/created_at", "/data/*/user/email", "param:company_id"} <= fields.keys()
    assert [place.rpartition(":")[2] for place in fields["/data/*/user/email"].places] == ["6"]
    assert "/data/*/total" not in fields
    assert profile.coverage.skipped_total == 1
    assert impact_at("payments.list", "/data/*/user/email", profile)[0] == "may hit you"
    assert impact_at("payments.list", "/data/*/total", profile)[0] == "may hit you"


@pytest.mark.parametrize("text", ["no word of it", 'get("/payments")'])
def test_a_file_that_does_not_name_whop_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "main.go").write_text(text)
    profile = scan([tmp_path], load())
    assert not profile.operations
    assert profile.coverage.skipped_total == 0
