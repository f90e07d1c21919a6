"""probes.toml: strict, with errors that name the place; and which times a maintenance window covers."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.prober.support import CONTRACT
from whopwatch.contract import load
from whopwatch.core.errors import ConfigError
from whopwatch.core.finding import Severity
from whopwatch.prober.settings import default_file, parse_settings, read_settings, read_window, select_probes

GETS = "[[probes]]\ngets = true\n"


def probes(text: str) -> dict[str, object]:
    settings = parse_settings(tomllib.loads(text), "probes.toml")
    return {probe.id: probe for probe in select_probes(settings, CONTRACT)}


def test_the_default_file_probes_every_read_within_its_budget() -> None:
    settings = read_settings(default_file())
    selected = {probe.id for probe in select_probes(settings, CONTRACT)}
    assert selected == {operation.id for operation in CONTRACT.reads}


def test_every_key_of_a_table() -> None:
    text = """
    [prober]
    workers = 4
    fresh_connections = false
    [budget]
    requests_per_minute = 100
    [defaults]
    interval = "2m"
    timeout = 5
    fails_on = "medium"
    [[probes]]
    resources = ["products"]
    tags = ["plans"]
    except = ["plans.retrieve"]
    [[probes]]
    operations = ["products.retrieve", "v2.plans.retrieve"]
    params = { id = "prod_1" }
    interval = "90s"
    objective = 0.5
    latency_threshold = "250ms"
    """
    settings = parse_settings(tomllib.loads(text), "probes.toml")
    found = {probe.id: probe for probe in select_probes(settings, CONTRACT)}
    assert settings.workers == 4
    assert not settings.fresh_connections
    assert set(found) == {"products.list", "products.retrieve", "plans.list", "v2.plans.retrieve"}
    listed, retrieved = found["products.list"], found["products.retrieve"]
    assert (listed.options.interval, listed.options.timeout, listed.options.fails_on) == (120, 5, Severity.MEDIUM)
    assert (retrieved.options.interval, retrieved.options.latency_threshold) == (90, 0.25)
    assert retrieved.options.objective == 0.5
    assert (dict(retrieved.params), dict(listed.params)) == ({"id": "prod_1"}, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[prober]]\n" + GETS, "expected: a table of settings"),
        ("[[probe]]\ngets = true", "did you mean 'probes'?"),
        (GETS + "intervall = '5s'", "did you mean 'interval'?"),
        (GETS + "[defaults]\ntimeuot = '5s'", "did you mean 'timeout'?"),
        ("[[probes]]\n", "The table selects no operation."),
        ("[[probes]]\ngets = 1", "expected: true or false"),
        ("[[probes]]\ngets = false", "The table selects no operation."),
        ("[budget]\nrequests_per_minute = 5", "The schedule needs 49 requests a minute, the budget allows 5."),
        ("probes = 3", "got: 3"),
        ("[[probes]]\noperations = ['products.lst']", "did you mean 'products.list'?"),
        ("[[probes]]\noperations = 'products.list'", "expected: a list of strings"),
        ("[[probes]]\noperations = []", "expected: a list of strings"),
        ("[[probes]]\noperations = ['products.create']", "is a write operation"),
        ("[[probes]]\nresources = ['product']", "did you mean 'products'?"),
        ("[[probes]]\ntags = ['product']", "The contract has no tag 'product'"),
        (GETS + "except = ['prducts']", "The contract has no operation or resource 'prducts'"),
        (GETS + "interval = '5 parsecs'", 'expected: a duration above 0 such as "30s"'),
        (GETS + "interval = -1", "got: -1"),
        (GETS + "interval = inf", "got: inf"),
        (GETS + "interval = true", "got: true"),
        (GETS + "interval = '5s'", "timeout (10 s) must not exceed interval (5 s)"),
        (GETS + "objective = 1.0", "expected: a number between 0 and 1"),
        (GETS + "objective = 99", "got: 99"),
        (GETS + "fails_on = 'hihg'", "did you mean 'high'?"),
        (GETS + "page_size = 0", "expected: an integer above 0"),
        (GETS + "params = { idd = 'x' }", "did you mean 'id'?"),
        (GETS + "params = { id = 3 }", "expected: a string in quotes"),
        (GETS + "params = 'x'", "expected: a table such as"),
        (GETS + "[prober]\nworkers = 1.5", "got: 1.5"),
        (GETS + "interval = '10s'", "The schedule needs 474 requests a minute, the budget allows 240."),
        (GETS + "[[maintenance]]\n", "A maintenance window needs exactly one kind of time."),
        (GETS + "[[maintenance]]\nfrom = 2026-01-01\nuntil = 2026-01-02", "a date and time with its zone"),
        (
            GETS + "[[maintenance]]\nfrom = 2026-01-02T00:00:00Z\nuntil = 2026-01-01T00:00:00Z",
            "ends before it begins",
        ),
        (GETS + "[[maintenance]]\nstart = '25:00'\nduration = '1h'", "a time of day in UTC"),
        (GETS + "[[maintenance]]\nstart = '02:00'\nduration = '8d'", "longer than a week"),
        (GETS + "[[maintenance]]\nstart = '02:00'\nduration = '1h'\nweekdays = ['so']", "expected: one of mon, tue"),
        (
            GETS + "[[maintenance]]\nstart='02:00'\nduration='1h'\nresources = ['nope']",
            "The contract has no resource 'nope'",
        ),
    ],
)
def test_invalid_settings_are_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        probes(text)
    assert told in str(refused.value)
    assert "where: " in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "does not exist"), (b"gets = ", "is not valid TOML"), (b"\xff", "cannot be read")],
)
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=told) as refused:
        read_settings(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("name", [None, "newest"])
def test_the_default_probes_are_those_of_the_contract(name: str | None) -> None:
    contract = load(name)
    probes = {probe.id: probe for probe in select_probes(read_settings(default_file()), contract)}
    reads = {operation.id for operation in contract.reads}
    assert set(probes) == reads
    assert probes["payments.list"].options.interval == 30
    account = contract.account.resource
    assert probes[f"{account}.retrieve"].options.interval == 30


SUNDAY = datetime(2026, 2, 1, tzinfo=UTC)


def holds(now: datetime, **table: Any) -> bool:
    return read_window(table, "here").is_active(now)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [("01:59", False), ("02:00", True), ("03:29", True), ("03:30", False), ("26:00", False)],
)
def test_a_weekly_window(offset: str, expected: bool) -> None:
    hours, minutes = map(int, offset.split(":"))
    now = SUNDAY + timedelta(hours=hours, minutes=minutes)
    assert holds(now, weekdays=["sun"], start="02:00", duration="90m") is expected


def test_a_window_goes_on_over_midnight() -> None:
    window: dict[str, Any] = {"weekdays": ["sat"], "start": "23:00", "duration": "3h"}
    assert holds(SUNDAY + timedelta(hours=1, minutes=59), **window)
    assert not holds(SUNDAY + timedelta(hours=2), **window)
    assert not holds(SUNDAY + timedelta(days=1, hours=1), **window)


def test_a_window_of_days() -> None:
    window: dict[str, Any] = {"weekdays": ["sun"], "start": "12:00", "duration": "3d"}
    assert holds(SUNDAY + timedelta(days=3, hours=11), **window)
    assert not holds(SUNDAY + timedelta(days=3, hours=12), **window)


def test_without_weekdays_it_is_every_day() -> None:
    for day in range(7):
        assert holds(SUNDAY + timedelta(days=day, hours=2), start="02:00", duration="1h")


def test_a_single_window_in_any_time_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    window = {"from": SUNDAY, "until": SUNDAY + timedelta(hours=1)}
    assert holds(datetime(2026, 2, 1, 1, 30, tzinfo=berlin), **window)
    assert not holds(datetime(2026, 2, 1, 2, 0, tzinfo=berlin), **window)
