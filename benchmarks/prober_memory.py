"""The memory of `whopwatch probe` in either edition, after it has probed every read and served scrapes.

The simulator is the target, in a process of its own. The prober runs as deployed: the command itself, every 10 s.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from benchmarks.processes import AS_DEPLOYED, running, usage, wait_for
from benchmarks.usage import command_line

EDITIONS = {"2025-01-01": 48.0, "newest": 80.0}
"""The bundled editions, each with the aim in MiB."""
URL = re.compile(r"http://\S+/metrics")
CONFIG = (
    '[budget]\nrequests_per_minute = 60000\n[defaults]\ninterval = "10s"\ntimeout = "5s"\n[[probes]]\ngets = true\n'
)


def memory(edition: str, seconds: float) -> tuple[float, int, int]:
    """Run the prober for `seconds`. Return its largest memory in MiB, and how many operations it has and reached."""
    simulate = [sys.executable, "-m", "whopwatch", "simulate", "--contract", edition, "--port", "0"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config, log = folder / "probes.toml", folder / "log"
        config.write_text(CONFIG, encoding="utf-8")
        simulator = stack.enter_context(running(simulate, stdout=subprocess.PIPE))
        assert simulator.stdout is not None
        ready = json.loads(simulator.stdout.readline())
        command = [sys.executable, "-m", "whopwatch", "probe", "--contract", edition, "--target", ready["base_url"]]
        command += ["--config", str(config), "--listen", "127.0.0.1:0"]
        key = {"WHOP_API_KEY": ready["api_key"], "WHOP_COMPANY_ID": ready["company_id"]}
        errors = stack.enter_context(log.open("w", encoding="utf-8"))
        prober = stack.enter_context(running(command, stderr=errors.fileno(), environ=AS_DEPLOYED | key))
        wait_for(lambda: URL.search(log.read_text(encoding="utf-8")))
        url = URL.findall(log.read_text(encoding="utf-8"))[0]
        end, largest = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            time.sleep(1.0)
            httpx.get(url).raise_for_status()
            largest = max(largest, usage(prober.pid).rss)
        succeeded = re.findall(r"^whop_probe_success\{[^}]*\} (\d)", httpx.get(url).text, re.MULTILINE)
        return largest, len(succeeded), sum(map(int, succeeded))


def report(seconds: float) -> None:
    """Measure each edition, and print a line for it."""
    for edition, aim in EDITIONS.items():
        largest, operations, succeeded = memory(edition, seconds)
        print(f"memory, {edition}: {largest:.1f} MiB of {aim:.0f}; {succeeded} of {operations} operations succeeded")


if __name__ == "__main__":
    options = command_line(__doc__)
    options.add_argument("seconds", nargs="?", type=float, default=60.0, help="for each edition (default: 60)")
    report(options.parse_args().seconds)
