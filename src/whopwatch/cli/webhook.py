"""`whopwatch webhook`: receive, check and send webhook deliveries. `verify` and `listen` have modules of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import EDITION_NAME
from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli._support.root import LazyGroup
from whopwatch.config import Secret, read_secret
from whopwatch.contract import load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT, UsageError
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Verdict
from whopwatch.signature import require_secret, split_secrets

if TYPE_CHECKING:
    from whopwatch.webhooks.samples import HandlerResult

SECRET_VARIABLE = "WHOP_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)

_COMMANDS = {
    "verify": ("whopwatch.cli.webhook_verify:webhook_verify", "Check a recorded delivery."),
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
    """Return the secrets of the environment. Raise UsageError, without showing one, if none is valid."""
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
    from whopwatch.webhooks.samples import SAMPLE_CASES, Sampler, find_case, require_handler_url, send_samples

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
    if json_file != STDOUT:
        click.echo(_verdict_line(results, url))
    return _exit_code_of_samples(results)


def _verdict_line(results: Sequence[HandlerResult], url: str) -> str:
    """Return the verdict and the reason for it, in the words of every report."""
    from whopwatch.core.wording import plural
    from whopwatch.reports.text import VERDICTS  # slow to import

    if _exit_code_of_samples(results) == EXIT_COULD_NOT_CHECK:
        what = f"no response from {sanitize(url)}. Check --to, and that the handler runs"
        return f"\n{VERDICTS[Verdict.COULD_NOT_CHECK]}   {what}"
    right = sum(result.is_right for result in results)
    verdict = Verdict.CLEAN if right == len(results) else Verdict.DRIFT
    return f"\n{VERDICTS[verdict]}   {right} of {plural(len(results), 'response')} as expected"


def _result_line(result: HandlerResult, what: str) -> str:
    mark = "ok   " if result.is_right else "-    " if result.status is None else "WRONG"
    response = f"{result.observed:>9}, expected {result.sample.expected}"
    return f"{mark}  {result.sample.case:<18} {response}  {result.seconds * 1000:6.1f} ms  {what}"


def _exit_code_of_samples(results: Sequence[HandlerResult]) -> int:
    if all(result.status is None for result in results):
        return EXIT_COULD_NOT_CHECK
    return EXIT_CLEAN if all(result.is_right for result in results) else EXIT_DRIFT
