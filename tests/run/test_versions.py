"""What a target says about versions."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.http.mock import MockTransport
from tests.run.fake_api import FakeApi
from tests.run.in_process import InProcess
from whopwatch.cli import main
from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, load
from whopwatch.diff.result import compare_sides
from whopwatch.diff.sides import side_of_contract
from whopwatch.run.abort import KEY_MISSING, KEY_REJECTED
from whopwatch.run.versions import newest_move, survey_versions
from whopwatch.simulator import SimulatorOptions, embedded

KEY = "apik_secret_1234abcd"
PINNED = "2026-10-15-1"


@pytest.fixture(scope="module")
def newest() -> Contract:
    return load("newest")


class VersionedApi:
    """Lists its versions, the keys of the account, and its webhooks; `shown` is what it shows of the key in use."""

    def __init__(self, shown: str = "apik_*****abcd", *, status: int = 200) -> None:
        self.shown = shown
        self.status = status
        self.asked: list[tuple[str, str | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        version = request.headers.get("Api-Version-Date")
        self.asked.append((request.url.path, version))
        if version == "0001-01-01":
            message = f"Unknown API version. Supported versions: {PINNED}, 2025-01-01"
            error = {"type": "invalid_request_error", "message": message, "param": "Api-Version-Date"}
            return httpx.Response(400, json={"error": error})
        page = {"start_cursor": None, "end_cursor": None, "has_next_page": False, "has_previous_page": False}
        data = []
        if request.url.path.endswith("/api_keys"):
            other = {"id": "apik_2", "api_version_date": "2026-09-02-1", "obfuscated_secret_key": "apik_*****zzzz"}
            data = [{"id": "apik_1", "api_version_date": PINNED, "obfuscated_secret_key": self.shown}, other]
        if request.url.path.endswith("/webhooks"):
            data = [{"id": "hook_1", "api_version_date": "2026-09-15"}, {"id": "hook_2", "api_version": "v5"}]
            data.append({"id": "hook_3", "api_version_date": "a note of the customer"})
        return httpx.Response(self.status, json={"data": data, "page_info": page})


def target() -> Target:
    return Target("fake", "http://127.0.0.1:1/api/v1", "http://127.0.0.1:1/api/v2", Secret(KEY), "biz_1")


def test_versions_key_and_webhooks_are_shown(newest: Contract) -> None:
    api = VersionedApi()
    survey = survey_versions(newest, load(), target(), MockTransport(api))
    assert survey.supported == ("2025-01-01", PINNED)
    assert (survey.key_version, survey.key_evidence) == (PINNED, "key")
    assert survey.webhooks == {"hook_1": "2026-09-15", "hook_2": "v5", "hook_3": "unknown"}
    assert survey.sent == len(api.asked) == 3
    assert {version for _, version in api.asked[1:]} == {PINNED}
    assert KEY not in str(survey.to_json())


def test_a_key_that_is_not_listed_is_judged_by_responses() -> None:
    default = load()
    api = FakeApi(default)
    newest = load("newest")

    def handle(request: httpx.Request) -> httpx.Response:
        is_known = default.match(request.method, request.url.path.removeprefix("/api/v1")) is not None
        if not is_known or request.headers.get("Api-Version-Date"):
            return httpx.Response(404, json={"error": {"type": "not_found", "message": "no"}})
        return api.handle(request)

    survey = survey_versions(newest, load(), api.target(), MockTransport(handle))
    assert (survey.supported, survey.webhooks) == ((), {})
    assert (survey.key_version, survey.key_evidence) == ("2025-01-01", "responses")
    assert survey.sent <= 12


def test_two_keys_with_the_same_end_show_nothing(newest: Contract) -> None:
    survey = survey_versions(newest, load(), target(), MockTransport(VersionedApi("apik_*****zzzz")))
    assert survey.key_version is None


@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1"])
def test_a_simulator_of_either_version_lists_it(newest: Contract, version: str) -> None:
    api = InProcess(load(version), SimulatorOptions())
    assert survey_versions(newest, load(), api.target(), api).supported == (version,)


def test_a_move_counts_what_changes_to_the_newest_contract(newest: Contract) -> None:
    for version in ("2025-01-01", "2026-03-01"):
        move = newest_move(version)
        assert move is not None
        assert (move.old, move.new) == ("2025-01-01", newest.version)
        assert move.classes["D1"] > 5
        assert move.to_json()["command"] == "whopwatch diff 2025-01-01 2026-10-15-1"
    assert [newest_move(one) for one in (None, newest.version, "2027-01-01", "2020-01-01")] == [None] * 4


@pytest.mark.parametrize("key", ["unknown-key-1", None])
@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1"])
def test_a_rejected_key_shows_no_version(newest: Contract, version: str, key: str | None) -> None:
    """The header of a 401 names the version that the API chose, which is not that of the key."""
    api = InProcess(load(version), SimulatorOptions())
    survey = survey_versions(newest, load(), replace(api.target(), api_key=Secret(key) if key else None), api)
    assert (survey.supported, survey.key_version, survey.key_evidence) == ((), None, None)
    assert (survey.webhooks, survey.webhooks_listed) == ({}, False)
    assert survey.reason == (KEY_REJECTED if key else KEY_MISSING)


@pytest.mark.thorough
def test_the_command_counts_the_places_that_diff_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded() as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        assert main(["versions", "--target", simulator.base_url]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    sides = [side_of_contract(load(version)) for version in ("2025-01-01", "newest")]
    places = len(compare_sides(*sides).places)
    assert f"A move from 2025-01-01 to 2026-10-15-1 changes {places} places: " in shown


@pytest.mark.parametrize("key", ["unknown-key-1", ""])
@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1"])
def test_the_command_says_that_the_key_was_rejected(
    version: str, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded(load(version)) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", key)
        assert main(["versions", "--target", simulator.base_url]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert (KEY_REJECTED if key else KEY_MISSING) in shown
    assert "supported unknown key unknown webhooks unknown" in shown
