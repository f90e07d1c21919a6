"""Scheduled, fully validating probes next to blackbox_exporter with body regexps, in one run.

149 operations every 10 s (15 probes a second), a fresh connection for each unless kept, a page of 100 items, at a
server that responds after 10 ms and records the true time of every request. CPU is that of the prober's process. Ours
schedules, validates and counts; blackbox_exporter is scheduled by this process, which is not counted. A bare loop of
each HTTP engine that is installed requests, parses and validates the same pages at the same pace.
"""

from __future__ import annotations

import json
import shutil
import signal
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from benchmarks import prober_memory
from benchmarks.bare_prober import ENGINES
from benchmarks.prober import INTERVAL, OPERATIONS
from benchmarks.processes import module, running, usage, wait_for
from benchmarks.usage import command_line

BLACKBOX = "prometheus-blackbox-exporter"
PLAIN, STILL, SCRAPED = "whopwatch", "whopwatch, equal responses", "whopwatch, scraped every second"
KEPT, KEPT_STILL = "whopwatch, kept connections", "whopwatch, kept, equal responses"
BARE = "a bare loop, {}"
PLAINEST = BARE.format("socket")
PROBER = """
[budget]
requests_per_minute = 6000
[defaults]
interval = "10s"
timeout = "5s"
page_size = 100
[[probes]]
gets = true
"""
KEEP = "[prober]\nfresh_connections = false\n"
MODULE = r"""
modules:
  page:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      fail_if_body_not_matches_regexp:
        - '"data":\['
        - '"id":"wdrl_[A-Za-z0-9]+"'
        - '"page_info":\{'
        - '"has_next_page":(true|false)'
"""


@dataclass
class Measured:
    """The results of one prober over its rounds. Times are in seconds, errors relative to the server's own times.

    `rounds` is the CPU of a probe in each round.
    """

    probes: int = 0
    cpu: float = 0.0
    rss: float = 0.0
    rounds: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    first_byte: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)


Runs = Sequence[tuple[str, float, float]]
"""Path, measured total, and measured time to the first byte."""


class Contest:
    """The server that records its times, and the prober under measurement."""

    def __init__(self, api: str, seconds: float) -> None:
        self._api = api
        self._seconds = seconds

    def measure(self, into: Measured, pid: int, finish: Callable[[], Runs]) -> None:
        """Wait, measure the process `pid` meanwhile, and compare the results of `finish` with the server's log."""
        httpx.get(f"{self._api}/log")
        before = usage(pid)
        time.sleep(self._seconds)
        after = usage(pid)
        log = httpx.get(f"{self._api}/log").json()
        into.probes += len(log)
        into.cpu += after.cpu - before.cpu
        into.rounds.append((after.cpu - before.cpu) / len(log))
        into.rss = max(into.rss, after.rss)
        true: dict[str, list[Any]] = defaultdict(list)
        for path, received, first, last in log:
            true[path].append((first - received, last - received))
        for path, total, first_byte in finish():
            if true[path]:
                known_first, known_last = true[path].pop(0)
                into.total.append(total - known_last)
                into.first_byte.append(first_byte - known_first)
                into.taken.append(total)


def ours(
    contest: Contest, api_port: str, folder: Path, into: Measured, *, scrape_every: float | None = None, keep: str = ""
) -> None:
    """Run one round of the prober, with a scrape of its metrics every `scrape_every` seconds."""
    times = folder / "times"
    config = folder / "probes.toml"
    config.write_text(keep + PROBER, encoding="utf-8")
    with ExitStack() as stack:
        process, port = stack.enter_context(module("benchmarks.prober", api_port, str(config), str(times)))
        time.sleep(INTERVAL * 1.2)
        ended = threading.Event()
        if scrape_every:
            scraper = threading.Thread(target=_scrape, args=(port, scrape_every, ended))
            scraper.start()
            stack.callback(scraper.join)
        skip = _count(times, process)

        def finish() -> Runs:
            ended.set()
            if scrape_every:
                scraper.join()
            process.terminate()
            process.wait(30)
            kept = json.loads(times.read_text(encoding="utf-8"))[skip:]
            return [(f"/api/v1/o{name[-3:]}", total, first) for name, _, total, first in kept if first]

        contest.measure(into, process.pid, finish)


def bare(contest: Contest, api_port: str, engine: str, into: Measured) -> None:
    """Run one round of a loop that only requests and validates: the least that Python can do with this engine."""
    with module("benchmarks.bare_prober", api_port, engine) as (process, _):
        time.sleep(2.0)
        contest.measure(into, process.pid, list)


def _count(times: Path, process: Any) -> int:
    """Return how many runs the prober has made so far, which it writes at SIGUSR1."""
    times.unlink(missing_ok=True)
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: times.exists() and times.read_text(encoding="utf-8"))
    return int(times.read_text(encoding="utf-8"))


def _scrape(port: str, every: float, ended: threading.Event) -> None:
    while not ended.wait(every):
        httpx.get(f"http://127.0.0.1:{port}/metrics")


