"""Recordings at the command line: what a run is written down as, and what a file is judged to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from whopwatch.config import Target
from whopwatch.config.resolve import base_urls
from whopwatch.config.targets_file import BUILT_IN
from whopwatch.contract import Contract
from whopwatch.core.report import Report
from whopwatch.har import Facts, Recording, parse, read, recover, write
from whopwatch.run import Observation
from whopwatch.run.replay import facts_of, replay

SHOWN = 20
"""Paths without an operation that are listed one by one; the JSON report has them all."""


def replayed(contract: Contract, file: Path, target: str | None, config: Path | None) -> Report:
    """What the recording in `file` shows of the API at `target`.

    Without a target that is the one it was recorded at by a run of ours, else production and the sandbox.
    Raises UsageError for a file that is no recording.
    """
    archive = read(file)
    if target:
        bases = [base_urls(target, config)]
    elif archive.facts:
        bases = [(archive.facts.base_url, archive.facts.v2_base_url)]
    else:
        bases = [base_urls(name) for name in BUILT_IN]
    pairs = [pair for v1, v2 in bases for pair in (("v1", v1), ("v2", v2))]
    recording = recover(contract, archive, pairs)
    report = replay(contract, recording, f"recording of {', '.join(v1 for v1, _ in bases)}")
    return replace(report, extra={**report.extra, "replay": _extra(recording, len(archive.entries))})


def _extra(recording: Recording, entries: int) -> dict[str, object]:
    return {
        "entries": entries,
        "checked": len(recording.exchanges),
        "ignored": dict(recording.ignored.most_common()),
        "unmatched": dict(recording.unmatched.most_common()),
    }


def tell_rest(report: Report) -> None:
    """Print, on stderr, what of a recording was not about a documented operation."""
    rest = report.extra["replay"]
    click.echo(f"recording: {rest['checked']} of {rest['entries']} requests are of documented operations", err=True)
    for reason, count in rest["ignored"].items():
        click.echo(f"  ignored: {count} x {reason}", err=True)
    for place, (path, count) in enumerate(rest["unmatched"].items()):
        if place < SHOWN:
            click.echo(f"  no operation matches: {count} x {path}", err=True)
    if len(rest["unmatched"]) > SHOWN:
        click.echo(f"  and {len(rest['unmatched']) - SHOWN} more: see the JSON report", err=True)


def recorded(contract: Contract, target: Target, observation: Observation, report: Report) -> str:
    """The archive of a run, as text. Says so on stderr where its placeholders hide, or make up, a finding."""
    facts = Facts(target.base_url, target.v2_base_url, facts_of(observation))
    names = {token for finding in report.findings for token in finding.location.split("/")}
    text = write(contract, observation.exchanges, facts, names)
    pairs = [("v1", target.base_url), ("v2", target.v2_base_url)]
    again = replay(contract, recover(contract, parse(text.encode(), "the recording"), pairs), report.target)
    before, after = ({finding.fingerprint for finding in found.findings} for found in (report, again))
    if before != after:
        click.echo(
            f"recording: without the values of responses it shows {len(before & after)} of {len(before)} findings"
            + (f", and {len(after - before)} that the run did not have" if after - before else ""),
            err=True,
        )
    return text
