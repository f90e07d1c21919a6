"""`whopwatch webhook listen`: receive and check deliveries."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from whopwatch.cli._support.options import (
    CONTRACT,
    FAIL_ON_SEVERITY,
    JSON_REPORT,
    USAGE_PROFILE,
    file_option,
    finite,
    parse_address,
)
from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli._support.printing import output_report
from whopwatch.cli.webhook import SECRET_VARIABLE, read_secrets
from whopwatch.config import SIMULATOR
from whopwatch.config.contract_choice import choose_contract
from whopwatch.config.target import is_local
from whopwatch.contract import Contract
from whopwatch.contract.loader import describe_contract
from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import exit_code
from whopwatch.reports.text import contract_words
from whopwatch.run.target import open_target

if TYPE_CHECKING:
    from whopwatch.http import Client
    from whopwatch.webhooks.checker import DeliveryResult
    from whopwatch.webhooks.listener import Listener, ReceiverEvent

DEFAULT_ADDRESS = "127.0.0.1:9465"
EXAMPLE = f"""\b
Examples:
  whopwatch webhook listen --listen 0.0.0.0:8000 --metrics 127.0.0.1:9466
  whopwatch webhook listen --forward http://127.0.0.1:3000/webhooks --keep kept/
  whopwatch webhook listen --target production --budget 1000
  whopwatch webhook listen --count 1 --json -          one delivery, and a verdict

{SECRET_VARIABLE} contains the secret. The response to a delivery that verifies is 200, and the checks run after it;
with --forward the response has the handler's status. With --target the object of each delivery is compared with the
API's response (GET only, within --budget). Ctrl-C or SIGTERM stops the receiver and prints the report.
Exit code: 0 (clean), 1 (drift) or 3 (nothing received).
"""


@click.command("listen", epilog=EXAMPLE)
@click.option(
    "--listen",
    "address",
    default=DEFAULT_ADDRESS,
    show_default=True,
    metavar="HOST:PORT",
    help="Port 0: any free port.",
)
@click.option("--metrics", "metrics_address", metavar="HOST:PORT", help="Serve /metrics at this address.")
@click.option("--forward", metavar="URL", help="Forward verified deliveries; return its status.")
@click.option("--target", metavar="NAME|URL", help="Compare objects with the objects of this API.")
@click.option("--budget", type=click.IntRange(min=1), default=600, show_default=True, help="Requests to the target.")
@file_option("--keep", "Save deliveries with findings, redacted. A missing folder is created.", metavar="DIR")
@click.option(
    "--refuse-every",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Refuse every Nth delivery once, and expect a retry.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0.1),
    callback=finite,
    default=2000.0,
    show_default=True,
    help="Maximum deliveries a second.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N verified deliveries.")
@click.option("--seconds", type=click.FloatRange(min=0.1), callback=finite, metavar="S", help="Stop after S seconds.")
@CONTRACT
@USAGE_PROFILE
@FAIL_ON_SEVERITY
@click.option("-q", "--quiet", is_flag=True, help="Print no line for each delivery.")
@JSON_REPORT
def webhook_listen(
    address: str,
    metrics_address: str | None,
    forward: str | None,
    target: str | None,
    budget: int,
    keep: Path | None,
    refuse_every: int,
    rate: float,
    count: int | None,
    seconds: float | None,
    contract_name: str | None,
    usage_file: Path | None,
    fail_on: str,
    quiet: bool,
    json_file: str | None,
) -> int:
    """Receive, verify and check deliveries, and report at the end whether they match the contract."""
    from whopwatch.usage.impact import add_impacts, choose_profile
    from whopwatch.webhooks.archive import RedactedArchive
    from whopwatch.webhooks.checker import DeliveryChecker, delivery_contracts
    from whopwatch.webhooks.listener import ReceiverLimits, run_listener
    from whopwatch.webhooks.lookup import ObjectLookup
    from whopwatch.webhooks.samples import require_handler_url

    profile = choose_profile(usage_file, None, fail_on)
    outputs, contracts = Outputs({"json": json_file}, None, {}), delivery_contracts(contract_name)
    contract = choose_contract(contract_name, None, target or SIMULATOR, os.environ).contract
    place = parse_address(address, "--listen", DEFAULT_ADDRESS)
    metrics_place = parse_address(metrics_address, "--metrics", DEFAULT_ADDRESS) if metrics_address else None
    if forward:
        _refuse_itself(require_handler_url(forward, "--forward"), place)
    secrets = read_secrets()
    with _until_signal() as stopped, _client(contract, target, budget) as client:
        checker = DeliveryChecker(contracts, secrets, compare=ObjectLookup(contract, client) if client else None)
        receiver = run_listener(
            contracts,
            checker,
            place,
            limits=ReceiverLimits(rate=rate),
            refuse_every=refuse_every,
            forward_to=forward,
            save=RedactedArchive(contract, keep) if keep else None,
            report=_print_nothing if quiet else _print_line,
        )
        with receiver as listener, _serve_metrics(listener, metrics_place) as metrics_url:
            _announce(listener, contracts.all, metrics_url, json_file == STDOUT)
            _wait(listener, stopped, count, seconds)
        name, sent, limit = (client.target.name, client.sent, budget) if client else ("webhooks", 0, 0)
        report = listener.ledger.report(name, sent=sent, budget=limit)
    report = add_impacts(report, profile)
    output_report(report, outputs)
    return exit_code(report, fail_on)


@contextmanager
def _client(contract: Contract, target: str | None, budget: int) -> Iterator[Client | None]:
    if target is None:
        yield None
        return
    from whopwatch.http import Client

    with open_target(contract, target, os.environ) as ready, Client(ready, contract, budget=budget) as client:
        yield client


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set."""
    stopped = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _serve_metrics(listener: Listener, place: tuple[str, int] | None) -> Iterator[str | None]:
    """Serve the metrics at `place` while the context lasts; yield their URL."""
    if place is None:
        yield None
        return
    from whopwatch.webhooks.listener import serve_metrics

    with serve_metrics(listener.metrics, place) as url:
        yield url


