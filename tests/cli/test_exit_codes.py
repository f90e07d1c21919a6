"""Each row and rule of docs/reference/exit-codes.md, on a real command line."""

from __future__ import annotations

import _thread
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import ANSWERS, EMPTY_PAGE, KEY, serving
from tests.cli.proxy import JSON, Proxy, Response, api_error
from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.signature import new_secret, signed_headers
from whopwatch.webhooks.samples import Sampler

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"
FEW = ["--only", "products.list,companies.retrieve", "--budget", "20"]


def check(api: Proxy, *options: str) -> int:
    return main(["check", "--target", api.base_url, *FEW, *options])


def drift(api: Proxy, *options: str) -> int:
    return main(["drift", "--target", api.base_url, *FEW, *options])


def change(old: bytes, new: bytes) -> Callable[[int, str, Response], Response]:
    """Return a change of the bodies of lists of products, for a proxy."""

    def changed(_: int, path: str, response: Response) -> Response:
        status, headers, body = response
        return (status, headers, body.replace(old, new)) if path.endswith("/products") else response

    return changed


BROKEN = change(b'"title":', b'"titel":')


def test_the_page_lists_the_codes_that_commands_use() -> None:
    rows = re.findall(r"^\| (\d+) \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ["0", "1", "2", "3", "130"]


def test_0_everything_is_verified(api: Proxy) -> None:
    assert check(api) == 0


def test_1_a_finding_breaks_the_contract(api: Proxy) -> None:
    api.change = BROKEN
    assert check(api) == 1


@pytest.mark.parametrize("line", ["check --budgt 3", "check --budget 0", "check --config none.toml", "check --only x"])
def test_2_a_usage_or_configuration_error(line: str) -> None:
    assert main(line.split()) == 2


@pytest.mark.parametrize("kind", ["refuses the key", "is empty"])
def test_3_nothing_was_verified(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_API_KEY", KEY)
    monkeypatch.setenv("WHOP_COMPANY_ID", "biz_mine")
    with serving(ANSWERS[kind]) as (url, _):
        assert main(["check", "--target", url]) == 3


def test_130_ctrl_c(api: Proxy) -> None:
    # A process that a script starts in the background ignores SIGINT from the beginning.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(number: int, _: str, response: Response) -> Response:
        if number == 2:
            _thread.interrupt_main()
        return response

    api.change = interrupt
    try:
        assert main(["check", "--target", api.base_url, "--json", "report.json"]) == 130
    finally:
        signal.signal(signal.SIGINT, former)
    assert Path("report.json").exists()


def test_drift_wins_over_could_not_check(api: Proxy) -> None:
    api.change = BROKEN
    assert main(["check", "--target", api.base_url, "--resource", "products,plans", "--budget", "3"]) == 1


def test_an_info_finding_passes(api: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    api.change = change(b'"title":', b'"field_that_is_new":1,"title":')
    assert check(api) == 0
    assert "field_that_is_new" in capsys.readouterr().out
    assert check(api, "--fail-on", "info") == 1


def test_a_budget_that_leaves_operations_out_does_not_pass(api: Proxy) -> None:
    assert main(["check", "--target", api.base_url, "--resource", "products,plans,reviews", "--budget", "2"]) == 3


def test_a_refused_operation_does_not_pass_unless_it_is_allowed(api: Proxy) -> None:
    api.change = lambda _, path, response: api_error(403, "forbidden") if "/products" in path else response
    assert check(api) == 3
    assert check(api, "--allow-unchecked") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("title", "code"), [("", 0), ("unknown", 1), (None, 3)])
def test_a_stopped_receiver_ends_with_its_verdict(
    number: signal.Signals,
    title: str | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`title` is what follows the event's name in the one delivery, None without a delivery."""
    secret = new_secret("0")
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET", secret)
    problems: list[Exception] = []

    def deliver_and_stop() -> None:
        try:
            ready = ""
            while not ready:
                time.sleep(0.02)
                ready = capsys.readouterr().out
            if title is not None:
                body = Sampler(load(), secret)("invoice.paid")[0].body
                body = body.replace(b"invoice.paid", f"invoice.paid{title}".encode())
                headers = {
                    "content-type": "application/json",
                    **signed_headers(secret, "msg_1", int(time.time()), body),
                }
                httpx.post(json.loads(ready)["url"], content=body, headers=headers).raise_for_status()
        except Exception as error:
            problems.append(error)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=deliver_and_stop)
    thread.start()
    assert main(["webhook", "listen", "--listen", "127.0.0.1:0", "--seconds", "60"]) == code
    thread.join()
    assert not problems


def test_fail_on_a_severity(api: Proxy) -> None:
    api.change = change(b'"visibility":"', b'"visibility":"un')
    assert check(api) == 1
    assert check(api, "--fail-on", "medium") == 1
    assert check(api, "--fail-on", "high") == 0


def test_fail_on_new_passes_from_the_second_night_on(api: Proxy) -> None:
    assert drift(api) == 0
    api.change = BROKEN
    assert drift(api, "--fail-on", "new") == 1
    assert drift(api, "--fail-on", "new") == 0
    assert drift(api) == 1


def test_a_night_is_compared_with_the_last_one_that_verified_something(
    api: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def night(key: str, expected: int) -> tuple[dict[str, Any], str]:
        monkeypatch.setenv("WHOP_API_KEY", key)
        capsys.readouterr()
        assert drift(api, "--json", "night.json") == expected
        return json.loads(Path("night.json").read_text()), " ".join(capsys.readouterr().out.split())

    right, wrong = os.environ["WHOP_API_KEY"], "unknown-key-1"
    night(wrong, 3)
    verified, shown = night(right, 0)
    assert verified["memory"]["previous"] is None
    assert "nothing to compare with: no earlier night verified an operation" in shown
    rejected, _ = night(wrong, 3)
    assert rejected["memory"]["previous"] == verified["started_at"]
    later, shown = night(right, 0)
    assert later["memory"] | {"checks_within_nights": 0} == {
        "nights": 3,
        "previous": verified["started_at"],
        "checks_within_nights": 0,
    }
    assert "nothing changed since" in shown


def test_a_night_whose_key_is_rejected_lists_the_known_findings_and_could_not_check(
    api: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.change = BROKEN
    assert drift(api) == drift(api) == 1
    key = os.environ["WHOP_API_KEY"]
    monkeypatch.setenv("WHOP_API_KEY", "unknown-key-1")
    for options in ([], ["--fail-on", "high"], ["--contract", "newest", "--only", "products.list"]):
        capsys.readouterr()
        only = FEW if "--contract" not in options else []
        assert main(["drift", "--target", api.base_url, *only, "--json", "dead.json", *options]) == 3
        shown = " ".join(capsys.readouterr().out.split())
        assert "of earlier nights, not rechecked (1 critical" in shown
        assert "not compared with " in shown
        assert "nothing changed" not in shown
        dead = json.loads(Path("dead.json").read_text())
        assert {one["state"] for one in dead["findings"] if one["severity"] == "critical"} == {"known"}
        assert all("Not rechecked since." in one["message"] for one in dead["findings"])
    assert main(["report", "dead.json"]) == 3
    Path("companies.toml").write_text(
        f'[[companies]]\nname = "a"\ntarget = "{api.base_url}"\napi_key_env = "WHOP_API_KEY"\n'
        f'company_id = "{os.environ["WHOP_COMPANY_ID"]}"\nbaseline = "reports/baseline.sqlite"\n'
    )
    assert main(["drift", "--targets", "companies.toml", *FEW]) == 3
    monkeypatch.setenv("WHOP_API_KEY", key)
    assert drift(api, "--json", "later.json") == 1
    later = json.loads(Path("later.json").read_text())
    assert {one["state"] for one in later["findings"] if one["severity"] == "critical"} == {"known"}
    assert "restarted" not in later["memory"]


def test_accepted_findings_pass(api: Proxy) -> None:
    api.change = BROKEN
    assert drift(api, "--json", "report.json") == 1
    found = {one["fingerprint"] for one in json.loads(Path("report.json").read_text())["findings"]}
    entries = [
        f"  - fingerprint: '{one}'\n    reason: known\n    issue: 1\n    expires: 2999-01-01\n" for one in sorted(found)
    ]
    Path("accepted.yaml").write_text("accepted:\n" + "".join(entries))
    assert drift(api, "--accepted", "accepted.yaml") == 0


def test_fixed_findings_pass(api: Proxy) -> None:
    api.change = BROKEN
    assert drift(api) == 1
    api.change = lambda _, path, response: response
    assert drift(api) == 0


HICCUP: Response = (502, {"content-type": "text/html"}, b"<html>502</html>")
CLOUDFLARE: Response = (522, {"content-type": "text/plain", "server": "cloudflare"}, b"error code: 522")


def test_a_hiccup_passes_and_a_failure_that_repeats_does_not(api: Proxy) -> None:
    api.change = lambda number, _, response: HICCUP if number == 5 else response
    assert check(api) == 0
    api.change = lambda number, _, response: HICCUP if number >= 5 and number % 2 else response
    assert check(api) == 1


def test_a_response_of_cloudflare_is_no_drift(api: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    api.change = lambda number, _, response: CLOUDFLARE
    assert check(api) == 3
    api.change = lambda number, path, response: CLOUDFLARE if "/plans" in path else response
    options = ("--only", "products.list,plans.list", "--budget", "40")
    assert main(["check", "--target", api.base_url, *options]) == 3
    assert "1 operation got no response of the API: plans.list." in capsys.readouterr().out


def test_what_no_source_states_passes_until_a_night_has_seen_it(api: Proxy) -> None:
    def accepts_sizes(_: int, path: str, response: Response) -> Response:
        is_refusal = response[0] == 400 and b"first" in response[2]
        return (200, JSON, json.dumps(EMPTY_PAGE).encode()) if is_refusal else response

    api.change = accepts_sizes
    assert check(api) == 0
    assert drift(api) == 0
    api.change = lambda _, __, response: response
    assert drift(api) == 0
    api.change = accepts_sizes
    assert drift(api) == 1
