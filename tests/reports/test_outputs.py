"""What every format promises, however it looks; and that every report names its contract."""

from __future__ import annotations

import html as html_module
import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports import nights, samples
from whopwatch.contract import load
from whopwatch.contract.loader import describe_contract, newer_versions
from whopwatch.core.finding import Finding, FindingState, Impact, Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import BaselineSummary, OperationResult, State, TargetResult, Verdict, contract_facts
from whopwatch.history.aggregate import merge_reports
from whopwatch.reports import FILE_NAMES, chat, junit, markdown, render, terminal
from whopwatch.reports.text import MAX_FINDINGS, class_page, contract_words, version_line

HOSTILE = "\x1b]0;title\x07\x1b[2J|`[/bold]<script>\u202e\ud800\n[link](x)"


def hostile_report() -> object:
    finding = replace(samples.FINDINGS[0], location=HOSTILE, message=HOSTILE, observed=HOSTILE, operation=HOSTILE)
    row = OperationResult(HOSTILE, "GET", "/x", State.COULD_NOT_CHECK, HOSTILE)
    return samples.report(findings=(finding,), operations=(row,), reason=HOSTILE, target=HOSTILE)


@pytest.mark.parametrize("kind", FILE_NAMES)
def test_what_a_target_answers_cannot_steer_a_terminal_or_break_a_parser(kind: str) -> None:
    text = render(kind, hostile_report())  # type: ignore[arg-type]
    text.encode("utf-8")
    assert not set(text) & set("\x1b\x07\u202e")
    if kind == "junit":
        ET.fromstring(text)
    if kind == "json":
        assert json.loads(text)["findings"][0]["location"] == HOSTILE
    if kind == "markdown":
        assert "<script>" not in re.sub(r"`[^`\n]*`", "", re.sub(r"\\.", "", text))


@given(st.text())
def test_plain_text_is_one_printable_line(text: str) -> None:
    shown = sanitize(text)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    assert all(
        character.isprintable() or character == "\N{NO-BREAK SPACE}" or character.isspace() for character in shown
    )


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html", "junit"])
def test_a_finding_about_a_whole_response_says_so(kind: str) -> None:
    found = samples.report(findings=(replace(samples.FINDINGS[0], location=""),))
    assert "whole response" in render(kind, found)


@pytest.mark.parametrize("kind", FILE_NAMES)
def test_every_format_shows_the_name_of_the_class(kind: str) -> None:
    assert "required-field-removed" in render(kind, samples.report())


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html", "junit"])
def test_a_finding_comes_with_the_request_to_repeat(kind: str) -> None:
    text = html_module.unescape(render(kind, samples.report(operations=nights.rows(("products.list",)))))
    lines = " ".join(text.replace("\\\n", " ").split())
    assert (
        'curl -gsS -H "Authorization: Bearer $WHOP_API_KEY" "http://127.0.0.1:8000/api/v1/products?company_id' in lines
    )


def test_a_request_in_markdown_cannot_end_its_block() -> None:
    row = replace(nights.rows()[0], request="/x?a=1\n```\n# b")
    lines = markdown.render(samples.report(operations=(row,))).splitlines()
    assert lines.count("  ```sh") == lines.count("  ```") == 2


def test_a_flood_of_findings_still_fits_a_job_summary() -> None:
    flood = tuple(replace(samples.FINDINGS[0], location=f"/data/*/{n}") for n in range(5000))
    text = markdown.render(samples.report(findings=flood))
    assert len(text.encode()) < 1 << 20
    assert "4800 findings more" in text


@pytest.mark.parametrize("location", ["/data/*/route", "param:statuses[]"])
def test_a_chat_message_names_a_place_once_and_readably(location: str) -> None:
    name = location.removeprefix("param:")
    found = replace(samples.report().findings[0], location=location, message=f"products.list: {name} is null.")
    assert f"`products.list` `{location}`: is null." in chat.render(samples.report(findings=(found,)))


def test_long_texts_still_fit_a_job_summary_and_a_chat() -> None:
    long = "|" * 20_000
    worst = replace(samples.FINDINGS[0], message=long, expected=long, observed=long, location=long)
    flood = tuple(replace(worst, operation=f"o{n}.list") for n in range(300))
    report = samples.report(findings=flood, reason=long, target=long)
    assert len(markdown.render(report).encode()) < 1 << 20
    assert len(chat.render(report)) <= 2000


def test_a_terminal_shows_the_most_severe_of_very_many_findings() -> None:
    found = tuple(replace(samples.FINDINGS[n % 4], location=f"/data/*/{n}") for n in range(1000))
    text = terminal.render(samples.report(findings=found))
    assert text.count("fingerprint  ") == MAX_FINDINGS
    assert f"and {1000 - MAX_FINDINGS} findings more" in text
    assert "critical (250)" in text


