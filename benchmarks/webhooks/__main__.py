"""The webhook receiver under load and under abuse: `python -m benchmarks.webhooks`.

The receiver runs in a process of its own on one core, the sender on the other. Costs are CPU seconds of the receiver,
so that a busy machine does not change them. Exits with 1 if a delivery was lost, one got no response within 5 s, or
memory was not bounded.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import Usage, module, usage
from benchmarks.usage import command_line
from benchmarks.webhooks import abuse
from benchmarks.webhooks.sender import SECRET, Sent, requests, send

DEADLINE = 5.0
"""Seconds that Whop waits for a response."""
GROWTH_MIB = 120
"""Memory above its idle size that the receiver's limits allow: open bodies, waiting deliveries, connections."""
HUGE = 100 * 2**20


@dataclass
class Receiver:
    """A running receiver. `report` is set when the context has ended."""

    port: int
    process: subprocess.Popen[str]
    peak: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)

    def usage(self) -> Usage:
        """Return its resources now."""
        return usage(self.process.pid)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run `whopwatch webhook listen` on one core and record its memory."""
    os.environ["WHOP_WEBHOOK_SECRET"] = SECRET
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        options = ("--listen", "127.0.0.1:0", "--rate", "1000000", "--json", str(file))
        with module("whopwatch", "webhook", "listen", *options) as (process, line):
            os.sched_setaffinity(process.pid, {0})
            running = Receiver(int(json.loads(line)["url"].rpartition(":")[2]), process)
            ended = threading.Event()
            watch = threading.Thread(target=_watch, args=(running, ended))
            watch.start()
            try:
                yield running
            finally:
                ended.set()
                watch.join()
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=120)
                running.report = json.loads(file.read_text(encoding="utf-8"))


def _watch(running: Receiver, ended: threading.Event) -> None:
    while not ended.wait(0.1):
        running.peak = max(running.peak, running.usage().rss)


def main() -> int:
    """Run both and print the results. Return the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--deliveries", type=int, default=20_000, help="under load (default %(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="that send them (default %(default)s)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    wanted = requests(options.deliveries)
    wrong = [*_load(wanted, options.connections), *_abused(requests(1000))]
    for line in wrong:
        print(f"  not as it should be: {line}")
    return int(bool(wrong))


def _load(wanted: list[bytes], connections: int) -> Iterator[str]:
    print(f"load: {len(wanted)} deliveries over {connections} connections, the receiver on one core")
    with receiver() as running:
        warm = asyncio.run(send(running.port, wanted[:500], connections))
        before = running.usage()
        sent = asyncio.run(send(running.port, wanted[500:], connections))
        after = running.usage()
        _finished(running)
        judged = running.usage()
    _told("whopwatch webhook listen", sent, judged.cpu - before.cpu)
    received = running.report["deliveries"]["received"]
    accepted = len(warm.taken) + len(sent.taken)
    print(f"  accepted {accepted} of {len(wanted)}, checked {received}; put off {_put_off(sent)} times")
    print(f"  memory {before.rss:.0f} MiB before, {after.rss:.0f} after, {running.peak:.0f} at the peak")
    with module("benchmarks.webhooks.sdk_handler") as (process, line):
        os.sched_setaffinity(process.pid, {0})
        asyncio.run(send(int(line), wanted[:500], connections))
        idle = usage(process.pid)
        rival = asyncio.run(send(int(line), wanted[500:], connections))
        _told("Starlette with the SDK's unwrap", rival, usage(process.pid).cpu - idle.cpu)
    if not received == accepted == len(wanted):
        yield "deliveries were lost"
    if running.report["verdict"] != "clean":
        yield "a correct sender got a finding"
    if running.peak - before.rss > GROWTH_MIB:
        yield "memory grew"


def _finished(running: Receiver) -> None:
    """Wait until the receiver has checked all deliveries: until it uses no more CPU."""
    before = -1.0
    while (now := running.usage().cpu) - before > 0.02:
        before = now
        threading.Event().wait(0.5)


def _told(name: str, sent: Sent, cpu: float) -> None:
    count = sum(1 for _ in sent.taken)
    print(
        f"  {name:<32} {count / cpu:7.0f} a CPU second  {count / sent.seconds:7.0f} a second  "
        f"answered in {sent.percentile(0.5) * 1000:.1f} ms, 99 % in {sent.percentile(0.99) * 1000:.1f} ms"
    )


def _put_off(sent: Sent) -> int:
    return sum(count for status, count in sent.statuses.items() if status in (429, 503))


def _abused(wanted: list[bytes]) -> Iterator[str]:
    print("abuse: 200 slow bodies, 5 bodies of 100 MiB at a time, 10,000 unsigned requests, and signed ones among them")
    with receiver() as running:
        rest = running.usage().rss
        sent, refused, statuses, ended = asyncio.run(_all_at_once(running.port, wanted))
    longest = max(sent.taken, default=DEADLINE)
    print(f"  unsigned refused {refused}, slow ones ended {ended}, huge ones answered {sorted(set(statuses))}")
    print(f"  signed {len(sent.taken)} of {len(wanted)} accepted, the slowest in {longest:.2f} s")
    print(f"  memory {rest:.0f} MiB at rest, {running.peak:.0f} at the peak")
    if len(sent.taken) != len(wanted) or running.report["deliveries"]["received"] != len(wanted):
        yield "signed deliveries were not taken"
    if longest >= DEADLINE:
        yield "a signed delivery was answered too late"
    if set(statuses) - {0, 413}:
        yield "a huge body was not refused as one"
    if running.peak - rest > GROWTH_MIB:
        yield "memory was not bounded"


async def _all_at_once(port: int, wanted: list[bytes]) -> tuple[Sent, int, list[int], int]:
    until = asyncio.Event()
    slow = asyncio.create_task(abuse.slow_bodies(port, 200, until))
    huge = [asyncio.create_task(abuse.huge_body(port, HUGE)) for _ in range(5)]
    knocking = asyncio.create_task(abuse.unsigned(port, 10_000, 50))
    await asyncio.sleep(0.5)
    sent = await send(port, wanted, 4)
    refused = await knocking
    statuses = await asyncio.gather(*huge)
    until.set()
    return sent, refused, list(statuses), await slow


if __name__ == "__main__":
    sys.exit(main())
