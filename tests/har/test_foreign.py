"""Archives that others wrote: browsers and proxies, whole and broken ones."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.har.conftest import BASE, archive, chrome, saved
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Purpose
from whopwatch.core.report import Report, State, Verdict
from whopwatch.har import Recording, parse, read, recover
from whopwatch.har.json_stream import MAX_HAR_LEVELS
from whopwatch.har.read import KeptText, purpose_of
from whopwatch.run.replay import NOT_RECORDED, replay

HarEntry = dict[str, Any]
PAIRS = (("v1", BASE),)


def recovered(contract: Contract, *entries: HarEntry) -> Recording:
    return recover(contract, parse(json.dumps(archive(*entries)).encode(), "test"), PAIRS)


def checked(contract: Contract, *entries: HarEntry) -> Report:
    return replay(contract, recovered(contract, *entries), "test")


def states(report: Report) -> dict[str, State]:
    return {row.id: row.state for row in report.operations if row.reason != NOT_RECORDED}


def firefox(entry: HarEntry) -> HarEntry:
    """The same entry as Firefox exports it."""
    entry = copy.deepcopy(entry)
    for name in [name for name in entry if name.startswith("_")]:
        del entry[name]
    entry["request"]["httpVersion"] = entry["response"]["httpVersion"] = "HTTP/2"
    entry["response"]["headers"] = [{"name": "content-type", "value": "application/json; charset=utf-8"}]
    entry["timings"] = {"blocked": 0, "dns": 0, "connect": 0, "ssl": 0, "send": 0, "wait": 40, "receive": 0}
    entry["startedDateTime"] = "2026-11-20T11:00:00.123+01:00"
    return entry


def mitmproxy(entry: HarEntry) -> HarEntry:
    """The same entry as mitmproxy exports it: bodies may be in base64."""
    entry = firefox(entry)
    content = entry["response"]["content"]
    content["text"], content["encoding"] = base64.b64encode(content["text"].encode()).decode(), "base64"
    entry["timings"] = {"connect": -1.0, "ssl": -1.0, "send": 3.1, "receive": 12.4, "wait": 33.0}
    entry["_webSocketMessages"] = None
    return entry


@pytest.mark.parametrize("style", [lambda entry: entry, firefox, mitmproxy], ids=["chrome", "firefox", "mitmproxy"])
def test_an_export_is_held_against_the_contract(contract: Contract, page: HarEntry, style: Any) -> None:
    url = f"{BASE}/products?company_id=biz_1&first=10"
    good = checked(contract, style(chrome(url, page)))
    assert (good.verdict, states(good)) == (Verdict.CLEAN, {"products.list": State.VERIFIED})
    assert good.operations[0].samples == 3
    assert (good.sent, good.started_at) == (0, "2026-11-20T10:00:00Z")
    broken = copy.deepcopy(page)
    del broken["data"][1]["created_at"]
    bad = checked(contract, style(chrome(url, broken)))
    assert bad.verdict is Verdict.DRIFT
    assert [(f.drift_class, f.location) for f in bad.findings] == [("D5", "/data/*/created_at")]


def test_times_are_taken_over_in_seconds(contract: Contract, page: HarEntry) -> None:
    phases = recovered(contract, chrome(f"{BASE}/products", page)).exchanges[0].phases
    assert phases.dns is None
    assert (phases.connect, phases.tls, phases.ttfb) == pytest.approx((0.01, 0.02, 0.025))
    assert phases.total == pytest.approx(0.0615)


def test_other_hosts_are_ignored_and_paths_without_an_operation_are_listed(contract: Contract, page: HarEntry) -> None:
    recording = recovered(
        contract,
        chrome("https://cdn.example/app.js", "let x"),
        chrome("https://api.whop.com.evil.example/api/v1/products", page),
        chrome("https://api.whop.com/api/v5/me/companies/biz_secret123?token=abc", {}),
        chrome(f"{BASE}/products/prod_1/unheard-of", {}),
        {**chrome(f"{BASE}/unheard-of", {}), "request": {"method": "OPTIONS", "url": f"{BASE}/unheard-of"}},
        chrome(f"{BASE}/products", page),
    )
    assert len(recording.exchanges) == 1
    assert recording.ignored == {"other hosts": 2, "preflights (OPTIONS)": 1}
    assert recording.unmatched == {
        "GET /api/v5/me/companies/*": 1,
        "GET /api/v1/products/*/unheard-of": 1,
    }


def test_what_an_export_left_out_is_no_finding(contract: Contract, page: HarEntry) -> None:
    url = f"{BASE}/products"
    text = json.dumps(page)
    recording = recovered(
        contract,
        chrome(url, page, content={"size": 900, "mimeType": "application/json"}),
        chrome(url, page, content={"size": len(text), "mimeType": "application/json", "text": text[:50]}),
        chrome(url, page, content={"size": 4, "mimeType": "application/json", "text": "***", "encoding": "base64"}),
        chrome(url, page, status=0),
        chrome(url, page, status=304),
        chrome(url, page, status=429),
    )
    assert not recording.exchanges
    assert sum(recording.ignored.values()) == 6
    report = replay(contract, recording, "test")
    assert (report.verdict, report.findings) == (Verdict.COULD_NOT_CHECK, ())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
@pytest.mark.parametrize("path", ["/products", "/products?order=odd", "/products?after=old", "/products/prod_1"])
def test_a_rejected_request_of_another_program_is_no_finding(
    contract: Contract, page: HarEntry, status: int, path: str
) -> None:
    error = {"error": {"type": ERRORS.get(status, "bad_request"), "message": "no", "code": "parameter_missing"}}
    listed = chrome(f"{BASE}/products?company_id=biz_1&first=10", page)
    report = checked(contract, listed, chrome(f"{BASE}{path}", error, status=status), listed)
    assert report.findings == ()
    flat = chrome(f"{BASE}{path}", {"message": 5}, status=status)
    assert {finding.drift_class for finding in checked(contract, listed, flat).findings} == {"D15"}


ERRORS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 422: "verification_required"}


def test_a_write_that_was_recorded_is_checked_like_a_read(contract: Contract) -> None:
    body = {"error": {"type": "bad_request", "message": "no"}}
    refused = chrome(f"{BASE}/products", body, status=400)
    refused["request"]["method"] = "POST"
    assert states(checked(contract, refused)) == {"products.create": State.COULD_NOT_CHECK}
    broken = chrome(f"{BASE}/products", {"id": 5})
    broken["request"]["method"] = "POST"
    report = checked(contract, broken)
    assert states(report) == {"products.create": State.DRIFT}
    assert report.verdict is Verdict.DRIFT


@pytest.mark.parametrize(
    ("query", "purpose"),
    [
        ("company_id=biz_1", Purpose.LIST),
        ("company_id=biz_1&first=5", Purpose.LIST),
        ("company_id=biz_1&first=5&after=x", Purpose.NEXT_PAGE),
        ("company_id=biz_1&last=5&before=x", Purpose.PREVIOUS_PAGE),
        ("company_id=biz_1&order=created_at", Purpose.QUERY),
        ("company_id=biz_1&nobody_documents=this", Purpose.QUERY),
        ("company_id=biz_1&first=-1", Purpose.INVALID_SIZE),
        ("company_id=biz_1&first=many", Purpose.INVALID_SIZE),
        ("company_id=biz_1&first=1&last=1", Purpose.INVALID_SIZE),
    ],
)
def test_the_purpose_follows_from_the_query(contract: Contract, page: HarEntry, query: str, purpose: Purpose) -> None:
    assert recovered(contract, chrome(f"{BASE}/products?{query}", page)).exchanges[0].purpose is purpose
    checked(contract, chrome(f"{BASE}/products?{query}", page))
    assert purpose_of(contract.operation("products.list"), (), "no-key") is Purpose.NO_KEY


BAD = {
    "empty": b"",
    "not JSON": b"<html>",
    "not UTF-8": b"\xff\xfe{",
    "a list": b"[]",
    "no entries": b'{"log": {}}',
    "entries of another kind": b'{"log": {"entries": [5]}}',
    "no URL": b'{"log": {"entries": [{"request": {"method": "GET"}}]}}',
    "too deep": b"[" * (MAX_HAR_LEVELS + 1) + b"]" * (MAX_HAR_LEVELS + 1),
    "a huge number": b'{"log": {"entries": [' + b"9" * 5000 + b"]}}",
    "another schema": b'{"log": {"entries": [], "_whopwatch": {"schema": 2}}}',
    "no facts": b'{"log": {"entries": [], "_whopwatch": {"schema": 1}}}',
}


@pytest.mark.parametrize("data", BAD.values(), ids=list(BAD))
def test_a_file_that_is_no_archive_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "bad.har"
    file.write_bytes(data)
    with pytest.raises(UsageError) as refused:
        read(file)
    assert refused.value.where == str(file)
    assert refused.value.expected
    assert refused.value.got


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "none.har")


@pytest.mark.parametrize("name", ["selected", "budget", "requests", "exhausted", "seconds", "started_at"])
def test_damaged_facts_are_refused(contract: Contract, tmp_path: Path, name: str) -> None:
    facts = {
        "selected": [],
        "budget": 5,
        "sent": 5,
        "unsafe": 0,
        "started_at": "",
        "seconds": 1.5,
        "exhausted": False,
        "requests": {},
    }
    value = archive()
    value["log"]["_whopwatch"] = {"schema": 1, "base_url": BASE, "v2_base_url": BASE, "run": {**facts, name: ()}}
    if name == "selected":
        value["log"]["_whopwatch"]["run"][name] = "all"
    with pytest.raises(UsageError) as refused:
        replay(contract, recover(contract, read(saved(tmp_path, value)), PAIRS), "test")
    assert name in str(refused.value.where)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=8), parts, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.data())
def test_whatever_an_entry_holds_ends_in_a_report(contract: Contract, page: HarEntry, data: st.DataObject) -> None:
    entry = chrome(f"{BASE}/products?first={data.draw(st.text(max_size=4))}", page)
    part = data.draw(st.sampled_from(["response", "timings", "startedDateTime", "_whopwatch"]))
    if part == "response" and data.draw(st.booleans()):
        entry[part][data.draw(st.sampled_from(["status", "headers", "content"]))] = data.draw(ANYTHING)
    else:
        entry[part] = data.draw(ANYTHING)
    assert checked(contract, entry).verdict in Verdict


def test_the_kept_text_of_a_body_is_the_text() -> None:
    for text in ("", "short", "long \u00e9\ud83d" * 1000):
        assert bytes(KeptText.of(text)) == text.encode("utf-8", "surrogatepass")
    assert len(KeptText.of("long " * 1000).data) < 100
