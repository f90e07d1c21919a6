"""A baseline knows whose it is, and a wrong clock does not count as a success."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.history.factories import night
from whopwatch.core.errors import ConfigError
from whopwatch.history import Records
from whopwatch.history.nightly import LOCAL, claim_baseline, last_success
from whopwatch.history.store import baseline_from_json, baseline_to_json

KEY = {"WHOP_API_KEY": "key_of_a_test"}
ACME, OTHER = ({**KEY, "WHOP_COMPANY_ID": id} for id in ("biz_acme", "biz_other"))


def claim(records: Records, target: str, environ: dict[str, str] = ACME) -> None:
    claim_baseline(records, target, environ, None, Path("b.sqlite"))


def test_the_first_night_makes_its_target_the_owner() -> None:
    records = Records(salt=b"salt")
    claim(records, "production")
    assert records.owner.startswith("api.whop.com ")
    assert "acme" not in records.owner
    claim(records, "https://api.whop.com/api/v1")
    assert baseline_from_json(baseline_to_json(records), "here") == records


@pytest.mark.parametrize(
    ("target", "environ", "expected"),
    [
        ("production", OTHER, "belongs to another company"),
        ("sandbox", ACME, "belongs to another API"),
        ("http://127.0.0.1:9/api/v1", ACME, "belongs to another API"),
        ("simulator", ACME, "belongs to another API"),
    ],
)
def test_another_target_is_refused(target: str, environ: dict[str, str], expected: str) -> None:
    records = Records(salt=b"salt")
    claim(records, "production")
    owner = records.owner
    with pytest.raises(ConfigError, match=expected) as caught:
        claim(records, target, environ)
    assert "b.sqlite" in str(caught.value)
    assert records.owner == owner


def test_a_server_on_this_machine_may_change_its_port_but_not_its_company() -> None:
    records = Records(salt=b"salt")
    for target in ("http://127.0.0.1:9/api/v1", "http://localhost:8/v1"):
        claim(records, target)
    assert records.owner.startswith(f"{LOCAL} ")
    with pytest.raises(ConfigError, match="belongs to another company") as caught:
        claim(records, "http://127.0.0.1:9/api/v1", OTHER)
    assert "nights at a server on this machine, of the same company" in str(caught.value)
    assert "--baseline" in str(caught.value)


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/api/v1", "production"])
def test_the_embedded_simulator_and_another_target_share_no_baseline(target: str) -> None:
    for first, second in ((target, "simulator"), ("simulator", target)):
        records = Records(salt=b"salt")
        claim(records, first)
        with pytest.raises(ConfigError, match="belongs to another API") as caught:
            claim(records, second)
        assert "the embedded simulator" in str(caught.value)
        assert "--baseline" in str(caught.value)


def test_a_local_baseline_of_an_earlier_version_is_claimed_by_its_next_night() -> None:
    for target in ("simulator", "http://127.0.0.1:9/api/v1"):
        records = Records(salt=b"salt", owner=LOCAL)
        claim(records, target)
        assert records.owner != LOCAL
    with pytest.raises(ConfigError, match="belongs to another API"):
        claim(Records(salt=b"salt", owner=LOCAL), "production")


def test_a_night_dated_in_the_future_is_no_last_success() -> None:
    past, future = night(1), replace(night(2), started_at="2099-01-01T03:00:00Z")
    now = datetime(2026, 1, 9, tzinfo=UTC)
    assert (
        last_success(Records(salt=b"", nights=[past, future]), now)
        == datetime(2026, 1, 1, 3, 0, 1, tzinfo=UTC).timestamp()
    )
    assert last_success(Records(salt=b"", nights=[future]), now) is None
