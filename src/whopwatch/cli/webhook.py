"""`whopwatch webhook`: receive, check and send webhook deliveries. `listen` has a module of its own."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CONTRACT, EDITION_NAME, USAGE_PROFILE
from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli._support.root import LazyGroup
from whopwatch.config import Secret, read_secret
from whopwatch.contract import load
from whopwatch.contract.loader import describe_contract
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT, UsageError
from whopwatch.core.foreign_text import sanitize
from whopwatch.core.report import Report
from whopwatch.reports.formats import to_json_text
from whopwatch.reports.text import impact_words, location
from whopwatch.run.conclude import RowEvidence, conclude
from whopwatch.signature import TOLERANCE_SECONDS, Refusal, Signed, require_secret, split_secrets
from whopwatch.usage.impact import choose_profile, weigh_finding
from whopwatch.webhooks.checker import check_recorded, has_violation
from whopwatch.webhooks.delivery import event_operation, read_delivery
from whopwatch.webhooks.versions import PayloadResult, delivery_contracts

if TYPE_CHECKING:
    from whopwatch.webhooks.handler import HandlerResult

SECRET_VARIABLE = "WHOP_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)

_COMMANDS = {
    "verify": ("whopwatch.cli.webhook:webhook_verify", "Check a recorded delivery."),
    "listen": ("whopwatch.cli.webhook_listen:webhook_listen", "Receive deliveries and check them."),
    "send": ("whopwatch.cli.webhook:webhook_send", "Test a handler with signed and forged samples."),
}

EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook listen --listen 0.0.0.0:8000 --forward http://127.0.0.1:3000/webhooks
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks --case all

{SECRET_VARIABLE} contains the secret of the webhook, as Whop shows it (ws_...); several secrets are
separated by spaces or commas.
"""
VERIFY_EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook verify delivery.json --headers headers.json --any-age --json -

FILE contains the raw bytes of the body. The headers file contains a JSON object, or lines such as
`webhook-id: msg_...`. {SECRET_VARIABLE} contains the secret. Exit code: 0 (valid), 1 (not valid),
2 (usage) or 3 (a delivery of a version without contract).
"""
ALL_CASES = "all"
SEND_EXAMPLE = f"""\b
Examples:
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks --case all
  whopwatch webhook send refund.created --to http://127.0.0.1:3000/webhooks --case old --case replay

\b
Cases that a handler has to accept (2xx): good, duplicate, several-signatures, unknown-event, unknown-field
Cases that it has to refuse (4xx): bad-signature, changed-body, unsigned, unknown-version, old, future, replay

