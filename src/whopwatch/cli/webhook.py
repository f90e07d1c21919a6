"""`whopwatch webhook`: receive, check and send webhook deliveries. Each sub-command has its own module."""

from __future__ import annotations

import os

import click

from whopwatch.cli._support.root import LazyGroup
from whopwatch.config import Secret, read_secret
from whopwatch.core.errors import UsageError
from whopwatch.signature import require_secret, split_secrets

SECRET_VARIABLE = "WHOP_WEBHOOK_SECRET"  # noqa: S105 (the name of a variable)

_COMMANDS = {
    "verify": ("whopwatch.cli.webhook_verify:webhook_verify", "Check a recorded delivery."),
    "listen": ("whopwatch.cli.webhook_listen:webhook_listen", "Receive deliveries and check them."),
    "send": ("whopwatch.cli.webhook_send:webhook_send", "Test a handler with signed and forged samples."),
}

EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook listen --listen 0.0.0.0:8000 --forward http://127.0.0.1:3000/webhooks
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks --case all

{SECRET_VARIABLE} contains the secret of the webhook, as Whop shows it (ws_...); several secrets are
separated by spaces or commas.
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
