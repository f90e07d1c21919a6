"""`whopwatch simulate`: the embedded Whop API as a server."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Literal

import click

from whopwatch.cli.options import seconds
from whopwatch.core.errors import UsageError

if TYPE_CHECKING:
    from whopwatch.simulator import KeyGrant

TAKEN = ("company", "app", "unscoped")
"""Names of the keys that every simulator has."""
MAX_ITEMS = 100_000
"""Items in a list: the whole world is made for the first answer, some 1.5 ms an item."""
EXAMPLE = """\b
Examples:
  whopwatch simulate --port 8080
  whopwatch simulate --seed 7 --items 120 --api-key test_key
  whopwatch simulate --lenient --port 4010     a mock for a client's own test suite
  whopwatch simulate --key reader=*:read --app-key poor=plan:basic:read
  whopwatch simulate --fault item-skipped@payments.list
  whopwatch simulate --webhook-url http://127.0.0.1:8000/webhooks --webhook-every 1

When it is ready it prints one line of JSON on stdout: base_url, v2_base_url, api_key, app_key, company_id,
mcp_url, with --key keys by name, which are refused (403) where they lack a scope,
and with --control control_url: PUT {"faults": ["NAME@OP"]} there, as application/json, replaces the faults, GET tells
them; and events_url: POST {"events": ["payment.succeeded"]} there lets these happen. With --webhook-url what happens,
by requests or by itself, is sent there, signed with webhook_secret. Webhooks that are made through the API are sent to
as well, where their address is on this machine.
Ctrl-C or SIGTERM ends it.
"""


@click.command("simulate", epilog=EXAMPLE)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the world: same seed, same world.")
@click.option(
    "--items",
    type=click.IntRange(min=0, max=MAX_ITEMS),
    help="Items in each list [default: 30]; 0 is an empty company. Thousands take seconds before the first answer.",
)
@click.option("--api-key", help="The key to accept. Default: one made from the seed.")
@click.option("--key", "keys", multiple=True, metavar="NAME=SCOPES", help="A company key with no scopes but these.")
@click.option("--app-key", "app_keys", multiple=True, metavar="NAME=SCOPES", help="The same as a key of an app.")
@click.option("--lenient", is_flag=True, help="Accept any key, and answer any id as if it existed.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[@OP]", help="Break something; repeatable.")
@click.option("--control", is_flag=True, help="Let faults be switched, and events happen, by requests.")
@click.option("--webhook-url", metavar="URL", help="Send signed webhooks there of what happens.")
@click.option("--webhook-every", type=float, callback=seconds, metavar="S", help="Let an event happen every S seconds.")
def simulate(
    port: int,
    seed: int,
    items: int | None,
    api_key: str | None,
    keys: tuple[str, ...],
    app_keys: tuple[str, ...],
    lenient: bool,
    faults: tuple[str, ...],
    control: bool,
    webhook_url: str | None,
    webhook_every: float | None,
) -> int:
    """Run the embedded Whop API as a server."""
    if webhook_every and not webhook_url:
        raise UsageError("Nobody is told of the events.", where="option --webhook-every", hint="add --webhook-url")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    from whopwatch.simulator import SimulatorOptions, WebhookOptions, embedded

    webhook = WebhookOptions(webhook_url) if webhook_url else None
    options = SimulatorOptions(
        seed=seed,
        items=items,
        api_key=api_key,
        keys=_grants(keys, app_keys),
        lenient=lenient,
        faults=faults,
        control=control,
        webhook=webhook,
    )
    with embedded(options=options, port=port) as simulator:
        ready: dict[str, object] = {
            "base_url": simulator.base_url,
            "api_key": simulator.api_key,
            "app_key": simulator.app_key,
            "company_id": simulator.company_id,
            "v2_base_url": simulator.v2_base_url,
            "mcp_url": simulator.mcp_url,
        }
        if simulator.keys:
            ready["keys"] = simulator.keys
        if control:
            ready |= {"control_url": simulator.control_url, "events_url": simulator.events_url}
        if webhook:
            ready["webhook_secret"] = simulator.webhook_secret
        click.echo(json.dumps(ready))
        click.echo(f"The simulator listens at {simulator.base_url}; Ctrl-C ends it.", err=True)
        events = cycle(simulator.backend.contract.events)
        while not ended.wait(webhook_every):
            simulator.trigger(next(events))
    return 0


def _grants(company: Sequence[str], app: Sequence[str]) -> tuple[KeyGrant, ...]:
    from whopwatch.simulator import KeyGrant

    found: dict[str, KeyGrant] = {}
    kinds: tuple[tuple[Literal["company", "app"], Sequence[str]], ...] = (("company", company), ("app", app))
    for kind, texts in kinds:
        for text in texts:
            name, equals, scopes = text.partition("=")
            if not (equals and name.isidentifier() and name.isascii()) or name in (*TAKEN, *found):
                raise UsageError(
                    "A key cannot be made.",
                    where="option --key" if kind == "company" else "option --app-key",
                    expected="NAME=SCOPE[,SCOPE...], each name once and none of " + ", ".join(TAKEN),
                    hint="NAME= makes a key without any scope",
                )
            found[name] = KeyGrant(name, kind, [scope.strip() for scope in scopes.split(",") if scope.strip()])
    return tuple(found.values())
