"""`whopwatch versions`: which API versions a target supports, and which the key and the webhooks use."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CONFIG, RATE, TARGET, report_files
from whopwatch.cli._support.outputs import Outputs
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK

if TYPE_CHECKING:
    from rich.console import Console

    from whopwatch.run.versions import VersionSurvey

EXAMPLE = """\b
Examples:
  whopwatch versions --target production
  whopwatch versions --target production --json - | jq -r .supported[-1]

\b
Sends at most 12 GET requests. Exit codes: 0 the version of the key is known, 2 usage or configuration error, 3 nothing
showed the version of the key.
"""
SHOWN = 5
"""Supported versions that are printed, the newest first; the JSON output has all."""


@click.command("versions", epilog=EXAMPLE)
@TARGET
@RATE
@report_files("json")
@CONFIG
def versions_command(
    target: str | None, rate: float | None, reports: dict[str, str | None], config: Path | None
) -> int:
    """Show which API versions a target supports, and to which the key and the webhooks are pinned."""
    from whopwatch.cli._support.colors import make_console
    from whopwatch.contract import load
    from whopwatch.run.target import open_target
    from whopwatch.run.versions import survey_versions

    outputs = Outputs(reports, None, {})
    default = load()
    with open_target(default, target, os.environ, config=config, rate=rate) as ready:
        survey = survey_versions(load("newest"), default, ready)
    outputs.write({kind: json.dumps(survey.to_json(), indent=2) + "\n" for kind in outputs.kinds})
    if not outputs.use_stdout:
        _print(survey, make_console())
    return EXIT_CLEAN if survey.key_version else EXIT_COULD_NOT_CHECK


def _print(survey: VersionSurvey, console: Console) -> None:
    from rich.table import Table

    from whopwatch.contract.loader import editions

    table = Table(box=None, show_header=False, pad_edge=True)
    newest = list(reversed(survey.supported))
    more = f" and {len(newest) - SHOWN} older" if len(newest) > SHOWN else ""
    table.add_row("supported", f"{', '.join(newest[:SHOWN])}{more}" if newest else "the API does not list its versions")
    known = {"key": "listed for the key", "header": "from response headers", "responses": "from response bodies"}
    key = f"{survey.key_version} ({known[survey.key_evidence or 'key']})" if survey.key_version else "unknown"
    table.add_row("key", key)
    counts = Counter(survey.webhooks.values())
    table.add_row(
        "webhooks", ", ".join(f"{count} of {version}" for version, count in sorted(counts.items())) or "none seen"
    )
    bundled = [edition for edition in editions() if edition.version]
    table.add_row("contracts", ", ".join(f"{edition.version} ({edition.release})" for edition in bundled))
    table.add_row("requests", str(survey.sent))
    console.print(table)
    last = bundled[-1].version
    if survey.key_version and last and survey.key_version != last:
        console.print(f" To see what an upgrade changes: whopwatch diff {survey.key_version} {last}", highlight=False)
