"""The page's script in a real browser: a thousand findings, found, read, copied and walked through by keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.reports import nights
from whopwatch.config.accepted import read_accepted
from whopwatch.reports import html

pytestmark = pytest.mark.thorough

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
REPORT = nights.flood()
WHOLE = ".finding:not([hidden])"
TIMEOUT_MS = 60_000
"""Milliseconds that a busy machine is given; nothing waits that long where all is well."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, the system's own. Where there is none the tests are skipped, except in CI."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None and os.environ.get("CI") != "true":
        pytest.skip("needs chromium: `apt-get install chromium`")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as started:
        running = started.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.render(REPORT), encoding="utf-8")
    return path


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(color_scheme="light", viewport={"width": 390, "height": 844}) as fresh:
        fresh.set_default_timeout(TIMEOUT_MS)
        fresh.grant_permissions(["clipboard-read", "clipboard-write"])
        yield fresh


@pytest.fixture
def page(context: BrowserContext, file: Path) -> Iterator[Page]:
    """The report as it is opened from disk. What its script throws, or asks a network for, fails the test."""
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(error.message))
    opened.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    opened.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
    opened.goto(file.as_uri())
    yield opened
    assert problems == []


def expect_shown(page: Page, count: int) -> None:
    """Waits until the filter leaves so many findings; folding one hides none."""
    expect(page.locator(WHOLE)).to_have_count(count)


def test_the_filter_leaves_what_has_every_word(page: Page) -> None:
    expect_shown(page, 1000)
    page.locator("#filter").fill("FIELD_99 products.list")
    wanted = [it for it in REPORT.findings if "field_99" in it.location and it.operation == "products.list"]
    assert len(wanted) > 1
    expect_shown(page, len(wanted))
    expect(page.locator("#shown")).to_have_text(f"{len(wanted)} of 1000")
    page.locator("#severity").select_option("critical")
    expect_shown(page, sum(it.severity == "critical" for it in wanted))
    page.locator("#severity").select_option("")
    page.locator("#filter").fill("nothing has this word")
    expect(page.locator("#shown")).to_have_text("0 of 1000")
    expect(page.locator("section > .group:has(.finding):not([hidden])")).to_have_count(0)


def test_the_theme_goes_round_and_stays(page: Page) -> None:
    root, button = page.locator("html"), page.locator("#theme")

    def background() -> str:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    expect(root).to_have_attribute("data-theme", "system")
    button.click()
    light = background()
    expect(button).to_have_text("theme: light")
    button.click()
    expect(button).to_have_text("theme: dark")
    assert background() != light
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")
    assert background() != light
    button.click()
    expect(root).to_have_attribute("data-theme", "system")
    assert background() == light


def test_a_request_is_copied_as_it_stands(page: Page) -> None:
    finding = page.locator(f"{WHOLE}:has(.copy)").first
    finding.locator("summary").first.click()
    request = finding.locator(".request:not(.entry)")
    text = request.locator("code").inner_text()
    request.locator(".copy").click()
    expect(request.locator(".copy")).to_have_text("copied")
    assert page.evaluate("navigator.clipboard.readText()") == text
    assert text.startswith("curl ")


def test_the_entry_that_accepts_a_finding_is_copied(page: Page, tmp_path: Path) -> None:
    finding = page.locator(f"{WHOLE}:has(.copy)").first
    finding.locator("summary").first.click()
    finding.locator(".accept > summary").click()
    finding.locator(".entry .copy").click()
    expect(finding.locator(".entry .copy")).to_have_text("copied")
    file = tmp_path / "accepted.yaml"
    file.write_text(f"accepted:\n{page.evaluate('navigator.clipboard.readText()')}\n", encoding="utf-8")
    (entry,) = read_accepted(file)
    assert finding.get_attribute("id") == f"f-{entry.fingerprint}"
    assert entry.operation in (finding.text_content() or "")


def test_everything_is_done_by_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("field_999")
    expect(page.locator("#shown")).to_have_text("1 of 1000")
    finding = page.locator(WHOLE).first
    for _ in range(12):
        page.keyboard.press("Tab")
        if finding.locator("> summary").evaluate("node => node === document.activeElement"):
            break
    expect(finding.locator("> summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(finding).to_have_attribute("open", "")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect_shown(page, 1000)


def test_a_link_to_a_finding_unfolds_it(page: Page, file: Path) -> None:
    last = REPORT.findings[-1].fingerprint
    page.goto(f"{file.as_uri()}#f-{last}")
    expect(page.locator(f"#f-{last}")).to_have_attribute("open", "")
    expect(page.locator(f"#f-{last} .pair").first).to_be_in_viewport()


def test_nothing_is_wider_than_a_phone(page: Page, tmp_path: Path) -> None:
    for made in (nights.bad_night(), nights.first_night(), nights.quiet_night()):
        path = tmp_path / "report.html"
        path.write_text(html.render(made), encoding="utf-8")
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
