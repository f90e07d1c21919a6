"""Which failures are incidents: once, repeated with success, and few of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.run.incidents import MAX_INCIDENTS, without_incidents


def sent(operation: str = "products.list", status: int | None = 200, path: str = "/a", **facts: object) -> Exchange:
    url = f"https://api.example{path}"
    values = {"status": status, "started_at": 1_800_000_000.0, **facts}
    return Exchange(operation, Purpose.LIST, "GET", url, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("failed", [sent(status=502), sent(status=429), sent(status=None, failure=Failure.RESET)])
def test_a_failure_that_succeeds_when_it_is_repeated_is_an_incident(failed: Exchange) -> None:
    rest, (incident,) = without_incidents([failed, sent()])
    assert [one.status for one in rest] == [200]
    assert (incident.operation, incident.at) == ("products.list", "2027-01-15T08:00:00Z")


@pytest.mark.parametrize(
    "exchanges",
    [
        [sent(status=502)],
        [sent(), sent(status=502)],
        [sent(status=502), sent(path="/b")],
        [sent(status=502), sent(operation="plans.list")],
        [sent(status=502), replace(sent(), query=(("first", "2"),))],
        [sent(status=502), sent(status=502), sent()],
        [sent(status=404), sent()],
        [replace(sent(status=502), credential="none"), replace(sent(), credential="none")],
        [replace(sent(status=502), method="POST"), replace(sent(), method="POST")],
    ],
)
def test_any_other_failure_is_judged(exchanges: list[Exchange]) -> None:
    assert without_incidents(exchanges) == (exchanges, ()) or without_incidents(exchanges) == (tuple(exchanges), ())


def test_many_incidents_are_none() -> None:
    few = [sent(f"o{n}", status, f"/{n}") for n in range(MAX_INCIDENTS) for status in (503, 200)]
    assert len(without_incidents(few)[1]) == MAX_INCIDENTS
    many = [*few, sent("more", 503), sent("more")]
    assert without_incidents(many) == (many, ())


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "cf-ray"])
def test_the_id_of_the_request_is_kept(name: str) -> None:
    failed = sent(status=502, headers=((name, "req_1"),))
    assert without_incidents([failed, sent()])[1][0].request_id == "req_1"