def test_a_chat_message_says_what_changed_and_mentions_no_user() -> None:
    lines = chat.render(nights.bad_night()).splitlines()
    assert lines[1].startswith("2 new, 1 worse, 1 flapping, 1 fixed since")
    assert lines[4].startswith("• required-field-removed (D5) `products.list` `/data/*/title`: ")
    assert lines[4].endswith("(new, critical, 12 of 40 items, confirmed; `561f51b9cbdf`)")
    assert lines[-1] == "If no action is needed: `whopwatch accept FINGERPRINT --reason ...`"
    loud = replace(samples.FINDINGS[0], message="@everyone <!channel> *bold* [x](https://x.example)")
    assert not set(chat.render(samples.report(findings=(loud,))).splitlines()[1].split("`")[4]) & set("@<*[")


def test_fixed_findings_are_listed_and_not_counted() -> None:
    fixed = replace(samples.FINDINGS[0], state=FindingState.FIXED, moved="live")
    text = terminal.render(samples.report(Verdict.CLEAN, findings=(fixed,)))
    assert "findings    no findings; 1 fixed" in text
    assert "changed      API response, since last night, now as expected" in text


def test_a_clock_that_went_back_is_reported() -> None:
    memory = BaselineSummary(3, "2099-01-01T02:00:00Z")
    assert "Check the clock" in chat.render(samples.report(memory=memory))
    assert "Check the clock" not in chat.render(nights.bad_night())


def test_markdown_shows_state_and_first_night() -> None:
    text = markdown.render(nights.bad_night())
    address = class_page("D10")
    assert f"- **medium** [`enum-values-changed`]({address}) (D10, known)<br>" in text
    assert "  - first seen: 2026-10-30 02:00 UTC" in text


def test_junit_is_in_error_where_nothing_was_verified() -> None:
    suite = ET.fromstring(junit.render(samples.refused())).find("testsuite")
    assert suite is not None
    assert (suite.get("errors"), suite.get("skipped"), suite.get("tests")) == ("1", "30", "31")


def test_junit_shows_findings_about_other_things_than_operations() -> None:
    event = replace(samples.FINDINGS[0], operation="webhook:payment.succeeded")
    suite = ET.fromstring(junit.render(samples.report(findings=(event,)))).find("testsuite")
    assert suite is not None
    case = next(case for case in suite.iter("testcase") if case.get("name") == event.operation)
    assert case.find("failure") is not None


def test_junit_does_not_fail_for_a_fixed_finding() -> None:
    suite = ET.fromstring(junit.render(nights.bad_night())).find("testsuite")
    assert suite is not None
    case = next(case for case in suite.iter("testcase") if case.get("name") == "products.list")
    failure, notes = case.find("failure"), case.find("system-out")
    assert failure is not None
    assert failure.get("message", "").startswith("2 findings: ")
    assert notes is not None
    assert "at /data/*/status, fixed" in (notes.text or "")
    assert "first seen: 2026-11-12" in (notes.text or "")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_terminal_output_keeps_to_its_width(width: int) -> None:
    for report in (samples.report(), samples.clean(), samples.refused()):
        assert max(len(line) for line in terminal.render(report, width).splitlines()) <= width


def test_terminal_ends_with_the_verdict() -> None:
    last = {verdict: terminal.render(samples.report(verdict)).splitlines()[-1].strip() for verdict in Verdict}
    assert last[Verdict.DRIFT].startswith("DRIFT")
    assert last[Verdict.CLEAN].startswith("CLEAN")
    assert last[Verdict.COULD_NOT_CHECK].startswith("COULD NOT CHECK")


@pytest.mark.parametrize("kind", FILE_NAMES)
def test_every_format_shows_each_target_with_its_states(kind: str) -> None:
    text = " ".join(html_module.unescape(re.sub(r"<[^>]+>", " ", render(kind, nights.bad_night()))).split())
    if kind == "junit":
        text = render(kind, nights.bad_night())
        assert (
            'name="target acme" value="drift: 6 verified, 2 drift, 1 could not check, 2 not covered; 4 findings"'
            in text
        )
    elif kind in ("json", "sarif"):
        assert '"verified": 6' in text
    elif kind == "chat":
        assert "`acme`: drift: 6 verified, 2 drift, 1 could not check, 2 not covered" in text
    else:
        assert re.search(r"acme\W+drift\W+6\W+2\W+1\W+2\W+4", text)
    assert "globex" in text


def test_a_terminal_of_80_columns_names_targets_by_their_hosts() -> None:
    urls = [f"http://127.0.0.1:{port}/api/v1" for port in (4711, 4790)]
    targets = tuple(TargetResult(url, Verdict.CLEAN, None, 79, 0) for url in urls)
    lines = terminal.render(replace(samples.clean(), targets=targets), width=80).splitlines()
    assert [line.split()[:2] for line in lines if "4711" in line or "4790" in line] == [
        ["127.0.0.1:4711", "clean"],
        ["127.0.0.1:4790", "clean"],
    ]


def test_a_target_of_one_run_needs_no_table() -> None:
    assert "targets (" not in terminal.render(samples.report())
    assert "| target |" not in markdown.render(samples.report())


