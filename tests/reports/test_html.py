"""The page: complete by itself, safe whatever an API answers, and what moved first."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.reports import nights, samples
from whopwatch.core.finding import FindingState, Occurrence, RequestExample
from whopwatch.core.report import BaselineSummary, State, TargetResult, Verdict
from whopwatch.core.wording import documentation_page
from whopwatch.reports import html
from whopwatch.reports.curl import Requests, in_lines
from whopwatch.reports.html import MAX_BARS, format_seconds, latency_line, state_bars
from whopwatch.reports.text import class_page

HOSTILE = "\x1b[2J</style></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e\ud800"
ATTRIBUTES_WITH_ADDRESS = {"src", "href", "action", "srcset", "data", "poster", "xlink:href"}
REPORTS = {
    "first": nights.first_night(),
    "quiet": nights.quiet_night(),
    "bad": nights.bad_night(),
    "no memory": samples.report(),
    "refused": samples.refused(),
}


class Page(HTMLParser):
    """Collect the tags of a page, and its text by tag, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1] if self.open else "", data))


def hostile() -> str:
    first = nights.bad_night().findings[0]
    finding = replace(
        first,
        operation=HOSTILE,
        location=HOSTILE,
        message=HOSTILE,
        expected=HOSTILE,
        observed=HOSTILE,
        check=HOSTILE,
        first_seen=HOSTILE,
        places=(Occurrence("products.list", HOSTILE, HOSTILE, 1, 1),),
        witnesses={HOSTILE: HOSTILE},
        moved=HOSTILE,
        accepted=HOSTILE,
        targets=(HOSTILE,),
    )
    row = replace(nights.rows()[0], id=HOSTILE, path=HOSTILE, reason=HOSTILE, request=HOSTILE)
    report = samples.report(
        findings=(finding,),
        operations=(row, replace(nights.rows()[0], request=HOSTILE)),
        target=f"https://{HOSTILE}",
        reason=HOSTILE,
        started_at=HOSTILE,
        version=HOSTILE,
        memory=BaselineSummary(3, HOSTILE),
        targets=(TargetResult(HOSTILE, Verdict.DRIFT, HOSTILE, 1, 1),),
        extra={"spent": {HOSTILE: 1}, "replay": {"unmatched": {HOSTILE: 1}, "ignored": {HOSTILE: 1}}},
    )
    return html.render(report)


def test_nothing_that_an_api_answers_becomes_a_part_of_the_page() -> None:
    text = hostile()
    text.encode()
    page = Page(text)
    clean = Page(html.render(nights.bad_night()))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in clean.tags}
    assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in page.tags].count("style") == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not set(text) & set("\x1b\u202e")
    assert "49" not in [data.strip() for _, data in page.text]


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_needs_nothing_but_itself(name: str) -> None:
    page = Page(html.render(REPORTS[name]))
    assert not page.open
    for tag, attributes in page.tags:
        for attribute in attributes.keys() & ATTRIBUTES_WITH_ADDRESS:
            address = attributes[attribute] or ""
            is_link_to_docs = tag == "a" and address.startswith(("https://docs.whop.com/", documentation_page("docs")))
            assert address[:1] == "#" or address == "data:," or is_link_to_docs, attribute
    for kind in ("style", "script"):
        code = "".join(data for tag, data in page.text if tag == kind)
        assert "url(" not in code
        assert "@import" not in code
        assert "http" not in code


def test_the_policy_lets_just_the_own_style_and_script_run() -> None:
    text = html.render(samples.report())
    policy = next(
        attributes["content"] or ""
        for tag, attributes in Page(text).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    for kind, directive in (("style", "style-src"), ("script", "script-src")):
        found = re.search(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


@pytest.mark.parametrize("name", REPORTS)
def test_every_target_of_a_link_and_every_id_is_there_once(name: str) -> None:
    tags = Page(html.render(REPORTS[name])).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] or "" for tag, attributes in tags if tag == "a"]
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
    named = [attributes["aria-labelledby"] for _, attributes in tags if "aria-labelledby" in attributes]
    assert set(named) <= set(ids)


def test_open_findings_are_one_list_by_severity_and_fixed_ones_come_after_it() -> None:
    text = html.render(nights.bad_night())
    places = [text.index(f'id="{name}"') for name in ("targets", "findings", "operations")]
    assert places == sorted(places)
    found = text[places[1] : places[2]]
    severities = re.findall(r'data-severity="(\w+)"', found)
    assert severities == ["critical", "high", "high", "medium", "info", "medium"]
    assert re.findall(r'data-state="(\w+)"', found) == ["new", "new", "worse", "known", "flapping", "fixed"]
    assert found.index("<h3>Fixed</h3>") > found.index('data-state="flapping"')
    assert "2 new, 1 worse, 1 flapping, 1 fixed since 2026-11-21 02:00 UTC; 1 known" in text


def test_reads_and_writes_are_counted_apart() -> None:
    text = html.render(samples.clean())
    assert '<p class="number">79<small> of 79 verified</small></p>' in text
    assert "70 writes not covered" in text


def test_a_first_and_a_quiet_night_say_so() -> None:
    assert "first night: nothing to compare with yet" in html.render(nights.first_night())
    assert "nothing changed since 2026-11-21 02:00 UTC; 1 accepted" in html.render(nights.quiet_night())


