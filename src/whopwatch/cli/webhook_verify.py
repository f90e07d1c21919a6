"""`whopwatch webhook verify`: check one recorded delivery, without any network access."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from whopwatch.cli._support.options import CONTRACT, FAIL_ON_SEVERITY, FILE_PATH, JSON_REPORT, USAGE_PROFILE
from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli.webhook import SECRET_VARIABLE, read_secrets
from whopwatch.config import read_secret
from whopwatch.contract.loader import describe_contract
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT
from whopwatch.core.finding import Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import DEFAULT_FAIL_ON, Report, exit_code
from whopwatch.core.wording import plural
from whopwatch.reports import to_json_text
from whopwatch.reports.text import impact_words, location
from whopwatch.run.conclude import RowEvidence, conclude
from whopwatch.signature import TOLERANCE_SECONDS, Refusal, Signed, split_secrets
from whopwatch.usage.impact import choose_profile, weigh_finding
from whopwatch.webhooks.checker import PayloadResult, check_recorded, delivery_contracts, has_violation
from whopwatch.webhooks.delivery import event_operation, read_delivery

EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook verify delivery.json --headers headers.json --any-age --json -

FILE contains the raw bytes of the body. The headers file contains a JSON object, or lines such as
`webhook-id: msg_...`. {SECRET_VARIABLE} contains the secret. Exit code: 0 (valid), 1 (not valid),
2 (usage) or 3 (a delivery of a version without contract).
"""


MAX_INFO = 10
"""Info findings of one delivery that are shown. They break nothing, and a foreign body has many."""


@click.command("verify", epilog=EXAMPLE)
@click.argument("file", type=FILE_PATH)
@click.option("--headers", "headers_file", type=FILE_PATH, required=True, metavar="FILE", help="The headers.")
@click.option("--any-age", is_flag=True, help="Accept a timestamp of any age.")
@CONTRACT
@USAGE_PROFILE
@FAIL_ON_SEVERITY
@JSON_REPORT
def webhook_verify(
    file: Path,
    headers_file: Path,
    any_age: bool,
    contract_name: str | None,
    usage_file: Path | None,
    fail_on: str,
    json_file: str | None,
) -> int:
    """Check the delivery whose body is in FILE: signature, age, event, envelope and object."""
    outputs = Outputs({"json": json_file}, None, {})
    delivery = read_delivery(file, headers_file)
    # A secret of a wrong form is accepted here: the check explains what is wrong with it.
    text = read_secret(os.environ, SECRET_VARIABLE)
    secrets = split_secrets(text) if text else [secret.reveal() for secret in read_secrets()]
    tolerance = math.inf if any_age else TOLERANCE_SECONDS
    contracts = delivery_contracts(contract_name)
    profile = choose_profile(usage_file, None, fail_on)
    signed, payload = check_recorded(contracts, secrets, delivery, tolerance=tolerance)
    if profile:
        payload = replace(payload, findings=tuple(weigh_finding(one, profile) for one in payload.findings))
    report = _report(payload)
    outputs.write({"json": to_json_text(report)})
    if json_file != STDOUT:
        click.echo("\n".join(_lines(signed, payload)))
    if fail_on != DEFAULT_FAIL_ON:
        return exit_code(report, fail_on)
    if has_violation(payload.findings):
        return EXIT_DRIFT
    return EXIT_COULD_NOT_CHECK if payload.unchecked else EXIT_CLEAN


def _lines(signed: Signed | Refusal, payload: PayloadResult) -> list[str]:
    lines = ["signature: valid"]
    if isinstance(signed, Refusal):
        lines = [
            f"signature: not valid ({signed.reason})",
            f"  where: header {signed.header}",
            f"  expected: {signed.expected}",
            f"  got: {signed.got}",
            f"  what to do: {signed.hint}",
        ]
    if payload.unchecked:
        return [*lines, f"contract: not checked: {payload.unchecked}"]
    lines += [*_version_line(payload), f"event: {payload.name if payload.event else 'not documented'}"]
    others = [finding for finding in payload.findings if finding.check != "signature"]
    lines.append(f"contract: {'broken' if has_violation(tuple(others)) else 'kept'}")
    info = [finding for finding in others if finding.severity is Severity.INFO]
    for finding in [finding for finding in others if finding.severity is not Severity.INFO] + info[:MAX_INFO]:
        what = finding.message.removeprefix(f"{finding.operation}: ")
        lines.append(f"  {finding.severity} {finding.class_label} {location(finding)}: {sanitize(what)}")
        lines.append(f"    expected {sanitize(finding.expected)}, observed {sanitize(finding.observed)}")
        if finding.impact:
            lines.append(f"    {sanitize(impact_words(finding))}")
    if len(info) > MAX_INFO:
        lines.append(f"  and {plural(len(info) - MAX_INFO, 'info finding')} more: --json lists all")
    return lines


def _version_line(payload: PayloadResult) -> list[str]:
    """Return the version that the delivery states, and the version of the contract that it was checked against."""
    if payload.contract is None or payload.contract.version is None:
        return []
    stated = f"is of API version {payload.version}" if payload.version else "states no API version"
    return [f"version: the delivery {stated}; the contract is of {payload.contract.version}"]


def _report(payload: PayloadResult) -> Report:
    samples = 0 if payload.unchecked else 1
    return conclude(
        [
            RowEvidence(
                event_operation(payload.name), "POST", "", unverified=payload.unchecked, requests=1, samples=samples
            )
        ],
        payload.findings,
        target="recorded delivery",
        started_at=datetime.now(UTC),
        seconds=0.0,
        extra={"contract": describe_contract(payload.contract, of_events=True)} if payload.contract else None,
    )
