"""`whopwatch webhook verify`: one recorded delivery, without any network."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from whopwatch.cli.outputs import STDOUT, Outputs
from whopwatch.cli.webhook import VARIABLE, secret_of_environment
from whopwatch.contract import load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.reports import json as json_report
from whopwatch.reports.text import location, plain
from whopwatch.run.conclude import RowEvidence, conclude
from whopwatch.signature import TOLERANCE, Refusal, Signed
from whopwatch.webhooks.delivery import Delivery, operation_of
from whopwatch.webhooks.recorded import breaks, judged, recorded

EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook verify delivery.json --headers headers.json --any-age --json -

The body has to be the bytes as they came. Headers are a JSON object, or lines such as `webhook-id: msg_...`.
{VARIABLE} holds the secret. Ends with 0 (fits), 1 (does not) or 2 (usage).
"""


@click.command("verify", epilog=EXAMPLE)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--headers", "headers_file", type=click.Path(path_type=Path), required=True, metavar="FILE")
@click.option("--any-age", is_flag=True, help="Let the timestamp be as old as it is: a recording always is.")
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
def verify(file: Path, headers_file: Path, any_age: bool, json_file: str | None) -> int:
    """Check the delivery whose body is in FILE: signature, age, event, envelope and object."""
    outputs = Outputs({"json": json_file}, None, {})
    delivery = recorded(file, headers_file)
    # Whatever form the secret has: to tell a wrong one is what this is for.
    secret = os.environ.get(VARIABLE, "") or secret_of_environment().reveal()
    tolerance = math.inf if any_age else TOLERANCE
    signed, event, findings = judged(load(), secret, delivery, tolerance=tolerance)
    outputs.write({"json": json_report.render(_report(delivery, event, findings))})
    if json_file != STDOUT:
        click.echo("\n".join(_told(signed, event, findings)))
    return EXIT_DRIFT if breaks(findings) else EXIT_CLEAN


def _told(signed: Signed | Refusal, event: str, findings: tuple[Finding, ...]) -> list[str]:
    lines = ["signature: fits"]
    if isinstance(signed, Refusal):
        lines = [
            f"signature: does not fit ({signed.reason})",
            f"  where: header {signed.header}",
            f"  expected: {signed.expected}",
            f"  got: {signed.got}",
            f"  what to do: {signed.hint}",
        ]
    lines.append(f"event: {event if event != '*' else 'not a documented one'}")
    others = [finding for finding in findings if finding.check != "signature"]
    lines.append(f"contract: {'kept' if not breaks(tuple(others)) else 'broken'}")
    for finding in others:
        what = finding.message.removeprefix(f"{finding.operation}: ")
        lines.append(f"  {finding.severity} {finding.drift_class} {location(finding)}: {plain(what)}")
        lines.append(f"    expected {plain(finding.expected)}, observed {plain(finding.observed)}")
    return lines


def _report(delivery: Delivery, event: str, findings: tuple[Finding, ...]) -> Report:
    return conclude(
        [RowEvidence(operation_of(event), "POST", "", requests=1, samples=1)],
        findings,
        target="recorded delivery",
        started_at=datetime.now(UTC),
        seconds=0.0,
    )