def blackbox(contest: Contest, api_port: str, folder: Path, into: Measured) -> None:
    """Run one round of blackbox_exporter at the same pace."""
    config = folder / "blackbox.yml"
    config.write_text(MODULE, encoding="utf-8")
    port = 19115
    command = [BLACKBOX, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with running(command) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        wait_for(lambda: _answers(client))
        ended, runs = threading.Event(), list[tuple[str, float, float]]()
        driver = threading.Thread(target=_drive, args=(client, api_port, ended, runs))
        driver.start()
        time.sleep(2.0)
        contest.measure(into, process.pid, lambda: _stopped(ended, driver, runs))


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/-/healthy").status_code == 200
    except httpx.TransportError:
        return False


def _drive(client: httpx.Client, api_port: str, ended: threading.Event, runs: list[tuple[str, float, float]]) -> None:
    """Request one probe after the other, at the pace of our own schedule."""

    def probe(number: int) -> None:
        path = f"/api/v1/o{number % OPERATIONS:03}"
        target = f"http://127.0.0.1:{api_port}{path}?company_id=biz_1&first=100"
        found = dict(
            line.rsplit(" ", 1)
            for line in client.get("/probe", params={"module": "page", "target": target}).text.splitlines()
        )
        assert found["probe_success"] == "1"
        phase = 'probe_http_duration_seconds{phase="%s"}'
        runs.append((path, float(found["probe_duration_seconds"]), float(found[phase % "processing"])))

    with ThreadPoolExecutor(8) as pool:
        begun, number = time.perf_counter(), 0
        while not ended.is_set():
            pool.submit(probe, number)
            number += 1
            time.sleep(max(begun + number * INTERVAL / OPERATIONS - time.perf_counter(), 0.0))


def _stopped(ended: threading.Event, driver: threading.Thread, runs: list[tuple[str, float, float]]) -> Runs:
    ended.set()
    driver.join()
    return runs


def spread(rounds: Sequence[float]) -> str:
    """Return the median, the least and the most of some seconds, in milliseconds."""
    least, median, most = (1000 * value for value in (min(rounds), statistics.median(rounds), max(rounds)))
    return f"{median:.2f} ({least:.2f} to {most:.2f}) ms"


def shares(values: Sequence[float]) -> str:
    """Return p50 and p99, in milliseconds."""
    ordered = sorted(values)
    return f"{statistics.median(ordered) * 1000:6.2f} / {ordered[int(len(ordered) * 0.99)] * 1000:6.2f}"


def main() -> None:
    """Measure the probers in turn, and print one table."""
    options = command_line(__doc__)
    options.add_argument("seconds", nargs="?", type=float, default=10.0, help="of each turn (default: 10)")
    options.add_argument("rounds", nargs="?", type=int, default=5, help="turns of each (default: 5)")
    given = options.parse_args()
    seconds, rounds = given.seconds, given.rounds
    engines = [engine for engine in ENGINES if engine != "pycurl" or find_spec("pycurl")]
    names = (PLAIN, STILL, KEPT, KEPT_STILL, SCRAPED, *map(BARE.format, engines), BLACKBOX)
    contestants = {name: Measured() for name in names}
    with tempfile.TemporaryDirectory() as name, module("benchmarks.known_api") as (_, port):
        contest, folder = Contest(f"http://127.0.0.1:{port}", seconds), Path(name)
        for _ in range(rounds):
            ours(contest, port, folder, contestants[PLAIN])
            ours(contest, port, folder, contestants[KEPT], keep=KEEP)
            httpx.put(f"http://127.0.0.1:{port}/mode", json={"mode": "still"})
            ours(contest, port, folder, contestants[STILL])
            ours(contest, port, folder, contestants[KEPT_STILL], keep=KEEP)
            httpx.put(f"http://127.0.0.1:{port}/mode", json={"mode": "ok"})
            for engine in engines:
                bare(contest, port, engine, contestants[BARE.format(engine)])
            if shutil.which(BLACKBOX):
                blackbox(contest, port, folder, contestants[BLACKBOX])
            ours(contest, port, folder, contestants[SCRAPED], scrape_every=1.0)
    print(f"{rounds} rounds of {seconds:.0f} s, {OPERATIONS} operations every {INTERVAL:.0f} s, true delay 10 ms")
    print_table(contestants)
    prober_memory.report(seconds)


def print_table(contestants: Mapping[str, Measured]) -> None:
    """Print a line for each prober, and how they compare."""
    usual = {name: statistics.median(each.rounds) for name, each in contestants.items() if each.rounds}
    columns = f"{'probes':>7}{'CPU/probe, median (least to most)':>35}{'of bare':>8}{'per CPU-s':>10}{'RSS':>10}"
    print(f"{'':34}{columns}   {'total error p50 / p99':>22}   first byte")
    for name, each in contestants.items():
        if each.probes:
            errors = f"   {shares(each.total):>19} ms   {shares(each.first_byte)} ms" if each.total else ""
            print(
                f"{name:34}{each.probes:>7}{spread(each.rounds):>35}"
                f"{usual[name] / usual[PLAINEST]:>8.2f}{each.probes / each.cpu:>10.0f}{each.rss:>6.1f} MiB{errors}"
            )
    worst = [sorted(contestants[name].taken)[int(len(contestants[name].taken) * 0.99)] for name in (SCRAPED, PLAIN)]
    print(f"p99 with a scrape every second: {worst[0] / worst[1]:.2f} times that without")
    other = contestants[BLACKBOX]
    if other.probes:
        pace = {name: each.probes / each.cpu / (other.probes / other.cpu) for name, each in contestants.items()}
        print(
            f"probes per CPU-second, times blackbox_exporter's: {pace[PLAIN]:.2f} where every response differs from the"
        )
        print(f"one before, {pace[STILL]:.2f} where it does not; {pace[PLAINEST]:.2f} of a loop that does nothing else")


if __name__ == "__main__":
    main()
