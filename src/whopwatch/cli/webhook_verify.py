"""`whopwatch webhook verify`: check one recorded delivery, without any network access."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli.webhook import SECRET_VARIABLE, read_secret
from whopwatch.contract import load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.reports import to_json_text
from whopwatch.reports.text import location, sanitize
from whopwatch.run.conclude import RowEvidence, conclude
from whopwatch.signature import TOLERANCE_SECONDS, Refusal, Signed
from whopwatch.webhooks.checker import check_recorded, has_violation
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, Delivery, event_operation, read_delivery

EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook verify delivery.json --headers headers.json --any-age --json -

FILE contains the raw bytes of the body. The headers file contains a JSON object, or lines such as
`webhook-id: msg_...`. {SECRET_VARIABLE} contains the secret. Exit code: 0 (valid), 1 (not valid) or 2 (usage).
"""


@click.command("verify", epilog=EXAMPLE)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--headers", "headers_file", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The headers."
)
@click.option("--any-age", is_flag=True, help="Accept a timestamp of any age.")
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
def webhook_verify(file: Path, headers_file: Path, any_age: bool, json_file: str | None) -> int:
    """Check the delivery whose body is in FILE: signature, age, event, envelope and object."""
    outputs = Outputs({"json": json_file}, None, {})
    delivery = read_delivery(file, headers_file)
    # A secret of a wrong form is accepted here: the check explains what is wrong with it.
    secret = os.environ.get(SECRET_VARIABLE, "") or read_secret().reveal()
    tolerance = math.inf if any_age else TOLERANCE_SECONDS
    signed, event, findings = check_recorded(load(), secret, delivery, tolerance=tolerance)
    outputs.write({"json": to_json_text(_report(delivery, event, findings))})
    if json_file != STDOUT:
        click.echo("\n".join(_lines(signed, event, findings)))
    return EXIT_DRIFT if has_violation(findings) else EXIT_CLEAN


def _lines(signed: Signed | Refusal, event: str, findings: tuple[Finding, ...]) -> list[str]:
    lines = ["signature: valid"]
    if isinstance(signed, Refusal):
        lines = [
            f"signature: not valid ({signed.reason})",
            f"  where: header {signed.header}",
            f"  expected: {signed.expected}",
            f"  got: {signed.got}",
            f"  what to do: {signed.hint}",
        ]
    lines.append(f"event: {event if event != UNKNOWN_EVENT else 'not documented'}")
    others = [finding for finding in findings if finding.check != "signature"]
    lines.append(f"contract: {'broken' if has_violation(tuple(others)) else 'kept'}")
    for finding in others:
        what = finding.message.removeprefix(f"{finding.operation}: ")
        lines.append(f"  {finding.severity} {finding.class_label} {location(finding)}: {sanitize(what)}")
        lines.append(f"    expected {sanitize(finding.expected)}, observed {sanitize(finding.observed)}")
    return lines


def _report(delivery: Delivery, event: str, findings: tuple[Finding, ...]) -> Report:
    return conclude(
        [RowEvidence(event_operation(event), "POST", "", requests=1, samples=1)],
        findings,
        target="recorded delivery",
        started_at=datetime.now(UTC),
        seconds=0.0,
    )
