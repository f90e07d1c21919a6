"""The CPU of a scrape of 149 operations, relative to prometheus_client writing the same samples.

    python -m benchmarks.scrape

Measured in the scraped process, including its HTTP server, for a contract of 149 reads that have all run. The library
replaces our exposition behind the same server.
"""

from __future__ import annotations

import http.client
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from prometheus_client import generate_latest

from benchmarks.prober import OPERATIONS, contract_of_reads
from benchmarks.processes import module
from benchmarks.usage import command_line
from whopwatch.config import Secret, Target
from whopwatch.prober.footprint import reads_only
from whopwatch.prober.http_pages import build_pages
from whopwatch.prober.http_server import PageServer
from whopwatch.prober.service import SWITCH_SECONDS, ProberService

SCRAPES = 100
ROUNDS = 5
PROBES = (
    '[budget]\nrequests_per_minute = 60000\n[defaults]\ninterval = "1h"\npage_size = 100\n[[probes]]\ngets = true\n'
)


class AsItComes:
    """prometheus_client's own exposition in place of ours."""

    def __init__(self, service: ProberService) -> None:
        self._registry = service.metrics.registry

    def render(self, _: str = "") -> list[bytes]:
        """Return the text format of everything."""
        return [generate_latest(self._registry)]


def scrapes(port: int) -> float:
    """Scrape repeatedly. Return the CPU seconds of this process per scrape, without those of the scraping thread."""
    scraping: list[float] = []

    def scrape() -> None:
        for _ in range(SCRAPES):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            assert response.status == 200
            assert b"whop_probe_success" in response.read()
            connection.close()
        scraping.append(time.thread_time())  # not reached if a scrape fails

    before = time.process_time()
    thread = threading.Thread(target=scrape)
    thread.start()
    thread.join()
    return (time.process_time() - before - scraping[0]) / SCRAPES


def main() -> None:
    """Measure both in rounds, and print the medians."""
    command_line(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, module("benchmarks.known_api") as (_, port):
        config = Path(folder) / "probes.toml"
        config.write_text(PROBES, encoding="utf-8")
        base = f"http://127.0.0.1:{port}/api/v1"
        target = Target("known", base, base, api_key=Secret("key_0123456789"), company_id="biz_1")
        service = ProberService(reads_only(contract_of_reads()), target, config)
        for probe in service.probes.values():
            service.runner.run(probe)
        sys.setswitchinterval(SWITCH_SECONDS)
        server = PageServer(("127.0.0.1", 0), build_pages(service))
        server.start()
        expositions = {"whopwatch": service.exposition, "prometheus_client": AsItComes(service)}
        taken: dict[str, list[float]] = {name: [] for name in expositions}
        for _ in range(ROUNDS):
            for name, exposition in expositions.items():
                service.exposition = exposition  # type: ignore[assignment]
                taken[name].append(scrapes(server.server_address[1]))
        server.stop()
    print(f"{OPERATIONS} operations, load {os.getloadavg()[0]:.1f}; CPU of a scrape, median (all rounds)")
    for name, seconds in taken.items():
        told = ", ".join(f"{each * 1000:.1f}" for each in sorted(seconds))
        print(f"{name}: {sorted(seconds)[ROUNDS // 2] * 1000:.1f} ms ({told})")


if __name__ == "__main__":
    main()
