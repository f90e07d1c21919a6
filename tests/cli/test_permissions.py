"""A key that may not use some operations: never green without consent, and drift if it could use them before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proxy import Proxy, Response, api_error
from whopwatch.cli import main

RESOURCES = ["--resource", "payments,products", "--budget", "60"]


def lose_payments(_: int, path: str, response: Response) -> Response:
    return api_error(403, "forbidden") if "/payments" in path else response


def run(api: Proxy, command: str, *options: str) -> tuple[int, dict[str, Any]]:
    code = main([command, "--target", api.base_url, *RESOURCES, "--json", "report.json", *options])
    return code, json.loads(Path("report.json").read_text())


def test_a_check_without_a_permission_ends_with_3_and_names_the_operations(
    api: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    api.change = lose_payments
    code, report = run(api, "check")
    assert (code, report["verdict"]) == (3, "could-not-check")
    shown = " ".join(capsys.readouterr().out.split())
    assert "the API refuses 3 operations to this key: payments.list, payments.retrieve, payments.list_fees." in shown
    assert "--allow-unchecked" in shown


def test_the_user_may_allow_it_by_option_or_in_the_file(api: Proxy) -> None:
    api.change = lose_payments
    assert run(api, "check", "--allow-unchecked")[0] == 0
    table = f'[targets.mine]\nbase_url = "{api.base_url}"\nallow_unchecked = ["payments.*"]\n'
    Path("whopwatch.toml").write_text(table)
    assert main(["check", "--target", "mine", *RESOURCES]) == 0
    Path("whopwatch.toml").write_text(table.replace("payments.*", "products.*"))
    assert main(["check", "--target", "mine", *RESOURCES]) == 3


def test_a_pattern_of_the_file_that_matches_nothing_is_refused(api: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    Path("whopwatch.toml").write_text(
        f'[targets.mine]\nbase_url = "{api.base_url}"\nallow_unchecked = ["paiments.*"]\n'
    )
    assert main(["check", "--target", "mine"]) == 2
    error = capsys.readouterr().err
    assert "paiments.*" in error
    assert "allow_unchecked" in error


def test_a_recording_keeps_what_was_allowed(api: Proxy) -> None:
    api.change = lose_payments
    assert run(api, "check", "--record", "kept.har")[0] == 3
    assert main(["check", "--replay", "kept.har"]) == 3
    assert run(api, "check", "--allow-unchecked", "--record", "kept.har")[0] == 0
    assert main(["check", "--replay", "kept.har"]) == 0


def test_a_permission_lost_overnight_is_drift_until_it_is_accepted(api: Proxy) -> None:
    assert run(api, "drift")[0] == 0
    api.change = lose_payments
    code, report = run(api, "drift")
    (finding,) = [one for one in report["findings"] if one["severity"] != "info"]
    # One finding, not one for each of the three operations.
    assert (code, finding["class"], finding["severity"], len(finding["places"])) == (1, "D17", "high", 3)
    rows = [row for row in report["operations"] if row["id"] in ("payments.list", "payments.retrieve")]
    assert {row["state"] for row in rows} == {"drift"}
    assert all("403" in row["reason"] for row in rows)
    entry = (f"fingerprint: '{finding['fingerprint']}'", "reason: restricted", "issue: 1", "expires: 2999-01-01")
    Path("accepted.yaml").write_text("accepted:\n  - " + "\n    ".join(entry) + "\n")
    code, report = run(api, "drift", "--accepted", "accepted.yaml")
    assert (code, report["verdict"], report["reason"]) == (0, "clean", None)


def test_a_permission_that_never_was_there_is_no_drift_but_not_green(api: Proxy) -> None:
    api.change = lose_payments
    assert run(api, "drift")[0] == 3
    assert run(api, "drift")[0] == 3
    assert run(api, "drift", "--allow-unchecked")[0] == 0


def test_a_permission_that_comes_back_is_fixed(api: Proxy) -> None:
    assert run(api, "drift")[0] == 0
    api.change = lose_payments
    assert run(api, "drift")[0] == 1
    api.change = lambda number, path, response: response
    code, report = run(api, "drift")
    assert code == 0
    assert {one["state"] for one in report["findings"] if one["class"] == "D17"} == {"fixed"}
