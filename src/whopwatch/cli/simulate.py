"""`whopwatch simulate`: the embedded Whop API as a server."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Literal

import click

from whopwatch.cli._support.options import EDITION_NAME, FAULT, seconds
from whopwatch.cli.webhook import SECRET_VARIABLE
from whopwatch.config import read_secret
from whopwatch.core.errors import UsageError
from whopwatch.signature import require_secret, split_secrets

if TYPE_CHECKING:
    from whopwatch.simulator import KeyGrant, Simulator

RESERVED_KEY_NAMES = ("company", "app", "unscoped")
"""Names of the keys that every simulator has, which --key cannot use."""
MAX_ITEMS = 100_000
"""Maximum items in a list: all of them are generated before the first response, at about 1.5 ms each."""
EXAMPLE = """\b
Examples:
  whopwatch simulate --port 8080
  whopwatch simulate --seed 7 --items 120 --api-key test_key
  whopwatch simulate --contract newest
  whopwatch simulate --lenient --port 4010     a mock for the test suite of your own client
  whopwatch simulate --key reader=*:read --app-key poor=plan:basic:read
  whopwatch simulate --fault item-skipped@payments.list
  whopwatch simulate --webhook-url http://127.0.0.1:8000/webhooks --webhook-every 1

When the server is ready it prints one line of JSON to stdout: base_url, v2_base_url, api_key, app_key, company_id and
mcp_url. --key adds `keys` by name; such a key gets 403 where it lacks a scope. --control adds control_url and
events_url: GET control_url returns the active faults, PUT {"faults": ["NAME@OP"]} replaces them, and POST {"events":
["payment.succeeded"]} to events_url triggers events (all as application/json). --webhook-url adds webhook_secret,
which signs the events sent there; WHOP_WEBHOOK_SECRET replaces it, and is not printed. Webhooks created through the
API also get events if their address is on this machine.
Stop the server with Ctrl-C or SIGTERM.
"""


@click.command("simulate", epilog=EXAMPLE)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@EDITION_NAME
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the data: the same seed gives the same data."
)
@click.option(
    "--items",
    type=click.IntRange(min=0, max=MAX_ITEMS),
    help="Items in each list; 0 is an empty company. Thousands delay the first response by seconds.  [default: 30]",
)
@click.option("--api-key", help="API key to accept.  [default: derived from the seed]")
@click.option("--key", "keys", multiple=True, metavar="NAME=SCOPES", help="Add a company key with only these scopes.")
@click.option(
    "--app-key", "app_keys", multiple=True, metavar="NAME=SCOPES", help="Add an app key with only these scopes."
)
@click.option("--lenient", is_flag=True, help="Accept any key, and respond to any id as if it existed.")
@FAULT
@click.option("--control", is_flag=True, help="Enable HTTP endpoints to toggle faults and trigger events.")
@click.option("--log", is_flag=True, help="Print a line for each request to stderr.")
@click.option("--webhook-url", metavar="URL", help="Send signed webhook events to URL.")
@click.option("--webhook-every", type=float, callback=seconds, metavar="S", help="Trigger an event every S seconds.")
def simulate_command(
    port: int,
    host: str,
    name: str | None,
    seed: int,
    items: int | None,
    api_key: str | None,
    keys: tuple[str, ...],
    app_keys: tuple[str, ...],
    lenient: bool,
    faults: tuple[str, ...],
    control: bool,
    log: bool,
    webhook_url: str | None,
    webhook_every: float | None,
) -> int:
    """Run the embedded Whop API as a server."""
    if webhook_every and not webhook_url:
        raise UsageError("--webhook-every requires --webhook-url.", where="option --webhook-every")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    from whopwatch.contract import load
    from whopwatch.simulator import SimulatorOptions, WebhookOptions, embedded

    given_secret = _webhook_secret() if webhook_url else None
    webhook = WebhookOptions(webhook_url, given_secret) if webhook_url else None
    options = SimulatorOptions(
        seed=seed,
        items=items,
        api_key=api_key,
        keys=_grants(keys, app_keys),
        lenient=lenient,
        faults=faults,
        control=control,
        webhook=webhook,
        log=_print_log if log else None,
    )
    with embedded(load(name), options=options, port=port, host=host) as simulator:
        ready = _addresses(simulator, control=control)
        if webhook:
            # A secret of the user is not printed: it may be a real one.
            ready["webhook_secret"] = None if given_secret else simulator.webhook_secret
        click.echo(json.dumps(ready))
        click.echo(f"Simulator listening at {simulator.base_url}. Stop it with Ctrl-C.", err=True)
        events = cycle(simulator.backend.contract.events)
        while not ended.wait(webhook_every):
            simulator.trigger(next(events))
    return 0


def _addresses(simulator: Simulator, *, control: bool) -> dict[str, object]:
    """Return what the line of a ready server says: its addresses, keys and contract."""
    from whopwatch.contract.loader import describe_contract

    ready: dict[str, object] = {
        "base_url": simulator.base_url,
        "api_key": simulator.api_key,
        "app_key": simulator.app_key,
        "company_id": simulator.company_id,
        "v2_base_url": simulator.v2_base_url,
        "mcp_url": simulator.mcp_url,
        "contract": describe_contract(simulator.backend.contract),
    }
    if simulator.keys:
        ready["keys"] = simulator.keys
    if control:
        ready |= {"control_url": simulator.control_url, "events_url": simulator.events_url}
    return ready


def _print_log(line: str) -> None:
    click.echo(line, err=True)


def _webhook_secret() -> str | None:
    """Return the first secret of the environment, None if there is none. Raise UsageError if it is not valid."""
    text = read_secret(os.environ, SECRET_VARIABLE)
    place = f"environment variable {SECRET_VARIABLE}"
    return require_secret(split_secrets(text)[0], place) if text.strip() else None


def _grants(company: Sequence[str], app: Sequence[str]) -> tuple[KeyGrant, ...]:
    from whopwatch.simulator import KeyGrant

    found: dict[str, KeyGrant] = {}
    kinds: tuple[tuple[Literal["company", "app"], Sequence[str]], ...] = (("company", company), ("app", app))
    for kind, texts in kinds:
        for text in texts:
            name, equals, scopes = text.partition("=")
            if not (equals and name.isidentifier() and name.isascii()) or name in (*RESERVED_KEY_NAMES, *found):
                raise UsageError(
                    "Invalid key definition.",
                    where="option --key" if kind == "company" else "option --app-key",
                    expected="NAME=SCOPE[,SCOPE...], each name once and not one of " + ", ".join(RESERVED_KEY_NAMES),
                    hint="NAME= defines a key without scopes",
                )
            found[name] = KeyGrant(name, kind, [scope.strip() for scope in scopes.split(",") if scope.strip()])
    return tuple(found.values())
