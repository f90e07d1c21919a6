"""One failure that does not repeat is an incident, not drift; one that repeats is drift."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.proxy import JSON, Proxy, Response
from whopwatch.cli import main

HTML = (502, {"content-type": "text/html", "x-request-id": "req_1"}, b"<html>502</html>")
AT_ONCE = {**JSON, "retry-after": "0"}  # without it the client waits a second before it tries again
LIMITED = (429, AT_ONCE, b'{"error": {"type": "rate_limit_exceeded", "message": "slow"}}')


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
SERVER_ERRORS: list[Response] = [(status, AT_ONCE, b"{}") for status in (500, 503, 504)]
CLOUDFLARE: list[Response] = [
    (522, {"content-type": "text/plain", "server": "cloudflare"}, b"error code: 522"),
    (429, {**AT_ONCE, "content-type": "text/plain", "server": "cloudflare"}, b"error code: 1015"),
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


RESET = None
PAIRS: list[tuple[Response | None, Response | None]] = [
    (HTML, RESET),
    (RESET, TRUNCATED),
    (LIMITED, (503, AT_ONCE, b"{}")),
    (HTML, HTML),
    (CLOUDFLARE[0], (500, JSON, b"{}")),
]
# One request at once: which response is the nth must not depend on how busy the machine is.
OPTIONS = ("--only", "products.list,products.retrieve", "--budget", "80", "--concurrency", "1")


def failing(path: str, failures: dict[int, Response | None]) -> Callable[[int, str, Response], Response | None]:
    """Return a change that replaces the nth responses to requests of `path`, counted from 1."""
    count = iter(range(1, 10_000))

    def change(_: int, requested: str, response: Response) -> Response | None:
        if not requested.endswith(path):
            return response
        number = next(count)
        return failures.get(number, response)

    return change


@pytest.mark.parametrize("places", [(1, 2), (1, 4), (3, 4), (4, 9)], ids=str)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(str(one and one[0]) for one in pair))
def test_two_different_hiccups_of_one_operation_are_two_incidents(
    api: Proxy, pair: tuple[Response | None, Response | None], places: tuple[int, int]
) -> None:
    """In a row the second one answers the repeated request, so only the same failure there is drift."""
    first, second = pair
    api.change = failing("/products", {places[0]: first, places[1]: second})
    command = "drift" if places[0] == 3 else "check"
    code = main([command, "--target", api.base_url, *OPTIONS, "--json", "report.json"])
    report = json.loads(Path("report.json").read_text())
    repeats = first == second and places[1] == places[0] + 1
    assert (code, bool(report["findings"])) == ((1, True) if repeats else (0, False))
    assert len(report.get("incidents", ())) == (0 if repeats else 2)


@pytest.mark.parametrize("pair", PAIRS[:3], ids=lambda pair: "-".join(str(one and one[0]) for one in pair))
def test_two_hiccups_of_one_probe_are_two_incidents(
    api: Proxy, pair: tuple[Response | None, Response | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whopwatch.prober.once.REPEAT_PAUSE", 0.0)
    Path("probes.toml").write_text('[[probes]]\noperations = ["products.list", "products.retrieve"]\n')
    api.change = failing("/products", dict(enumerate(pair, 1)))  # the list runs for the retrieve, too
    options = ("--once", "--config", "probes.toml", "--json", "report.json")
    code = main(["probe", "--target", api.base_url, *options])
    report = json.loads(Path("report.json").read_text())
    assert (code, report["findings"]) == (0, [])
    assert len(report["incidents"]) == 2


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
