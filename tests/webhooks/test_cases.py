"""Recorded deliveries as users get them: pinned, of an old webhook version, rewritten by a framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.signature import signed_headers
from whopwatch.webhooks.checker import DeliveryContracts
from whopwatch.webhooks.samples import Sampler

CASES = Path(__file__).with_name("cases")
SECRET = "ws_5adaf5ae17c41c84fd72722244816a4db5f6571aa3cf09d07a077fed5f0fefcf"  # noqa: S105 (made up)
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", SECRET)


def verify(case: str, *options: str) -> list[str]:
    return ["webhook", "verify", f"{CASES}/{case}/body.json", "--headers", f"{CASES}/{case}/headers.txt", *options]


def sample(event: str, **envelope: str) -> dict[str, Any]:
    """A payload as the API of the newest version sends it."""
    body: dict[str, Any] = json.loads(Sampler(load("newest"), SECRET)(event)[0].body)
    return {**body, **envelope}


def signed(folder: Path, value: object) -> list[str]:
    """Write `value` as a delivery and return the command that verifies it."""
    body = json.dumps(value)
    (folder / "body").write_text(body)
    headers = {"content-type": "application/json", **signed_headers(SECRET, "msg_1", 1_796_041_811, body.encode())}
    (folder / "headers").write_text(json.dumps(headers))
    return ["webhook", "verify", str(folder / "body"), "--headers", str(folder / "headers"), "--any-age"]


def test_a_pinned_delivery_is_checked_with_the_contract_of_its_version(tmp_path: Path, capsys: Captured) -> None:
    value = sample("membership.activated", api_version_date="2026-10-15-1")
    assert main(signed(tmp_path, value)) == 0
    out = capsys.readouterr().out
    assert "signature: valid" in out
    assert "version: the delivery is of API version 2026-10-15-1; the contract is of 2026-10-15-1" in out
    assert "event: membership.activated" in out
    del value["data"]["product"]
    assert main(signed(tmp_path, value)) == 1
    assert "critical required-field-removed (D5) /data/product" in capsys.readouterr().out


def test_an_object_with_the_fields_of_another_version_is_one_sentence(capsys: Captured) -> None:
    assert main(verify("pinned", "--any-age")) == 3
    out = capsys.readouterr().out
    assert "not checked: the delivery is of API version 2026-10-15-1; the contract is of 2026-10-15-1, but" in out
    assert "the object has the fields of another version (17 of 31 required fields are missing" in out
    assert "critical" not in out


def test_an_object_of_another_version_that_states_none_is_one_sentence() -> None:
    value = sample("membership.activated")
    del value["api_version_date"]
    result = DeliveryContracts(load("2025-01-01")).check(value)
    assert result.findings == ()
    assert (
        "states no API version; the contract is of 2025-01-01, but the object has the fields of version 2026-10-15-1"
        in (result.unchecked or "")
    )
    assert DeliveryContracts().check(value).unchecked is None


def test_many_lost_fields_alone_are_findings() -> None:
    value = sample("membership.activated", api_version_date="2026-10-15-1")
    value["data"] = {"id": value["data"]["id"], "new_field": 1}
    result = DeliveryContracts().check(value)
    assert result.unchecked is None
    assert any(finding.severity == "critical" for finding in result.findings)


def test_a_missing_field_that_no_source_requires_is_info() -> None:
    value = sample("membership.activated", api_version_date="2026-10-15-1")
    del value["data"]["affiliate"]
    (finding,) = DeliveryContracts().check(value).findings
    assert (finding.location, finding.severity, finding.breaks) == ("/data/affiliate", "info", False)


def test_a_pinned_delivery_is_not_checked_with_the_contract_of_another_version(capsys: Captured) -> None:
    assert main(verify("pinned", "--any-age", "--contract", "2025-01-01")) == 3
    out = capsys.readouterr().out
    assert "not checked: the delivery is of API version 2026-10-15-1; the contract is of 2025-01-01" in out
    assert "critical" not in out


def test_a_version_without_an_edition_is_named(tmp_path: Path, capsys: Captured) -> None:
    value = {**json.loads((CASES / "pinned" / "body.json").read_text()), "api_version_date": "2026-06-08"}
    assert main([*signed(tmp_path, value), "--json", "-"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "could-not-check"
    assert report["findings"] == []
    assert "of API version 2026-06-08; the nearest contract is of 2025-01-01" in report["operations"][0]["reason"]


def test_a_newer_version_is_checked_by_the_nearest_contract_if_it_matches() -> None:
    value = sample("payment.succeeded", api_version_date="2026-10-20")
    result = DeliveryContracts().check(value)
    assert (result.unchecked, result.version) == (None, "2026-10-20")
    assert result.contract is not None
    assert result.contract.version == "2026-10-15-1"
    changed = DeliveryContracts().check({**value, "data": {"id": 3}})
    assert changed.unchecked == "the delivery is of API version 2026-10-20; the nearest contract is of 2026-10-15-1"


@pytest.mark.parametrize("case", ["v5-payment", "v5-membership"])
def test_a_v5_delivery_is_named(capsys: Captured, case: str) -> None:
    assert main(verify(case, "--any-age")) == 3
    out = capsys.readouterr().out
    assert "signature: valid" in out
    assert "this is a v5 delivery: set the webhook's API version to v1" in out
    assert "critical" not in out


def test_the_signature_of_an_old_webhook_version_is_named(capsys: Captured) -> None:
    assert main(verify("v5-legacy-header", "--any-age")) == 1
    out = capsys.readouterr().out
    assert "not valid (legacy-signature)" in out
    assert "set the webhook's API version to v1" in out


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        ("js-amp-only", r"with \u0026, \u003c or \u003e for & < >"),
        ("js-restringified", "with amounts as 2.0 instead of 2"),
    ],
)
def test_a_body_that_javascript_wrote_again_is_recognised(capsys: Captured, case: str, cause: str) -> None:
    assert main(verify(case, "--any-age")) == 1
    out = capsys.readouterr().out
    assert "not valid (changed-bytes)" in out
    assert cause in out
    assert "JSON.stringify(req.body)" in out


def test_one_of_several_secrets_is_enough(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (f"ws_other {SECRET}", f"{SECRET},ws_other", f"ws_other\n{SECRET}\n"):
        monkeypatch.setenv("WHOP_WEBHOOK_SECRET", text)
        main(verify("pinned", "--any-age"))
        assert "signature: valid" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["ws_aaaaaaaa whsec_bbbb", 'ws_aaaa "ws_bbbb"'])
def test_one_invalid_secret_of_several_is_an_error(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", text)
    assert main(["webhook", "listen", "--listen", "127.0.0.1:0", "--seconds", "0.1"]) == 2
    err = capsys.readouterr().err
    assert "not a valid webhook secret" in err
    assert "bbbb" not in err


def test_every_case_is_complete() -> None:
    assert all((folder / name).exists() for folder in CASES.iterdir() for name in ("body.json", "headers.txt"))
