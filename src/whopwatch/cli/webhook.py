"""`whopwatch webhook`: deliveries received, checked and made up. Each sub-command has a module of its own."""

from __future__ import annotations

import os

import click

from whopwatch.cli.lazy import LazyGroup
from whopwatch.config import Secret
from whopwatch.core.errors import UsageError
from whopwatch.signature import usable_secret

VARIABLE = "WHOP_WEBHOOK_SECRET"

COMMANDS = {
    "verify": ("whopwatch.cli.webhook_verify:verify", "Check a recorded delivery, and say what is wrong with it."),
    "listen": ("whopwatch.cli.webhook_listen:listen", "Receive deliveries and check them."),
    "send": ("whopwatch.cli.webhook_send:send", "Try a handler with signed samples and with forged ones."),
}

EXAMPLE = f"""\b
Examples:
  whopwatch webhook verify delivery.json --headers headers.txt
  whopwatch webhook listen --listen 0.0.0.0:8000 --forward http://127.0.0.1:3000/webhooks
  whopwatch webhook send payment.succeeded --to http://127.0.0.1:3000/webhooks --case all

{VARIABLE} holds the secret of the webhook, as Whop shows it (ws_...).
"""


@click.group("webhook", cls=LazyGroup, commands_by_name=COMMANDS, epilog=EXAMPLE)
def webhook() -> None:
    """Receive, check and send the webhooks that Whop documents."""


def secret_of_environment() -> Secret:
    """The secret; raises UsageError, without quoting it, where there is none or it cannot be one."""
    text = os.environ.get(VARIABLE, "")
    if not text.strip():
        raise UsageError(
            "There is no secret to verify with.",
            where=f"environment variable {VARIABLE}",
            expected="the secret of the webhook as Whop shows it (ws_...)",
            got="none",
            hint=f"export {VARIABLE}=...",
        )
    return Secret(usable_secret(text, f"environment variable {VARIABLE}"))
