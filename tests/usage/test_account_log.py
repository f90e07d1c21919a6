"""`whopwatch usage --account`: operations, keys and versions from the account's own log."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.mock import MockTransport
from tests.http.support import target
from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.core.errors import TargetError
from whopwatch.usage.account_log import MAX_LOG_ROWS, read_account_log
from whopwatch.usage.api_index import ApiIndex
from whopwatch.usage.impact import impact_at
from whopwatch.usage.profile import Profile, read_profile
from whopwatch.usage.recorder import Recorder

KEY_ID = "apik_abcdef"


def row(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    shown = {"http_method": method, "http_path": path, "api_key_id": KEY_ID, "created_at": "2026-10-02T08:00:00Z"}
    return {**shown, "operation_name": None, "user_agent": "Whop/Python 2.6.0", **more}


PAGES = {
    None: [
        row("/payments"),
        row("/api/v1/users/user_1", api_key_id=None),
        row("/webhooks", user_agent="whopwatch/0.1.0"),
        row("", operation_name="plans.list"),
    ],
    "c1": [row("/payments", created_at="2026-10-01T08:00:00Z"), row("/no/such/path"), "not a row"],
}


def answer(request: httpx.Request) -> httpx.Response:
    assert request.method == "GET"
    if request.url.path.endswith("/api_keys"):
        keys = [{"id": KEY_ID, "api_version_date": "2026-07-01"}, {"id": "apik_2", "api_version_date": "not one"}]
        return httpx.Response(200, json={"data": keys, "page_info": {"has_next_page": False}})
    after = request.url.params.get("after")
    info = {"has_next_page": after is None, "end_cursor": "c1" if after is None else None}
    return httpx.Response(200, json={"data": PAGES[after], "page_info": info})


def read(transport: MockTransport, max_rows: int = MAX_LOG_ROWS) -> Profile:
    newest = load("newest")
    recorder = Recorder(ApiIndex(newest))
    read_account_log(target(), newest, recorder, transport, max_rows)
    return recorder.finish()


def test_the_log_shows_operations_keys_and_versions(tmp_path: Path) -> None:
    profile = read(MockTransport(answer))
    assert profile.operations.keys() == {"payments.list", "users.retrieve", "plans.list"}
    assert profile.account == {
        "rows": 5,
        "is_whole": True,
        "from": "2026-10-01",
        "to": "2026-10-02",
        "unknown_operations": 1,
        "versions": ["2026-07-01"],
        "keys": [{"key": hashlib.sha256(KEY_ID.encode()).hexdigest()[:12], "version": "2026-07-01", "requests": 4}],
        "requests_sent": 3,
    }
    text = json.dumps(profile.to_json())
    assert KEY_ID not in text
    assert "user_1" not in text
    (tmp_path / "usage.json").write_text(text)
    again = read_profile(tmp_path / "usage.json")
    assert again.to_json() == profile.to_json()
    assert impact_at("payments.list", "status", again)[0] == "hits you"
    assert impact_at("payments.list", "/data/*/total", again)[0] == "may hit you"


def test_a_log_that_never_ends_is_read_up_to_the_limit() -> None:
    sent: list[str | None] = []

    def endless(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/api_keys"):
            return httpx.Response(403, json={})
        sent.append(request.url.params.get("after"))
        info = {"has_next_page": True, "end_cursor": f"c{len(sent)}"}
        return httpx.Response(200, json={"data": [row("/payments")], "page_info": info})

    profile = read(MockTransport(endless), max_rows=1900)
    assert profile.account is not None
    assert (profile.account["is_whole"], profile.account["rows"]) == (False, 19)
    assert profile.account["problem"] == "it has more than 1,900 rows: read more with --log-rows"


def test_a_page_has_no_more_rows_than_were_requested() -> None:
    pages = httpx.Response(200, json={"data": [row("/payments")] * 5000, "page_info": {"has_next_page": False}})
    account = read(MockTransport(lambda _: pages)).account
    assert account is not None
    assert account["rows"] == 100


def test_the_pages_before_one_that_fails_count(tmp_path: Path) -> None:
    """A page is requested again as the server asks; if it still fails, what was read before it is kept."""
    waits: list[int] = []

    def failing(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("after") is None:
            return answer(request)
        waits.append(1)
        return httpx.Response(429, headers={"retry-after": "0"}, json={})

    account = read(MockTransport(failing)).account
    assert account is not None
    assert (account["rows"], account["is_whole"], account["problem"]) == (3, False, "page 2 cannot be read: status 429")
    assert len(waits) == 3, "one request and two retries"


@pytest.mark.parametrize(
    ("status", "said"), [(401, "check WHOP_API_KEY"), (403, "allowed to read"), (404, "from version"), (500, "later")]
)
def test_a_log_that_cannot_be_read_says_why(status: int, said: str) -> None:
    with pytest.raises(TargetError) as raised:
        read(MockTransport(lambda _: httpx.Response(status, json={})))
    assert raised.value.got == f"status {status}"
    assert said in str(raised.value)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"no json", b'{"data": 3}'])
def test_a_log_that_is_no_page_is_an_error(body: bytes) -> None:
    with pytest.raises(TargetError):
        read(MockTransport(lambda _: httpx.Response(200, content=body)))


def test_the_log_of_the_simulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "usage.json"
    assert main(["usage", "--account", "--contract", "newest", "-o", str(file)]) == 0
    profile = json.loads(file.read_text())
    assert len(profile["operations"]) > 10
    assert profile["account"]["rows"] == 30
    assert all(len(key["key"]) == 12 for key in profile["account"]["keys"])
    assert "account log: 30 requests" in capsys.readouterr().out
