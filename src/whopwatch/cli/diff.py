"""`whopwatch diff`: compare two contracts."""

from __future__ import annotations

import json
from pathlib import Path

import click

from whopwatch import __version__
from whopwatch.cli._support.options import CACHE, USAGE_PROFILE, cache_folder
from whopwatch.cli._support.outputs import Outputs
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT
from whopwatch.core.finding import Impact
from whopwatch.core.report import FAIL_ON_HITS, Verdict

EXAMPLE = """\b
Examples:
  whopwatch diff sdk:0.0.23 sdk:newest
  whopwatch diff 2025-01-01 newest
  whopwatch diff contracts our-openapi.yaml --markdown diff.md
  whopwatch diff npm:0.0.28 sdk:0.0.28
  whopwatch diff old.yaml new.yaml --format markdown > CHANGES.md

\b
Exit codes: 0 no change that a client would notice, 1 at least one such change, 2 a side cannot be read, 3 a part that
differs was not compared (and nothing else was found), or the package registry cannot be reached.
"""

_EXIT_CODES = {
    Verdict.CLEAN: EXIT_CLEAN,
    Verdict.DRIFT: EXIT_DRIFT,
    Verdict.COULD_NOT_CHECK: EXIT_COULD_NOT_CHECK,
}


@click.command("diff", epilog=EXAMPLE)
@click.argument("old")
@click.argument("new")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "html"]),
    default="text",
    show_default=True,
    help="Format of the output on stdout; markdown and html are a changelog.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report to FILE (- for stdout).")
@click.option("--markdown", "markdown_file", metavar="FILE", help="Write a table in Markdown to FILE (- for stdout).")
@click.option("--html", "html_file", metavar="FILE", help="Write the changelog as an HTML page to FILE (- for stdout).")
@click.option(
    "--fail-on",
    type=click.Choice(["change", FAIL_ON_HITS]),
    default="change",
    show_default=True,
    help="What ends the command with 1: a change that a client would notice, or one that hits your code.",
)
@USAGE_PROFILE
@CACHE
def diff_command(
    old: str,
    new: str,
    form: str,
    json_file: str | None,
    markdown_file: str | None,
    html_file: str | None,
    fail_on: str,
    usage_file: Path | None,
    cache_dir: Path | None,
) -> int:
    """Compare two contracts, OLD and NEW, by drift class.

    Each side is a contract folder, the version of a bundled contract (2025-01-01, or `newest`), an OpenAPI 3 file (JSON
    or YAML), a release of the official SDK (sdk:VERSION for Python, npm:VERSION for TypeScript; the version may be
    `newest`), or the archive file of a release.
    """
    outputs = Outputs({"json": json_file, "markdown": markdown_file, "html": html_file}, None, {})
    from whopwatch.diff.result import compare_sides
    from whopwatch.diff.sides import read_side
    from whopwatch.reports.contract_changelog import changelog_html, changelog_markdown
    from whopwatch.reports.contract_diff import as_markdown, print_comparison
    from whopwatch.usage.impact import choose_profile, weigh_comparison

    profile = choose_profile(usage_file, None, fail_on)
    folder = cache_folder(cache_dir)
    comparison = weigh_comparison(compare_sides(read_side(old, folder), read_side(new, folder)), profile)
    texts = {
        "json": lambda: json.dumps(comparison.to_json(__version__), indent=2) + "\n",
        "markdown": lambda: as_markdown(comparison),
        "html": lambda: changelog_html(comparison),
    }
    outputs.write({kind: texts[kind]() for kind in outputs.kinds})
    if form != "text":
        click.echo(changelog_markdown(comparison) if form == "markdown" else texts[form](), nl=False)
    elif not outputs.use_stdout:
        from whopwatch.cli._support.streams import make_console

        print_comparison(comparison, make_console())
    if fail_on == FAIL_ON_HITS:
        found = [change.finding for change in comparison.changes if change.finding.impact is Impact.HITS]
        if any(finding.breaks for finding in found):
            return EXIT_DRIFT
        return EXIT_COULD_NOT_CHECK if comparison.verdict is Verdict.COULD_NOT_CHECK else EXIT_CLEAN
    return _EXIT_CODES[comparison.verdict]
