"""`whopwatch webhook listen`: a receiver that checks what comes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from whopwatch.cli.check import EXIT_CODES, tell
from whopwatch.cli.options import finite
from whopwatch.cli.outputs import STDOUT, Outputs
from whopwatch.cli.webhook import VARIABLE, secret_of_environment
from whopwatch.config.url import is_local
from whopwatch.contract import Contract, load
from whopwatch.core.errors import UsageError
from whopwatch.run.target import opened

if TYPE_CHECKING:
    from whopwatch.http import Client
    from whopwatch.webhooks.listener import Listener

LISTEN = "127.0.0.1:9465"
EXAMPLE = f"""\b
Examples:
  whopwatch webhook listen --listen 0.0.0.0:8000 --metrics 127.0.0.1:9466
  whopwatch webhook listen --forward http://127.0.0.1:3000/webhooks --keep kept/
  whopwatch webhook listen --target production --budget 1000
  whopwatch webhook listen --count 1 --json -          one delivery, and a verdict

{VARIABLE} holds the secret. A delivery that verifies is answered with 200 before it is checked; with --forward the
handler's status is the answer. With --target the object of each delivery is compared with what the API answers (GET
alone, within --budget). Ctrl-C or SIGTERM ends it with a report: 0 (clean), 1 (drift) or 3 (nothing came).
"""


@click.command("listen", epilog=EXAMPLE)
@click.option("--listen", "address", default=LISTEN, show_default=True, metavar="HOST:PORT", help="0 is any free port.")
@click.option("--metrics", "metrics_address", metavar="HOST:PORT", help="Serve /metrics there.")
@click.option("--forward", metavar="URL", help="Pass each verified delivery on, and answer what the handler answers.")
@click.option("--target", metavar="NAME|URL", help="Compare objects with what this API answers.")
@click.option("--budget", type=click.IntRange(min=1), default=600, show_default=True, help="Requests to the target.")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Keep what breaks the contract, redacted.")
@click.option("--refuse-every", type=click.IntRange(min=0), default=0, metavar="N", help="Provoke a retry of each Nth.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0.1),
    callback=finite,
    default=2000.0,
    show_default=True,
    help="Deliveries a second.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N verified deliveries.")
@click.option("--seconds", type=click.FloatRange(min=0.1), callback=finite, metavar="S", help="End after S seconds.")
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report at the end (- for stdout).")
def listen(
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
    json_file: str | None,
) -> int:
    """Receive webhooks, verify and check them, and say at the end whether they keep the contract."""
    from whopwatch.webhooks.bounds import Bounds
    from whopwatch.webhooks.forward import receiver_url
    from whopwatch.webhooks.judge import Judge
    from whopwatch.webhooks.keeping import Keeper
    from whopwatch.webhooks.listener import listening
    from whopwatch.webhooks.lookup import Lookup

    outputs, contract = Outputs({"json": json_file}, None, {}), load()
    place = address_of(address, "--listen")
    metrics_place = address_of(metrics_address, "--metrics") if metrics_address else None
    if forward:
        _refuse_itself(receiver_url(forward, "--forward"), place)
    secret = secret_of_environment()
    with _until_signalled() as ended, _client(contract, target, budget) as client:
        judge = Judge(contract, secret, compare=Lookup(contract, client) if client else None)
        receiver = listening(
            contract,
            judge,
            place,
            bounds=Bounds(rate=rate),
            refuse_every=refuse_every,
            forward_to=forward,
            keep=Keeper(contract, keep) if keep else None,
        )
        with receiver as listener, _exporting(listener, metrics_place) as metrics_url:
            _announce(listener, metrics_url, json_file == STDOUT)
            _wait(listener, ended, count, seconds)
        report = listener.ledger.report(
            client.target.name if client else "webhooks",
            sent=client.sent if client else 0,
            budget=budget if client else 0,
        )
    tell(report, outputs)
    return EXIT_CODES[report.verdict]


@contextmanager
def _client(contract: Contract, target: str | None, budget: int) -> Iterator[Client | None]:
    if target is None:
        yield None
        return
    from whopwatch.http import Client

    with opened(contract, target, os.environ) as ready, Client(ready, contract, budget=budget) as client:
        yield client


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """An event that is set by Ctrl-C and SIGTERM."""
    ended = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: ended.set()) for number in numbers]
    try:
        yield ended
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _exporting(listener: Listener, place: tuple[str, int] | None) -> Iterator[str | None]:
    """The metrics at `place` as long as the context lasts; their URL."""
    if place is None:
        yield None
        return
    from prometheus_client import start_http_server

    host, port = place
    try:
        server, _ = start_http_server(port, host or "0.0.0.0", listener.metrics.registry)  # noqa: S104 (asked for)
    except OSError as error:
        raise UsageError(
            "The metrics cannot be served at this address.",
            where=f"option --metrics, {host}:{port}",
            got=error.strerror,
        ) from None
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()


def _announce(listener: Listener, metrics_url: str | None, quiet: bool) -> None:
    """One line of JSON on stdout, as of the simulator, where stdout is not the report's."""
    if not quiet:
        click.echo(json.dumps({"url": listener.url, "metrics_url": metrics_url}))
        sys.stdout.flush()
    click.echo(f"Listening at {listener.url}; Ctrl-C ends it.", err=True)


def _wait(listener: Listener, ended: threading.Event, count: int | None, seconds: float | None) -> None:
    until = time.monotonic() + seconds if seconds else None
    while not ended.wait(0.05):
        if count and listener.ledger.received >= count:
            return
        if until and time.monotonic() >= until:
            return


def _refuse_itself(url: str, place: tuple[str, int]) -> None:
    """A receiver that passes on to itself would do so with each delivery for ever."""
    parts = urlsplit(url)
    if parts.port == place[1] and (parts.hostname == place[0] or is_local(url)):
        raise UsageError(
            "Deliveries would be passed on to this receiver itself.",
            where="option --forward",
            expected="the address of your handler",
            got=f"that of --listen, {place[0]}:{place[1]}",
        )


def address_of(text: str, option: str) -> tuple[str, int]:
    """`HOST:PORT` as a pair; raises UsageError for anything else."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise UsageError(
            "This is no address to listen at.",
            where=f"option {option}",
            expected=f"HOST:PORT such as {LISTEN}",
            got=f"a text of {len(text)} characters",
        )
    return host.strip("[]"), int(port)
