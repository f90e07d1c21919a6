"""Which failures are incidents: once, repeated with success, and few of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whopwatch.core.exchange import Exchange, Failure, Phases, Purpose
from whopwatch.run.incidents import MAX_INCIDENTS, MAX_INCIDENTS_LISTED, without_incidents


def sent(operation: str = "products.list", status: int | None = 200, path: str = "/a", **facts: object) -> Exchange:
    url = f"https://api.example{path}"
    values = {"status": status, "started_at": 1_800_000_000.0, **facts}
    return Exchange(operation, Purpose.LIST, "GET", url, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("failed", [sent(status=502), sent(status=429), sent(status=None, failure=Failure.RESET)])
def test_a_failure_that_succeeds_when_it_is_repeated_is_an_incident(failed: Exchange) -> None:
    rest, (incident,) = without_incidents([failed, sent()])
    assert [one.status for one in rest] == [200]
    assert (incident.operation, incident.at) == ("products.list", "2027-01-15T08:00:00Z")


FAILURES = [
    *(sent(status=status) for status in (429, 500, 502, 503, 504, 522)),
    *(sent(status=None, failure=failure) for failure in Failure),
]


@pytest.mark.parametrize("failed", FAILURES, ids=lambda one: str(one.failure or one.status))
@pytest.mark.parametrize("later", [sent(), sent(status=400), sent(status=404)], ids=lambda one: str(one.status))
def test_every_kind_of_hiccup_is_an_incident(failed: Exchange, later: Exchange) -> None:
    """The repetition of an invalid request gets an error, and that is a response, too."""
    assert without_incidents([failed, later])[0] == (later,)


def test_cloudflare_is_never_judged_and_is_named_status_first() -> None:
    blocked = sent(status=429, body=b"error code: 1015", headers=(("server", "cloudflare"),))
    rest, incidents = without_incidents([blocked] * 30 + [sent()])
    assert rest == (sent(),)
    assert len(incidents) == MAX_INCIDENTS_LISTED
    assert incidents[0].what.startswith("429 from Cloudflare (1015): rate limited")


def test_a_connection_that_the_server_had_closed_is_an_incident_each_time() -> None:
    idle = [one for _ in range(30) for one in (sent(status=None, failure=Failure.RESET), sent())]
    assert without_incidents(idle)[0] == (sent(),) * 30
    fresh = [replace(one, phases=Phases(connect=0.1)) for one in idle]
    assert without_incidents(fresh) == (fresh, ())


def test_a_rate_limit_that_ends_after_a_wait_is_an_incident_each_time() -> None:
    limited = [one for _ in range(10) for one in (sent(status=429), sent())]
    assert len(without_incidents(limited)[1]) == 10
    assert without_incidents([sent(status=429)] * 3)[1] == ()


def test_a_rate_limit_of_most_operations_is_judged_at_one_of_them() -> None:
    def run(limited: int, others: int) -> list[Exchange]:
        some = [one for number in range(limited) for one in (sent(f"a{number}", 429), sent(f"a{number}"))]
        return [*some, *(sent(f"b{number}") for number in range(others))]

    rest, incidents = without_incidents(run(10, 10))
    assert [one.operation for one in rest if one.status == 429] == ["a0"]
    assert len(incidents) == 9
    for elsewhere in (run(9, 0), run(10, 11)):
        assert all(one.status == 200 for one in without_incidents(elsewhere)[0])
    rest, incidents = without_incidents([*run(11, 10), sent(status=502), sent()])
    assert (len(incidents), sum(one.status == 429 for one in rest)) == (11, 1)


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
        [replace(sent(status=502), credential="none"), sent()],
        [replace(sent(status=502), method="POST"), replace(sent(), method="POST")],
    ],
)
def test_any_other_failure_is_judged(exchanges: list[Exchange]) -> None:
    assert without_incidents(exchanges) == (exchanges, ()) or without_incidents(exchanges) == (tuple(exchanges), ())


BAD_GATEWAY, RESET = sent(status=502), sent(status=None, failure=Failure.RESET, phases=Phases(connect=0.1))


TWO_PAGES = [replace(one, query=(("after", page),)) for page in "ab" for one in (BAD_GATEWAY, sent())]


@pytest.mark.parametrize(
    "exchanges",
    [
        [BAD_GATEWAY, sent(), RESET, sent()],
        [BAD_GATEWAY, RESET, sent()],
        [sent(status=429), sent(), sent(status=503), sent()],
        [*TWO_PAGES, *[sent()] * 16],
    ],
)
def test_two_hiccups_of_one_operation_are_two_incidents(exchanges: list[Exchange]) -> None:
    rest, incidents = without_incidents(exchanges)
    assert {one.status for one in rest} == {200}
    assert len(incidents) == 2


def test_an_operation_that_fails_in_the_same_way_at_several_requests_is_judged() -> None:
    assert without_incidents([*TWO_PAGES, *[sent()] * 15])[1] == ()
    assert without_incidents([*TWO_PAGES, *[sent("plans.list")] * 100])[1] == ()


def test_an_operation_that_fails_in_many_different_ways_is_judged() -> None:
    ways = [one for status in (500, 502, 503, 504) for one in (sent(status=status), sent())]
    others = [sent("plans.list")] * 100
    assert without_incidents([*ways, *others])[1] == ()
    assert len(without_incidents([*ways[:6], *others])[1]) == 3
    assert len(without_incidents([*ways, *[sent()] * 32, *others])[1]) == 4


def test_many_incidents_are_none() -> None:
    few = [sent(f"o{n}", status, f"/{n}") for n in range(MAX_INCIDENTS) for status in (503, 200)]
    assert len(without_incidents(few)[1]) == MAX_INCIDENTS
    many = [*few, sent("more", 503), sent("more")]
    assert without_incidents(many) == (many, ())
    assert len(without_incidents([*many, *[sent()] * 100])[1]) == MAX_INCIDENTS + 1


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "cf-ray"])
def test_the_id_of_the_request_is_kept(name: str) -> None:
    failed = sent(status=502, headers=((name, "req_1"),))
    assert without_incidents([failed, sent()])[1][0].request_id == "req_1"
