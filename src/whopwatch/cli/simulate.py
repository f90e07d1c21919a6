"""`whopwatch simulate`: the embedded Whop API as a server."""

from __future__ import annotations

import json
import signal
import threading
from itertools import cycle

import click

from whopwatch.errors import UsageError

EXAMPLE = """\b
Examples:
  whopwatch simulate --port 8080
  whopwatch simulate --seed 7 --items 120 --api-key test_key
  whopwatch simulate --lenient --port 4010     a mock for a client's own test suite
  whopwatch simulate --fault item-skipped@payments.list
  whopwatch simulate --webhook-url http://127.0.0.1:8000/webhooks --webhook-every 1

When it is ready it prints one line of JSON on stdout: base_url, v2_base_url, api_key, company_id, mcp_url,
and with --control control_url: PUT {"faults": ["NAME@OP"]} there replaces the faults, GET tells them; and
events_url: POST {"events": ["payment.succeeded"]} there lets these happen. With --webhook-url what happens, by
requests or by itself, is sent there, signed with webhook_secret.
Ctrl-C or SIGTERM ends it.
"""


@click.command("simulate", epilog=EXAMPLE)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the world: same seed, same world.")
@click.option("--items", type=click.IntRange(min=0), help="Items in each list; 0 is an empty company.")
@click.option("--api-key", help="The key to accept. Default: one made from the seed.")
@click.option("--lenient", is_flag=True, help="Accept any key, and answer any id as if it existed.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[@OP]", help="Break something; repeatable.")
@click.option("--control", is_flag=True, help="Let faults be switched, and events happen, by requests.")
@click.option("--webhook-url", metavar="URL", help="Send signed webhooks there of what happens.")
@click.option(
    "--webhook-every", type=click.FloatRange(min=0.001), metavar="S", help="Let an event happen every S seconds."
)
def simulate(
    port: int,
    seed: int,
    items: int | None,
    api_key: str | None,
    lenient: bool,
    faults: tuple[str, ...],
    control: bool,
    webhook_url: str | None,
    webhook_every: float | None,
) -> int:
    """Run the embedded Whop API as a server."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    from whopwatch.simulator import Options, Webhook, embedded

    if webhook_every and not webhook_url:
        raise UsageError("Nobody is told of the events.", where="option --webhook-every", hint="add --webhook-url")
    webhook = Webhook(webhook_url) if webhook_url else None
    options = Options(
        seed=seed, items=items, api_key=api_key, lenient=lenient, faults=faults, control=control, webhook=webhook
    )
    with embedded(options=options, port=port) as simulator:
        ready = {
            "base_url": simulator.base_url,
            "api_key": simulator.api_key,
            "company_id": simulator.company_id,
            "v2_base_url": simulator.v2_base_url,
            "mcp_url": None,
        }
        if control:
            ready |= {"control_url": simulator.control_url, "events_url": simulator.events_url}
        if webhook:
            ready["webhook_secret"] = simulator.webhook_secret
        click.echo(json.dumps(ready))
        click.echo(f"The simulator listens at {simulator.base_url}; Ctrl-C ends it.", err=True)
        events = cycle(simulator.backend.contract.events)
        while not ended.wait(webhook_every):
            simulator.happen(next(events))
    return 0