def _print_nothing(_: ReceiverEvent) -> None:
    """Print nothing for a request."""


def _print_line(event: ReceiverEvent) -> None:
    """Print one line for a request, on stderr: stdout is for the address and the report."""
    from whopwatch.signature import Refusal
    from whopwatch.webhooks.checker import DeliveryResult

    if isinstance(event, DeliveryResult):
        words = [f"{event.outcome:<9}", event.event, event.unchecked or "", *_finding_words(event)]
    else:
        words = [f"{'refused':<9}", str(event.reason if isinstance(event, Refusal) else event)]
    click.echo(f"{datetime.now():%H:%M:%S}  {'  '.join(filter(None, words))}", err=True)


def _finding_words(result: DeliveryResult) -> list[str]:
    """Return the first finding of a delivery that breaks the contract, and how many more there are."""
    found = [finding for finding in result.findings if finding.breaks]
    if not found:
        return []
    first = found[0].message.removeprefix(f"{found[0].operation}: ")
    return [sanitize(first) + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")]


def _announce(listener: Listener, contracts: Sequence[Contract], metrics_url: str | None, quiet: bool) -> None:
    """Print one line of JSON on stdout, as `simulate` does, unless stdout is for the report."""
    if not quiet:
        click.echo(json.dumps({"url": listener.url, "metrics_url": metrics_url}))
        sys.stdout.flush()
    named = "; ".join(contract_words(describe_contract(contract)) for contract in contracts)
    click.echo(f"Listening at {listener.url}. Press Ctrl-C to stop.", err=True)
    click.echo(f"Checking deliveries against the contract of their version: {named}.", err=True)


def _wait(listener: Listener, stopped: threading.Event, count: int | None, seconds: float | None) -> None:
    until = time.monotonic() + seconds if seconds else None
    while not stopped.wait(0.05):
        if count and listener.ledger.received >= count:
            return
        if until and time.monotonic() >= until:
            return


def _refuse_itself(url: str, place: tuple[str, int]) -> None:
    """Raise UsageError if deliveries would be forwarded to this receiver: that never ends."""
    parts = urlsplit(url)
    if parts.port == place[1] and (parts.hostname == place[0] or is_local(url)):
        raise UsageError(
            "--forward has the address of this receiver.",
            where="option --forward",
            expected="the address of your handler",
            got=f"the address of --listen, {place[0]}:{place[1]}",
        )
