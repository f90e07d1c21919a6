"""The documentation is complete: links lead somewhere, generated pages are fresh, the README is short."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from whopwatch.checks.deprecation import NEAR_DAYS
from whopwatch.config.targets_file import Company, TargetEntry
from whopwatch.core.bounded_http import HttpLimits
from whopwatch.core.documents import MAX_DOCUMENT_VALUES, MAX_FILE_BYTES
from whopwatch.har.json_stream import MAX_HAR_LEVELS
from whopwatch.har.read import MAX_HAR_BYTES, MAX_HAR_ENTRIES
from whopwatch.prober.settings import McpOptions, ProbeOptions
from whopwatch.run.driving import ROUND_SIZE
from whopwatch.run.session import DEFAULT_BUDGET
from whopwatch.run.versions import SURVEY_BUDGET

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()]  # fmt: skip
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]+)\)|(?:src|href)=\"(?!https?://)([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
GENERATORS = sorted((ROOT / "tools" / "docs").glob("[!_]*.py"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of `page`."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for match in LINK.finditer(text):
        target, _, anchor = (match[1] or match[2]).partition("#")
        file = (page.parent / target) if target else page
        assert file.exists(), f"{target} does not exist"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target} has no heading {anchor}"


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda path: path.stem)
def test_generated_pages_are_fresh(generator: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "page.md"
    subprocess.run([sys.executable, generator, fresh], check=True, cwd=ROOT)
    page = ROOT / "docs" / "reference" / f"{generator.stem.replace('_', '-')}.md"
    assert page.read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8"), f"run python {generator}"


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs") for page in PAGES if page.is_relative_to(ROOT / "docs")]
    linked = {Path(name) for name in re.findall(r"\]\(([\w./-]+\.md)", index)}
    linked |= {Path("index.md"), Path("development/add-a-check.md")}
    assert not set(pages) - linked


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("howto/webhooks.md", f"larger than {HttpLimits().body_bytes / 2**20:g} MiB"),
        ("howto/recordings.md", f"Bounds: {MAX_HAR_BYTES / 2**20:g} MiB, {MAX_HAR_ENTRIES:,} entries"),
        ("howto/recordings.md", f"{MAX_HAR_LEVELS} levels"),
        ("howto/follow-the-api.md", f"at most {MAX_FILE_BYTES / 2**20:g} MiB"),
        ("howto/follow-the-api.md", f"{MAX_DOCUMENT_VALUES / 10**6:g} million values"),
        ("howto/versions.md", f"at most {SURVEY_BUDGET} GET requests"),
        ("howto/nightly.md", f"at most {NEAR_DAYS} days away"),
        ("development/performance.md", f"rounds of at most {ROUND_SIZE}"),
        ("quickstart.md", f"at most {DEFAULT_BUDGET} GET requests"),
    ],
)
def test_limits_that_a_page_names_are_those_of_the_code(page: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


def test_every_configuration_key_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "config.md").read_text(encoding="utf-8")
    keys = {field.name for kind in (TargetEntry, Company) for field in fields(kind) if field.name != "where"}
    keys |= {field.name for kind in (ProbeOptions, McpOptions) for field in fields(kind)}
    assert not {key for key in keys if f"`{key}`" not in text}
