"""`whopwatch webhook send`: a handler of one's own, tried with samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from whopwatch.cli.outputs import STDOUT, Outputs
from whopwatch.cli.webhook import VARIABLE, secret_of_environment
from whopwatch.contract import load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT

if TYPE_CHECKING:
    from whopwatch.webhooks.trial import Trial

ALL = "all"
EXAMPLE = f"""\b
Examples:
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks --case all
  whopwatch webhook send refund.created --to http://127.0.0.1:3000/webhooks --case old --case replay

\b
Cases that a handler accepts (2xx): good, duplicate, several-signatures, unknown-event, unknown-field
Cases that it refuses (4xx): bad-signature, changed-body, unsigned, unknown-version, old, future, replay

{VARIABLE} holds the secret that the handler verifies with. Nothing is sent to Whop. Ends with 0 where every answer is
right, 1 where one is not, 3 where none came.
"""


@click.command("send", epilog=EXAMPLE)
@click.argument("event")
@click.option("--to", "url", required=True, metavar="URL", help="The handler.")
@click.option("--case", "cases", multiple=True, default=("good",), metavar="NAME", help="Repeatable; or all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample's object.")
@click.option("--json", "json_file", metavar="FILE", help="Write what was answered as JSON (- for stdout).")
def send(event: str, url: str, cases: tuple[str, ...], seed: int, json_file: str | None) -> int:
    """Send a signed sample of EVENT to a handler, and say whether its answer is right."""
    from whopwatch.webhooks.cases import CASES, Sampler, case_named
    from whopwatch.webhooks.forward import receiver_url
    from whopwatch.webhooks.trial import tried

    outputs = Outputs({"json": json_file}, None, {})
    contract, handler = load(), receiver_url(url, "--to")
    contract.event(event)
    wanted = list(CASES) if ALL in cases else cases
    for case in wanted:
        case_named(case)
    # Last of all that may be missing: what was typed is seen to be wrong before a secret is fetched for it.
    sampler = Sampler(contract, secret_of_environment().reveal(), seed=seed)
    samples = [sample for case in wanted for sample in sampler(event, case)]
    trials = []
    for trial in tried(handler, samples):
        trials.append(trial)
        if json_file != STDOUT:
            click.echo(_line(trial, CASES[trial.sample.case].what))
    outputs.write({"json": json.dumps({"trials": [trial.to_json() for trial in trials]}, indent=2) + "\n"})
    return _exit_code(trials)


def _line(trial: Trial, what: str) -> str:
    mark = "right" if trial.is_right else "WRONG"
    told = f"{mark}  {trial.sample.case:<18} {trial.observed:>9}, expected {trial.sample.expected}"
    return f"{told}  {trial.seconds * 1000:6.1f} ms  {what}"


def _exit_code(trials: Sequence[Trial]) -> int:
    if all(trial.status is None for trial in trials):
        return EXIT_COULD_NOT_CHECK
    return EXIT_CLEAN if all(trial.is_right for trial in trials) else EXIT_DRIFT