{SECRET_VARIABLE} contains the secret that the handler verifies with. Nothing is sent to Whop. Exit code: 0 if
every response is right, 1 if one is wrong, 3 if there is no response.
"""


@click.group("webhook", cls=LazyGroup, commands_by_name=_COMMANDS, epilog=EXAMPLE)
def webhook() -> None:
    """Receive, check and send webhook deliveries."""


def read_secrets() -> list[Secret]:
    """Return the secrets of the environment. Raises UsageError, without showing one, if none is valid."""
    text = read_secret(os.environ, SECRET_VARIABLE)
    if not text.strip():
        raise UsageError(
            "The webhook secret is missing.",
            where=f"environment variable {SECRET_VARIABLE}",
            expected="the secret of the webhook as Whop shows it (ws_...)",
            got="none",
            hint=f"export {SECRET_VARIABLE}=...",
        )
    place = f"environment variable {SECRET_VARIABLE}"
    return [Secret(require_secret(secret, place)) for secret in split_secrets(text)]


@click.command("verify", epilog=VERIFY_EXAMPLE)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--headers", "headers_file", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The headers."
)
@click.option("--any-age", is_flag=True, help="Accept a timestamp of any age.")
@CONTRACT
@USAGE_PROFILE
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
def webhook_verify(
    file: Path,
    headers_file: Path,
    any_age: bool,
    contract_name: str | None,
    usage_file: Path | None,
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
    profile = choose_profile(usage_file, None)
    signed, payload = check_recorded(contracts, secrets, delivery, tolerance=tolerance)
    if profile:
        payload = replace(payload, findings=tuple(weigh_finding(one, profile) for one in payload.findings))
    outputs.write({"json": to_json_text(_delivery_report(payload))})
    if json_file != STDOUT:
        click.echo("\n".join(_delivery_lines(signed, payload)))
    if has_violation(payload.findings):
        return EXIT_DRIFT
    return EXIT_COULD_NOT_CHECK if payload.unchecked else EXIT_CLEAN


def _delivery_lines(signed: Signed | Refusal, payload: PayloadResult) -> list[str]:
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
    for finding in others:
        what = finding.message.removeprefix(f"{finding.operation}: ")
        lines.append(f"  {finding.severity} {finding.class_label} {location(finding)}: {sanitize(what)}")
        lines.append(f"    expected {sanitize(finding.expected)}, observed {sanitize(finding.observed)}")
        if finding.impact:
            lines.append(f"    {sanitize(impact_words(finding))}")
    return lines


def _version_line(payload: PayloadResult) -> list[str]:
    """Return the version that the delivery states, and the version of the contract that it was checked against."""
    if payload.contract is None or payload.contract.version is None:
        return []
    stated = f"is of API version {payload.version}" if payload.version else "states no API version"
    return [f"version: the delivery {stated}; the contract is of {payload.contract.version}"]


def _delivery_report(payload: PayloadResult) -> Report:
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
        extra={"contract": describe_contract(payload.contract)} if payload.contract else None,
    )


@click.command("send", epilog=SEND_EXAMPLE)
@click.argument("event")
@click.option("--to", "url", required=True, metavar="URL", help="The handler's URL.")
@click.option("--case", "cases", multiple=True, default=("good",), metavar="NAME", help="Repeatable; or `all`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample object.")
@EDITION_NAME
@click.option("--json", "json_file", metavar="FILE", help="Write the responses as JSON (- for stdout).")
def webhook_send(
    event: str, url: str, cases: tuple[str, ...], seed: int, name: str | None, json_file: str | None
) -> int:
    """Send signed samples of EVENT to a handler and check its responses."""
    from whopwatch.webhooks.handler import require_handler_url, send_samples
    from whopwatch.webhooks.samples import SAMPLE_CASES, Sampler, find_case

    outputs = Outputs({"json": json_file}, None, {})
    contract, handler = load(name), require_handler_url(url, "--to")
    contract.event(event)
    wanted = list(SAMPLE_CASES) if ALL_CASES in cases else cases
    for case in wanted:
        find_case(case)
    # The secret is read last, so that a wrong argument is reported first.
    sampler = Sampler(contract, read_secrets()[0].reveal(), seed=seed)
    samples = [sample for case in wanted for sample in sampler(event, case)]
    results = []
    for result in send_samples(handler, samples):
        results.append(result)
        if json_file != STDOUT:
            click.echo(_result_line(result, SAMPLE_CASES[result.sample.case].what))
    outputs.write({"json": json.dumps({"trials": [result.to_json() for result in results]}, indent=2) + "\n"})
    return _exit_code_of_samples(results)


def _result_line(result: HandlerResult, what: str) -> str:
    mark = "right" if result.is_right else "WRONG"
    response = f"{result.observed:>9}, expected {result.sample.expected}"
    return f"{mark}  {result.sample.case:<18} {response}  {result.seconds * 1000:6.1f} ms  {what}"


def _exit_code_of_samples(results: Sequence[HandlerResult]) -> int:
    if all(result.status is None for result in results):
        return EXIT_COULD_NOT_CHECK
    return EXIT_CLEAN if all(result.is_right for result in results) else EXIT_DRIFT
