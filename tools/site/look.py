"""Look at the built site in a real browser: check every link and anchor, and take pictures on a desktop and a phone.

    python tools/site/build.py && python tools/site/look.py FOLDER

Exits with 1 if a page has a broken link, an error in the console, or is wider than the phone.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

from playwright.sync_api import Browser, Page, sync_playwright

SITE = Path(__file__).parents[2] / "build" / "site"
CHROMIUM = "/usr/bin/chromium"
SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}
PICTURES = ("", "docs/quickstart/", "docs/howto/opentelemetry/", "docs/comparison/", "docs/reference/cli/")
LINKS = "() => [...document.querySelectorAll('a[href], img[src]')].map(one => one.href || one.src)"
NAMES = "() => [...document.querySelectorAll('[id], a[name]')].map(one => one.id || one.name)"
WIDTH = "() => document.documentElement.scrollWidth"


def main(folder: Path) -> int:
    """Visit every page, take the pictures into `folder`, and print what is broken."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = [str(page.parent.relative_to(SITE)).strip(".") for page in sorted(SITE.rglob("index.html"))]
    with served() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        problems = list(visit(browser, base, [f"{page}/" if page else "" for page in pages]))
        for name, (width, height) in SCREENS.items():
            problems += photograph(browser, base, folder, name, width, height)
        browser.close()
    print("\n".join([*problems, f"{len(pages)} pages, {len(problems)} problems"]))
    return 1 if problems else 0


@contextmanager
def served() -> Iterator[str]:
    """Serve the site on a free port; yield its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def visit(browser: Browser, base: str, pages: list[str]) -> Iterator[str]:
    """Yield the links of all pages that lead nowhere, and the errors that the browser reports."""
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    links: dict[str, list[str]] = {}
    names: dict[str, set[str]] = {}
    for path in pages:
        page.goto(base + path, wait_until="domcontentloaded")
        names[base + path] = set(page.evaluate(NAMES))
        links[path] = [urljoin(base + path, link) for link in page.evaluate(LINKS)]
    for path, found in links.items():
        for link in sorted({one for one in found if one.startswith(base)}):
            address, anchor = urldefrag(link)
            if address not in names and not (SITE / unquote(address.removeprefix(base))).is_file():
                yield f"{path}: {link.removeprefix(base)} does not exist"
            elif anchor and unquote(anchor) not in names.get(address, {unquote(anchor)}):
                yield f"{path}: {link.removeprefix(base)} has no such anchor"
    yield from errors


def photograph(browser: Browser, base: str, folder: Path, name: str, width: int, height: int) -> Iterator[str]:
    """Take a picture of some pages; yield those that are wider than the screen."""
    page: Page = browser.new_page(viewport={"width": width, "height": height})
    for path in PICTURES:
        page.goto(base + path, wait_until="networkidle")
        page.screenshot(path=folder / f"{name}-{path.strip('/').replace('/', '-') or 'index'}.png")
        if page.evaluate(WIDTH) > width:
            yield f"{path}: wider than the {name}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