def test_the_page_says_within_how_many_nights_every_check_ran() -> None:
    memory = BaselineSummary(20, "2026-11-20T03:17:00Z", checks_within_nights=10)
    assert "Every check ran within 10 nights." in html.render(replace(samples.report(), memory=memory))


def test_a_finding_has_all_that_is_known_of_it() -> None:
    report = nights.bad_night()
    text = html.render(report)
    for finding in report.findings:
        card = text[text.index(f'id="f-{finding.fingerprint}"') :]
        card = card[: card.find('<details class="finding') if '<details class="finding' in card else None]
        is_fixed = finding.state is FindingState.FIXED
        evidence = f"of {finding.samples} " if not is_fixed else "<span>before</span>"
        for part in (finding.fingerprint, finding.class_slug, class_page(finding.drift_class), evidence):
            assert part in card
    assert "8 places with this cause" in text


def test_each_source_is_quoted_with_what_it_says() -> None:
    text = html.render(nights.bad_night())
    assert '<th scope="row">Reference</th><td class="as-expected">not null</td>' in text
    assert '<th scope="row">Live API</th><td class="as-observed">null</td>' in text
    silent = replace(nights.bad_night().findings[0], witnesses={"sdk": "silent", "last night": "silent"})
    text = html.render(samples.report(findings=(silent,)))
    assert '<th scope="row">SDK</th><td class="silent">not specified</td>' in text
    assert '<th scope="row">Last night</th><td class="silent">not checked</td>' in text


def test_a_thousand_findings_are_one_page() -> None:
    text = html.render(nights.flood())
    assert text.count('<details class="finding') == 1000
    assert len(text) < 2_000_000


def test_a_page_of_very_many_findings_has_the_most_severe_ones() -> None:
    found = tuple(replace(samples.FINDINGS[n % 4], location=f"/data/*/{n}") for n in range(10_000))
    text = html.render(samples.report(findings=found))
    assert text.count('<details class="finding') == html.MAX_CARDS
    assert f"and {10_000 - html.MAX_CARDS} more findings" in text
    assert text.count('<details class="finding critical') == html.MAX_CARDS
    assert len(text) < 6_000_000


def test_a_request_can_be_run_by_anybody_and_holds_no_key() -> None:
    report = samples.report(operations=nights.rows(), target="production")
    finding = replace(report.findings[0], operation="payments.retrieve")
    assert Requests(report).command(finding) == (
        'curl -gsS -H "Authorization: Bearer $WHOP_API_KEY" '
        '"https://api.whop.com/api/v1/payments?company_id=$WHOP_COMPANY_ID&first=100"'
    )
    odd = replace(nights.rows()[0], request='/x?a="$(reboot)`reboot`\\')
    command = Requests(samples.report(operations=(odd,), target="elsewhere")).command(
        replace(finding, operation=odd.id)
    )
    assert command is not None
    assert command.endswith('"$WHOP_BASE_URL/x?a=\\"\\$(reboot)\\`reboot\\`\\\\"')


@pytest.mark.parametrize(
    ("request_of_finding", "shown"),
    [
        (
            RequestExample("/products?first=-1"),
            '-H "Authorization: Bearer $WHOP_API_KEY" "https://api.whop.com/api/v1/products?first=-1"',
        ),
        (RequestExample("/products", credential="none"), 'curl -gsS "https://api.whop.com/api/v1/products"'),
        (RequestExample("/products", credential="wrong"), '"Authorization: Bearer wrong"'),
        (RequestExample("/products", "POST"), "-X POST"),
        (RequestExample("/products", "POST"), "-d @body.json"),
        (RequestExample('/x"$(reboot)', "DELETE"), '"https://api.whop.com/api/v1/x\\"\\$(reboot)"'),
    ],
)
def test_the_request_that_shows_a_finding_is_the_one_to_repeat(request_of_finding: RequestExample, shown: str) -> None:
    finding = replace(samples.FINDINGS[0], request=request_of_finding)
    command = Requests(samples.report(target="production", findings=(finding,))).command(finding)
    assert command is not None
    assert shown in command
    lines = in_lines(command)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert (
        "".join(line.removesuffix("\\").lstrip() if line is not lines[-1] else line.lstrip() for line in lines)
        == command
    )


def test_a_strip_has_one_bar_a_night() -> None:
    drawn = state_bars([State.VERIFIED, State.DRIFT, State.VERIFIED])
    assert drawn
    assert dict(drawn.paths) == {"verified": "M0 7h4v9h-4zM10 7h4v9h-4z", "drift": "M5 0h4v16h-4z"}
    assert drawn.label == "3 nights: 2 verified, 1 drift"
    assert state_bars([]) is None
    long = state_bars([State.DRIFT] * (MAX_BARS + 5))
    assert long
    assert dict(long.paths)["drift"].count("M") == MAX_BARS


def test_a_line_of_latencies_has_gaps_where_there_was_none() -> None:
    drawn = latency_line([0.1, 0.2, None, 0.2, 0.1])
    assert drawn
    assert (drawn.path.count("M"), drawn.path.count("L")) == (2, 2)
    assert drawn.label == "latency over 4 nights: 100 ms to 200 ms"
    assert latency_line([0.1]) is None
    assert [format_seconds(seconds) for seconds in (None, 0.0008, 0.25, 2.0)] == ["", "0.8 ms", "250 ms", "2.0 s"]
