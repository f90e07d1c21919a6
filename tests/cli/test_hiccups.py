"""One failure that does not repeat is an incident, not drift; one that repeats is drift."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proxy import JSON, Proxy, Response
from whopwatch.cli import main

HTML = (502, {"content-type": "text/html", "x-request-id": "req_1"}, b"<html>502</html>")
LIMITED = (429, {**JSON, "retry-after": "1"}, b'{"error": {"type": "rate_limit_exceeded", "message": "slow"}}')


def check(api: Proxy) -> tuple[int, dict[str, Any]]:
    options = ("--resource", "products,plans", "--budget", "60", "--json", "report.json")
    code = main(["check", "--target", api.base_url, *options])
    return code, json.loads(Path("report.json").read_text())


@pytest.mark.parametrize(("answer", "what"), [(HTML, "status 502"), (LIMITED, "status 429")], ids=["502", "429"])
def test_one_failure_is_an_incident_and_no_drift(
    api: Proxy, answer: Response, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api.change = lambda number, _, response: answer if number == 3 else response
    code, report = check(api)
    assert (code, report["verdict"]) == (0, "clean")
    (incident,) = report["incidents"]
    assert incident["what"].startswith(what)
    assert incident["operation"] in {row["id"] for row in report["operations"]}
    assert incident["at"].endswith("Z")
    assert "incidents" in capsys.readouterr().out
    assert incident["request_id"] == ("req_1" if answer is HTML else None)


TRUNCATED = (200, {**JSON, "content-length": "100"}, b'{"data": [')
SERVER_ERRORS: list[Response] = [(status, JSON, b"{}") for status in (500, 503, 504)]
CLOUDFLARE: list[Response] = [
    (522, {"content-type": "text/plain", "server": "cloudflare"}, b"error code: 522"),
    (429, {"content-type": "text/plain", "server": "cloudflare"}, b"error code: 1015"),
    (403, {"content-type": "text/html", "cf-mitigated": "challenge"}, b"<html>Just a moment...</html>"),
]


@pytest.mark.parametrize("answer", [None, TRUNCATED, *SERVER_ERRORS, *CLOUDFLARE], ids=lambda one: str(one and one[:1]))
def test_a_hiccup_of_any_kind_is_an_incident(api: Proxy, answer: Response | None) -> None:
    command = "check" if answer else "drift"
    api.change = lambda number, _, response: answer if number == 7 else response
    options = ("--only", "products.list,plans.list,companies.retrieve", "--budget", "40", "--json", "report.json")
    code = main([command, "--target", api.base_url, *options])
    report = json.loads(Path("report.json").read_text())
    assert (code, report["findings"]) == (0, [])
    (incident,) = report["incidents"]
    assert incident["what"].startswith(("no response: ", "status 5", "522 from", "429 from", "403 from"))


def test_a_failure_that_repeats_is_drift(api: Proxy) -> None:
    api.change = lambda _, path, response: HTML if path.endswith("/plans") else response
    code, report = check(api)
    assert code == 1
    assert "incidents" not in report


def test_many_failures_are_no_accident(api: Proxy) -> None:
    api.change = lambda number, _, response: HTML if number % 5 == 3 else response
    code, report = check(api)
    assert code == 1
    assert "incidents" not in report