def test_markdown_notifies_no_user_and_has_no_foreign_markup() -> None:
    loud = replace(samples.FINDINGS[0], message="hi @octocat <b>*x*</b> [a](https://x.example) ::error::y")
    line = next(line for line in markdown.render(samples.report(findings=(loud,))).splitlines() if "octocat" in line)
    assert "@<!-- -->octocat" in line
    assert "@octocat" not in line
    assert "\\<b\\>\\*x\\*" in line
    assert "::error" not in line


def weighed_findings() -> tuple[Finding, ...]:
    """A severe finding that the code does not use, and a milder one that hits it."""
    unused = replace(samples.FINDINGS[0], impact=Impact.UNUSED, location="/data/*/unused", severity=Severity.CRITICAL)
    hits = replace(unused, impact=Impact.HITS, location="/data/*/used", severity=Severity.HIGH)
    return unused, replace(hits, impact_places=("src/app.py:1", "src/app.py:2", "src/app.py:3"))


def test_a_chat_message_lists_what_hits_the_code_and_counts_the_rest() -> None:
    text = chat.render(samples.report(findings=weighed_findings()))
    assert "1 finding not used by your code: see the report" in text
    assert "hits you: src/app.py:1, src/app.py:2 and 1 more; " in text
    assert "/data/*/unused" not in text


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html", "sarif"])
def test_what_hits_the_code_comes_first(kind: str) -> None:
    report = samples.report(findings=weighed_findings())
    text = terminal.render(report) if kind == "terminal" else render(kind, report)
    assert 0 < text.index("/data/*/used") < text.index("/data/*/unused")


FACTS = {"version": "2025-01-01", "release": "sdk:0.0.23", "date": "2026-01-09", "operations": 149, "newer_versions": 2}
WORDS = "2025-01-01, sdk:0.0.23 of 2026-01-09, 149 operations, 2 newer versions are known"


@pytest.mark.parametrize("kind", [kind for kind in FILE_NAMES if kind != "json"])
def test_the_contract_is_in_every_report(kind: str) -> None:
    text = render(kind, replace(samples.report(), extra={"contract": FACTS}))
    assert WORDS in text.replace("\\", "")


def test_the_terminal_names_the_version_that_answered() -> None:
    version = {
        "requested": None,
        "answered": "2025-01-01",
        "evidence": "header",
        "supported": ["2025-01-01", "2026-10-20"],
    }
    report = replace(samples.report(), extra={"contract": FACTS, "api_version": version})
    shown = " ".join(terminal.render(report, 200).split())
    assert WORDS in shown
    assert (
        "none requested: the version of the key, 2025-01-01 answered (response header); "
        "the target supports 2 versions, the newest is 2026-10-20"
    ) in shown
    only = version_line(replace(report, extra={"api_version": {**version, "supported": ["2025-01-01"]}}))
    assert only.endswith("; the target supports 1 version: 2025-01-01")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"version": None, "operations": 3}, "3 operations"),
        ({"version": None, "operations": 3, "operations_v2": 1}, "3 operations and 1 of v2"),
        ({"version": "2026-10-15-1", "newer_versions": 0}, "2026-10-15-1, no newer version is known"),
        ({"version": "2026-10-15", "newer_versions": 1}, "2026-10-15, 1 newer version is known"),
    ],
)
def test_what_is_not_known_is_left_out(facts: dict[str, Any], expected: str) -> None:
    assert contract_words(facts) == expected


def test_the_operations_of_v2_are_counted_beside_the_others() -> None:
    facts, newest = describe_contract(load()), describe_contract(load("newest"))
    assert (facts["operations"], facts["operations_v2"]) == (149, 1)
    assert newest["operations"] == 487
    assert "operations_v2" not in newest


def test_a_report_without_versions_has_no_line() -> None:
    assert version_line(samples.report()) == ""


def test_newer_versions_are_counted_once() -> None:
    assert len(newer_versions("2025-01-01")) == 69
    assert newer_versions("2026-10-15-1") == []
    assert newer_versions("2026-10-15", ["2026-10-20", "2026-10-15-1"]) == ["2026-10-15-1", "2026-10-20"]
    assert newer_versions(None, ["2026-10-20"]) == []
    described = describe_contract(load(), ["2026-11-01"])
    assert (described["newer_versions"], described["newest_known"]) == (70, "2026-11-01")


def test_merged_reports_name_every_contract() -> None:
    other = {**FACTS, "version": "2026-10-15-1", "sha256": "b"}
    parts = [replace(samples.report(), extra={"contract": facts}) for facts in ({**FACTS, "sha256": "a"}, other)]
    assert merge_reports([*parts, parts[0]]).extra["contracts"] == [{**FACTS, "sha256": "a"}, other]
    assert merge_reports(parts[:1] * 2).extra["contract"] == {**FACTS, "sha256": "a"}
    assert contract_facts([]) == {}
