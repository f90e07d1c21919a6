"""`whopwatch webhook` as a person runs it."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import serving
from whopwatch.cli import main
from whopwatch.cli.webhook_verify import MAX_INFO
from whopwatch.config import Secret
from whopwatch.contract import load
from whopwatch.signature import new_secret
from whopwatch.webhooks.checker import DeliveryChecker
from whopwatch.webhooks.listener import run_listener
from whopwatch.webhooks.samples import SAMPLE_CASES, Sampler

SECRET = new_secret("cli")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", SECRET)


def recorded(folder: Path, case: str = "good", *, as_lines: bool = False) -> list[str]:
    """The arguments of `verify` for a sample in files."""
    sample = Sampler(load(), SECRET)("payment.succeeded", case)[0]
    lines = "".join(f"{name.title()}: {value}\n" for name, value in sample.headers.items())
    (folder / "headers").write_text(f"POST / HTTP/1.1\n{lines}" if as_lines else json.dumps(sample.headers))
    (folder / "body").write_bytes(sample.body)
    return ["webhook", "verify", str(folder / "body"), "--headers", str(folder / "headers")]


@pytest.mark.parametrize("as_lines", [True, False])
def test_a_right_delivery_is_clean(tmp_path: Path, capsys: Capture, as_lines: bool) -> None:
    assert main(recorded(tmp_path, as_lines=as_lines)) == 0
    out = capsys.readouterr().out
    assert "signature: valid\n" in out
    assert "event: payment.succeeded\n" in out
    assert "contract: kept\n" in out
    assert "version: the delivery states no API version; the contract is of 2025-01-01\n" in out


@pytest.mark.parametrize("case", [name for name, case in SAMPLE_CASES.items() if not case.accepted])
def test_what_a_handler_has_to_refuse_is_explained(tmp_path: Path, capsys: Capture, case: str) -> None:
    assert main(recorded(tmp_path, case)) == 1
    out = capsys.readouterr().out
    assert "signature: not valid" in out
    assert "what to do: " in out
    assert SECRET not in out


def test_a_recording_may_be_of_any_age(tmp_path: Path, capsys: Capture) -> None:
    arguments = recorded(tmp_path, "old")
    assert main([*arguments, "--any-age"]) == 0
    assert main(arguments) == 1
    assert "too-old" in capsys.readouterr().out


def test_the_info_findings_of_a_foreign_body_are_bounded(tmp_path: Path, capsys: Capture) -> None:
    body = {"type": "payment.succeeded", "data": {f"field_{n}": n for n in range(40)}}
    (tmp_path / "body.json").write_text(json.dumps(body))
    (tmp_path / "headers.txt").write_text("webhook-id: msg_1\nwebhook-timestamp: 1\nwebhook-signature: v1,eA==\n")
    arguments = ["webhook", "verify", str(tmp_path / "body.json"), "--headers", str(tmp_path / "headers.txt")]
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert out.count("\n  info ") == MAX_INFO
    assert re.search(r"and \d+ info findings more: --json lists all", out)


def test_a_malformed_secret_is_reported(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", f"whsec_{SECRET}")
    assert main(recorded(tmp_path)) == 1
    assert "key-form" in capsys.readouterr().out


def test_spaces_around_a_secret_are_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", f"  {SECRET}\n")
    assert main(recorded(tmp_path)) == 0


def test_the_report_is_the_one_of_every_command(tmp_path: Path, capsys: Capture) -> None:
    assert main([*recorded(tmp_path, "changed-body"), "--json", "-"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "drift"
    assert [finding["class"] for finding in report["findings"]] == ["D23"]
    assert report["operations"][0]["id"] == "webhook:payment.succeeded"


def test_a_correct_handler_passes(capsys: Capture) -> None:
    with run_listener(load(), DeliveryChecker(load(), Secret(SECRET))) as listener:
        assert main(["webhook", "send", "refund.created", "--to", listener.url, "--case", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    *of_samples, _, verdict = lines
    assert len(of_samples) == len(SAMPLE_CASES) + 1
    assert all(line.startswith("ok ") for line in of_samples)
    assert verdict == f"CLEAN   {len(of_samples)} of {len(of_samples)} responses as expected"


def test_a_handler_that_does_not_run_could_not_be_checked(capsys: Capture) -> None:
    assert main(["webhook", "send", "refund.created", "--to", "http://127.0.0.1:1"]) == 3
    assert "COULD NOT CHECK   no response from http://127.0.0.1:1. Check --to" in capsys.readouterr().out


def test_a_handler_that_takes_anything_is_wrong(capsys: Capture) -> None:
    with serving(lambda *_: (204, {}, b"")) as (url, _):
        assert main(["webhook", "send", "entry.created", "--to", url, "--case", "all", "--json", "-"]) == 1
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert {trial["case"] for trial in trials if not trial["right"]} == {
        name for name, case in SAMPLE_CASES.items() if not case.accepted
    }


def test_a_handler_that_is_not_there_could_not_be_tried(capsys: Capture) -> None:
    assert main(["webhook", "send", "entry.created", "--to", "http://127.0.0.1:9/"]) == 3
    shown = capsys.readouterr().out
    assert re.match(r"-      good +connection refused, expected 2xx ", shown)
    assert "WRONG" not in shown


def test_nothing_received_is_nothing_verified(capsys: Capture) -> None:
    assert main(["webhook", "listen", "--listen", "127.0.0.1:0", "--seconds", "0.1", "--json", "-"]) == 3
    assert json.loads(capsys.readouterr().out)["verdict"] == "could-not-check"


def test_a_delivery_ends_in_a_report_and_metrics(capsys: Capture, tmp_path: Path) -> None:
    scraped: list[str] = []

    def deliver() -> None:
        ready: dict[str, str] = {}
        while not ready:
            time.sleep(0.02)
            ready = json.loads(capsys.readouterr().out or "{}")
        sampler = Sampler(load(), SECRET)
        for place, event in enumerate(("invoice.paid", "membership.activated")):
            sample = sampler(event)[0]
            httpx.post(ready["url"], content=sample.body, headers=dict(sample.headers))
            if place == 0:
                scraped.append(httpx.get(ready["metrics_url"]).text)

    thread = threading.Thread(target=deliver)
    thread.start()
    arguments = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--count", "2", "--json", str(tmp_path / "r")]
    assert main(["webhook", "listen", *arguments]) == 0
    thread.join()
    assert json.loads((tmp_path / "r").read_text())["deliveries"] == {"received": 2, "refused": {}}
    assert 'whop_webhook_deliveries_total{event="invoice.paid",outcome="ok"}' in scraped[0]


WRONG = {
    "webhook send payment.suceeded --to http://127.0.0.1:1/": "did you mean 'payment.succeeded'?",
    "webhook send payment.created --to http://127.0.0.1:1/ --case god": "did you mean 'good'?",
    "webhook send payment.created --to https://api.whop.com/": "Deliveries cannot be sent to Whop itself",
    "webhook send payment.created --to https://api.whop.com./": "Deliveries cannot be sent to Whop itself",
    "webhook send payment.created --to http://api\u3002whop.com/": "cannot be sent to this address",
    "webhook listen --forward https://x.WHOP.com.": "Deliveries cannot be sent to Whop itself",
    "webhook send payment.created --to ftp://x": "cannot be sent to this address",
    "webhook listen --listen nowhere": "HOST:PORT",
    "webhook listen --forward nowhere": "cannot be sent to this address",
    "webhook listen --forward http://localhost:9465/x": "has the address of this receiver",
    "webhook listen --listen 0.0.0.0:9465 --forward http://[::1]:9465/x": "has the address of this receiver",
    "webhook listen --seconds nan": "a finite number",
    "webhook listen --rate inf": "a finite number",
    "webhook verify absent --headers absent": "cannot be read",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_reported_before_a_secret_is_read(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.delenv("WHOP_WEBHOOK_SECRET")
    assert main(line.split()) == 2
    assert WRONG[line] in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "whsec_AAAA", '"ws_x"'])
def test_no_secret_is_no_start(capsys: Capture, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", text)
    assert main(["webhook", "listen", "--seconds", "0.1"]) == 2
    err = capsys.readouterr().err
    assert "WHOP_WEBHOOK_SECRET" in err
    assert "ws_x" not in err


def test_every_sample_has_an_id_of_its_own_except_a_duplicate() -> None:
    sampler = Sampler(load(), SECRET)
    ids = [sample.headers["webhook-id"] for _ in range(3) for sample in sampler("payment.succeeded")]
    assert len(set(ids)) == 3
    first, second = sampler("payment.succeeded", "duplicate")
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert json.loads(first.body)["id"] == first.headers["webhook-id"]


def test_listen_prints_a_line_for_each_request(capsys: Capture) -> None:
    def deliver(url: str) -> None:
        sample = Sampler(load(), SECRET)("invoice.paid")[0]
        httpx.post(url, content=sample.body, headers={})
        httpx.post(url, content=sample.body, headers=dict(sample.headers))

    thread = threading.Thread(target=lambda: deliver(ready_url(capsys)))
    thread.start()
    assert main(["webhook", "listen", "--listen", "127.0.0.1:0", "--count", "1"]) == 0
    thread.join()
    err = "".join(shown) + capsys.readouterr().err
    assert re.search(r"\d\d:\d\d:\d\d  refused    missing-header\n", err)
    assert re.search(r"\d\d:\d\d:\d\d  ok         invoice.paid\n", err)


shown: list[str] = []


def ready_url(capsys: Capture) -> str:
    """Return the URL that `listen` prints. What it prints on stderr by then is added to `shown`."""
    while True:
        time.sleep(0.02)
        out, err = capsys.readouterr()
        shown.append(err)
        if out:
            return str(json.loads(out)["url"])
