"""`whopwatch versions`: which API versions a target supports, and which the key and the webhooks use."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CONFIG, RATE, TARGET, file_option, report_files
from whopwatch.cli._support.outputs import Outputs
from whopwatch.core.drift_classes import class_slug
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from whopwatch.run.versions import VersionMove, VersionSurvey

EXAMPLE = """\b
Examples:
  whopwatch versions --target production
  whopwatch versions --target production --baseline reports/baseline.sqlite
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
@file_option("--baseline", "Drift history: show when versions were first seen.")
@CONFIG
def versions_command(
    target: str | None,
    rate: float | None,
    reports: dict[str, str | None],
    baseline: Path | None,
    config: Path | None,
) -> int:
    """Show the API versions that a target supports and that its key and webhooks use, and what a move changes."""
    from whopwatch.cli._support.streams import make_console
    from whopwatch.contract import load
    from whopwatch.run.target import open_target
    from whopwatch.run.versions import newest_move, survey_versions

    outputs = Outputs(reports, None, {})
    default = load()
    first_seen = _first_seen(baseline, target, config) if baseline else None
    with open_target(default, target, os.environ, config=config, rate=rate) as ready:
        survey = survey_versions(load("newest"), default, ready)
    move = newest_move(survey.key_version)
    facts = {
        **survey.to_json(),
        "move": move.to_json() if move else None,
        **({} if first_seen is None else {"first_seen": first_seen}),
    }
    outputs.write({kind: json.dumps(facts, indent=2) + "\n" for kind in outputs.kinds})
    if not outputs.use_stdout:
        _print(survey, move, first_seen, make_console())
    return EXIT_CLEAN if survey.key_version else EXIT_COULD_NOT_CHECK


def _first_seen(baseline: Path, target: str | None, config: Path | None) -> dict[str, str]:
    """Return when the nights of a baseline first saw each version, the oldest version first."""
    from whopwatch.contract.loader import version_order
    from whopwatch.history import read_baseline
    from whopwatch.history.nightly import claim_baseline

    if not baseline.is_file():
        raise UsageError("There is no baseline.", where=str(baseline), hint="`whopwatch drift` creates it")
    records = read_baseline(baseline)
    claim_baseline(records, target, os.environ, config, baseline)
    return {version: records.versions[version].first_seen for version in sorted(records.versions, key=version_order)}


def _first_seen_words(first_seen: dict[str, str]) -> str:
    """Return `2026-10-20 on 2026-11-29`, the newest version first; versions of the first list may be older."""
    if not first_seen:
        return "no night has seen a list of versions"
    start = min(first_seen.values())
    newest = list(reversed(first_seen.items()))[:SHOWN]
    return ", ".join(f"{version} {'by' if day == start else 'on'} {day[:10]}" for version, day in newest)


def _print(
    survey: VersionSurvey, move: VersionMove | None, first_seen: dict[str, str] | None, console: Console
) -> None:
    from rich.table import Table

    from whopwatch.contract.loader import editions
    from whopwatch.core.report import Verdict
    from whopwatch.core.wording import plural
    from whopwatch.reports.text import VERDICTS

    table = Table(box=None, show_header=False, pad_edge=True)
    newest = list(reversed(survey.supported))
    more = f" and {len(newest) - SHOWN} older" if len(newest) > SHOWN else ""
    unlisted = "unknown" if survey.reason else "the API does not list its versions"
    table.add_row("supported", f"{', '.join(newest[:SHOWN])}{more}" if newest else unlisted)
    if first_seen is not None:
        table.add_row("first seen", _first_seen_words(first_seen))
    known = {"key": "listed for the key", "header": "from response headers", "responses": "from response bodies"}
    key = f"{survey.key_version} ({known[survey.key_evidence or 'key']})" if survey.key_version else "unknown"
    table.add_row("key", key)
    counts = Counter(survey.webhooks.values())
    seen = ", ".join(f"{count} of {version}" for version, count in sorted(counts.items()))
    table.add_row("webhooks", seen or ("none seen" if survey.webhooks_listed else "unknown: the API did not list them"))
    bundled = [edition for edition in editions() if edition.version]
    table.add_row("contracts", ", ".join(f"{edition.version} ({edition.release})" for edition in bundled))
    table.add_row("requests", str(survey.sent))
    console.print(table)
    if not survey.key_version:
        reason = survey.reason or "the responses do not show the version of the key"
        console.print(f"\n {VERDICTS[Verdict.COULD_NOT_CHECK]}   {reason}", highlight=False, markup=False)
    if move:
        classes = ", ".join(f"{count} {class_slug(one)}" for one, count in move.classes.items())
        places = plural(sum(move.classes.values()), "place")
        console.print(f"\n A move from {move.old} to {move.new} changes {places}: {classes}", highlight=False)
        console.print(f" To list the changes: {move.command}", highlight=False)
