"""Pictures of one bad night in every form: terminal, page, Markdown at GitHub's width, chat message, pytest.

    python tools/report/screens.py FOLDER

Needs Chromium at /usr/bin/chromium (or CHROMIUM) and the development dependencies. Look at every picture: no text may
be cut, and the first screen has to say what changed, since when, on what evidence, and what to do. The README shows
`bad-night.png` (docs/pictures/).
"""

from __future__ import annotations

import html
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from nights import KEPT, nights
from playwright.sync_api import sync_playwright
from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

from whopwatch.contract import load
from whopwatch.core.report import Report
from whopwatch.reports import render, terminal
from whopwatch.simulator import embedded

GITHUB = """body { margin: 0; padding: 24px; width: 852px; color: #1f2328;
  font: 16px/1.5 -apple-system, "Segoe UI", sans-serif; }
code { font: 85% "DejaVu Sans Mono", monospace; background: #eff1f3; padding: .2em .4em; border-radius: 6px;
  white-space: break-spaces; }
pre { background: #f6f8fa; padding: 16px; overflow: auto; border-radius: 6px; line-height: 1.45; }
pre code { background: none; padding: 0; white-space: pre; }
table { border-collapse: collapse; display: block; max-width: 100%; overflow: auto; width: max-content; }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em; } li { margin-top: .25em; }"""
CHAT = """body { margin: 0; padding: 20px; width: 720px; font: 15px/1.47 Lato, "Segoe UI", sans-serif; color: #1d1c1d;
  white-space: pre-wrap; overflow-wrap: anywhere; }"""
SHELL = """body { margin: 0; padding: 18px; background: #0c0c0c; color: #d9d9d9; width: max-content; }
pre { margin: 0; font: 14px/1.35 "DejaVu Sans Mono", monospace; }"""
ROOT = Path(__file__).parents[2]
PYTEST = ("-q", "-p", "no:cacheprovider", "--no-header", "-k", "products.list")


@dataclass(frozen=True)
class Shot:
    """A page to photograph: `height` 0 is the whole page, `unfold` is how many of its foldable parts are open."""

    name: str
    page: str
    width: int
    height: int = 0
    theme: str = "light"
    unfold: int = 0


def shell_page(text: str, columns: int) -> str:
    """Return a page that shows the output of a terminal of `columns`, in its colours."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    for line in AnsiDecoder().decode(text):
        console.print(line, soft_wrap=True)
    code = console.export_html(theme=MONOKAI, inline_styles=True, code_format="{code}")
    width = f"width: calc({columns}ch + 2px); white-space: pre-wrap; overflow-wrap: anywhere"
    return f'<!doctype html><meta charset="utf-8"><style>{SHELL}</style><pre style="{width}">{code}</pre>'


def terminal_page(report: Report, columns: int) -> str:
    """Return a page that shows the report as a terminal of `columns` does."""
    screen = io.StringIO()
    terminal.print_report(report, Console(file=screen, width=columns, force_terminal=True, color_system="truecolor"))
    return shell_page(screen.getvalue(), columns)


def pytest_page() -> str:
    """Return a page that shows the failures of pytest at an API that lost a field."""
    with embedded(load(), faults=["field-missing@products.list"]) as simulator:
        environ = {**os.environ, "WHOP_API_KEY": simulator.api_key, "WHOP_COMPANY_ID": simulator.company_id}
        command = [sys.executable, "-m", "pytest", "suites/test_contract.py", *PYTEST, "--color=yes"]
        command += ["--target", simulator.base_url]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, check=False)  # noqa: S603
    return shell_page(done.stdout, 120)


def shots(report: Report) -> list[Shot]:
    """Return the pages of every form."""
    page, markdown = render("html", report), render("markdown", report)
    github = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    chat = html.escape(render("chat", report))
    head = '<!doctype html><meta charset="utf-8"><style>'
    return [
        Shot("terminal-80", terminal_page(report, 80), 740),
        Shot("terminal-140", terminal_page(report, 140), 1240),
        Shot("page-light", page, 1200, 900),
        Shot("page-open", page, 1200, 0, "light", 2),
        Shot("page-dark", page, 1200, 900, "dark", 1),
        Shot("page-phone", page, 390, 844),
        Shot("bad-night", page, 1000, 1010),
        Shot("page-phone-open", page, 390, 1700, "dark", 1),
        Shot("markdown", f"{head}{GITHUB}</style>{github}", 900),
        Shot("markdown-open", f"{head}{GITHUB}</style>{github}", 900, 0, "light", 1),
        Shot("chat", f"{head}{CHAT}</style>{chat}", 760),
        Shot("pytest", pytest_page(), 1100),
    ]


def take(folder: Path, wanted: list[Shot]) -> list[str]:
    """Photograph the pages; return the names of the ones that are wider than their screen."""
    too_wide = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for shot in wanted:
            context = browser.new_context(
                viewport={"width": shot.width, "height": shot.height or 800},
                color_scheme="dark" if shot.theme == "dark" else "light",
            )
            view = context.new_page()
            view.set_content(shot.page)
            view.evaluate(
                "n => document.querySelectorAll('details').forEach((d, i) => { if (i < n) d.open = true; })",
                shot.unfold,
            )
            if view.evaluate("document.documentElement.scrollWidth") > shot.width:
                too_wide.append(shot.name)
            view.screenshot(path=folder / f"{shot.name}.png", full_page=not shot.height)
            context.close()
        browser.close()
    return too_wide


def main(folder: Path) -> None:
    """Take the pictures of the last night."""
    folder.mkdir(parents=True, exist_ok=True)
    *_, (number, report) = nights()
    print(f"night {number} ({KEPT[number]}): {report.verdict}, {len(report.findings)} findings")
    for name in take(folder, shots(report)):
        print(f"wider than its screen: {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
