"""Load on every server of whopwatch: idle and slow connections beside real work.

    python -m benchmarks.load              2,000 connections to each server, 1,000 signed deliveries

Receiver, its metrics, the prober and the simulator run as programs of their own. Against each of them, connections are
opened that send nothing, a byte at a time, or one request that is kept alive, and opened again when they are closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.processes import AS_DEPLOYED, running
from benchmarks.webhooks.sender import SECRET, requests, send

PROBES = """
[budget]
requests_per_minute = 6000
[defaults]
interval = "2s"
timeout = "2s"
[[probes]]
operations = ["products.list", "plans.list", "payments.list", "members.list", "companies.retrieve"]
"""
AGAIN_AFTER = 2.0
"""Seconds until a connection that was closed is opened again."""
_KEPT_ALIVE = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
_RUNS = re.compile(r'^whop_probe_runs_total\{.*outcome="(\w+)".*\} ([0-9.e+]+)$', re.MULTILINE)


@dataclass(frozen=True)
class Ports:
    """The ports of the programs, and a request for the simulator."""

    receiver: int
    metrics: int
    prober: int
    simulator: int
    simulator_request: urllib.request.Request


@dataclass(frozen=True)
class LoadResult:
    """What happened meanwhile. `held` counts connections, `scrapes` and `calls` (asked for, answered)."""

    deliveries: int
    accepted: int
    runs: int
    skipped: int
    scrapes: tuple[int, int]
    calls: tuple[int, int]
    seconds: float

    @property
    def is_held(self) -> bool:
        """Whether nothing was lost."""
        complete = self.scrapes[0] == self.scrapes[1] and self.calls[0] == self.calls[1]
        return self.accepted == self.deliveries and not self.skipped and self.runs > 0 and complete


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def programs(folder: Path) -> Iterator[Ports]:
    """Run receiver, prober and simulator; yield their ports when all of them respond."""
    (folder / "probes.toml").write_text(PROBES)
    receiver, metrics, prober, simulator = (_free_port() for _ in range(4))
    whopwatch = [sys.executable, "-m", "whopwatch"]
    listen = ["webhook", "listen", "--quiet", "--listen", f"127.0.0.1:{receiver}", "--metrics", f"127.0.0.1:{metrics}"]
    probe = ["probe", "--config", str(folder / "probes.toml"), "--listen", f"127.0.0.1:{prober}"]
    secret = {**AS_DEPLOYED, "WHOP_WEBHOOK_SECRET": SECRET}
    with (
        open(folder / "output", "w+") as output,
        running([*whopwatch, "simulate", "--port", str(simulator)], output.fileno(), AS_DEPLOYED),
        running([*whopwatch, *listen], output.fileno(), secret),
        running([*whopwatch, *probe], output.fileno(), AS_DEPLOYED),
    ):
        for port in (receiver, metrics, prober, simulator):
            _wait_for_port(port)
        ready = next(json.loads(line) for line in (folder / "output").read_text().splitlines() if '"api_key"' in line)
        url = f"{ready['base_url']}/companies/{ready['company_id']}"
        call = urllib.request.Request(url, headers={"Authorization": f"Bearer {ready['api_key']}"})  # noqa: S310
        yield Ports(receiver, metrics, prober, urlsplit(url).port or 0, call)


def _wait_for_port(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens at port {port}")


async def hold(port: int, number: int) -> None:
    """Keep one connection open: silent, slow, or idle after a request, by its `number`; open it again if closed."""
    first = (b"", b"P", _KEPT_ALIVE)[number % 3]
    while True:
        with suppress(OSError, asyncio.TimeoutError):
            reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
            writer.write(first)
            closed = asyncio.create_task(reader.read())
            while not closed.done():
                await asyncio.wait([closed], timeout=1)
                if number % 3 == 1:
                    writer.write(b"x")
            writer.close()
            await closed  # raises what ended the connection
        await asyncio.sleep(AGAIN_AFTER)


async def _scrape(request: urllib.request.Request | str) -> bool:
    def fetch() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (a local address)
                return bool(response.read())
        except OSError:
            return False

    return await asyncio.to_thread(fetch)


def hold_all(ports: Sequence[int], connections: int) -> None:
    """Hold `connections` to each of `ports` until killed."""

    async def held() -> None:
        await asyncio.gather(*(hold(port, one) for port in ports for one in range(connections)))

    asyncio.run(held())


async def _load(ports: Ports, deliveries: int) -> LoadResult:
    began, wanted, accepted = time.monotonic(), requests(deliveries), 0
    pages = [f"http://127.0.0.1:{port}/metrics" for port in (ports.metrics, ports.prober)]
    asked_for: list[urllib.request.Request | str] = [*pages, ports.simulator_request]
    scrapes: list[bool] = []
    calls: list[bool] = []
    for at in range(0, deliveries, max(deliveries // 10, 1)):
        part = wanted[at : at + max(deliveries // 10, 1)]
        asked = [asyncio.create_task(_scrape(page)) for page in asked_for]
        accepted += (await send(ports.receiver, part, 10)).statuses[200]
        answered = [await one for one in asked]
        scrapes += answered[:2]
        calls.append(answered[2])
        await asyncio.sleep(0.5)
    seconds = time.monotonic() - began
    with urllib.request.urlopen(pages[1], timeout=10) as response:  # noqa: S310 (a local address)
        runs = {name: float(count) for name, count in _RUNS.findall(response.read().decode())}
    skipped = int(runs.pop("skipped", 0))
    done = int(sum(runs.values()))
    return LoadResult(
        deliveries, accepted, done, skipped, (len(scrapes), sum(scrapes)), (len(calls), sum(calls)), seconds
    )


def run(connections: int, deliveries: int, folder: Path) -> LoadResult:
    """Put `connections` on each server while `deliveries` are sent, and return what happened."""
    with programs(folder) as ports:
        addresses = (ports.receiver, ports.metrics, ports.prober, ports.simulator)
        # A process of its own: the sender of deliveries must not wait for thousands of other connections.
        hostile = multiprocessing.get_context("spawn").Process(target=hold_all, args=(addresses, connections))
        hostile.start()
        try:
            time.sleep(3)
            return asyncio.run(_load(ports, deliveries))
        finally:
            hostile.kill()
            hostile.join()


def main() -> None:
    """Run with the options and print the result. The exit code is 1 if something was lost."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--connections", type=int, default=2000)
    options.add_argument("--deliveries", type=int, default=1000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(given.connections, given.deliveries, Path(folder))
    print(f"{given.connections} idle and slow connections to each of four servers, {found.seconds:.0f} s")
    print(f"deliveries accepted  {found.accepted} of {found.deliveries}")
    print(f"scheduled runs       {found.runs}, skipped {found.skipped}")
    print(f"metrics answered     {found.scrapes[1]} of {found.scrapes[0]}")
    print(f"simulator answered   {found.calls[1]} of {found.calls[0]}")
    raise SystemExit(not found.is_held)


if __name__ == "__main__":
    main()
