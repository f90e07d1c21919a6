"""Ten minutes of 149 probes with faults and a stall: memory, schedule lag and bursts."""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import Usage, module, usage
from benchmarks.usage import command_line

CONFIG = """
[budget]
requests_per_minute = 6000
[defaults]
interval = "10s"
timeout = "2s"
recheck = "2s"
page_size = 100
[[probes]]
gets = true
"""
MODES = ("ok", "fails", "ok", "field", "ok", "reset", "ok", "slow", "ok", "hang")
MODE_SECONDS = 15.0
STALL = 5.0
WARM_UP = MODE_SECONDS * len(MODES)
"""Seconds until every fault has occurred once. Then the history of failures is full and all threads are started."""
LAG = "whop_prober_schedule_lag_seconds_bucket"


def scrape(port: str) -> dict[str, list[Any]]:
    """Return every sample by name."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    samples: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    return samples


def quantile(buckets: list[Any], share: float) -> str:
    """Return the upper bound of the bucket that contains the quantile `share`."""
    total = buckets[-1].value
    return next(str(bucket.labels["le"]) for bucket in buckets if bucket.value >= share * total)


def stall(pid: int, api: str) -> tuple[int, int]:
    """Stop the prober for five seconds. Return the requests in the first 50 ms and the first second afterwards."""
    httpx.get(f"{api}/log")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STALL)
    os.kill(pid, signal.SIGCONT)
    time.sleep(3.0)
    received = sorted(entry[1] for entry in httpx.get(f"{api}/log").json())
    gaps = [later - earlier for earlier, later in pairwise(received)]
    begun = received[max(range(len(gaps)), key=gaps.__getitem__) + 1]
    after = [at - begun for at in received if at >= begun]
    return sum(at < 0.05 for at in after), sum(at < 1.0 for at in after)


def main() -> None:
    """Run, measure, print."""
    options = command_line(__doc__)
    options.add_argument("seconds", nargs="?", type=float, default=600.0, help="how long to look (default: 600)")
    seconds = options.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, module("benchmarks.known_api") as (_, api_port):
        api = f"http://127.0.0.1:{api_port}"
        config = Path(folder) / "probes.toml"
        config.write_text(CONFIG, encoding="utf-8")
        with module("benchmarks.prober", api_port, str(config)) as (process, port):
            uses: list[Usage] = []
            series: list[int] = []
            begun, modes, switch_at = time.monotonic(), cycle(MODES), 0.0
            burst, lags = (0, 0), list[Any]()
            while (now := time.monotonic() - begun) < seconds:
                if now >= switch_at:
                    httpx.put(f"{api}/mode", json={"mode": next(modes)})
                    switch_at = now + MODE_SECONDS
                if burst == (0, 0) and now > seconds / 2:
                    httpx.put(f"{api}/mode", json={"mode": "ok"})
                    time.sleep(5.0)
                    lags = scrape(port)[LAG]
                    burst = stall(process.pid, api)
                samples = scrape(port)
                httpx.get(f"{api}/log")
                if now > min(WARM_UP, seconds / 2):
                    uses.append(usage(process.pid))
                    series.append(sum(map(len, samples.values())))
                time.sleep(5.0)
            report({**scrape(port), LAG: lags}, uses, series, burst, seconds)


def report(
    samples: dict[str, list[Any]], uses: list[Usage], series: list[int], burst: tuple[int, int], seconds: float
) -> None:
    """Print the growth from the first to the last fifth, and the other results."""
    fifth = max(len(uses) // 5, 1)

    def step(values: list[float]) -> str:
        first, last = statistics.median(values[:fifth]), statistics.median(values[-fifth:])
        return f"{first:.1f} -> {last:.1f}"

    print(f"soak of {seconds:.0f} s, 149 operations every 10 s, faults coming and going")
    print(f"  memory        {step([use.rss for use in uses])} MiB, at most {max(use.rss for use in uses):.1f}")
    minute = 12  # samples are 5 s apart, and the prober trims its heap once a minute
    by_minute = [uses[start : start + minute] for start in range(0, len(uses) - minute + 1, minute)]
    print(f"  by the minute {' '.join(f'{statistics.median(use.rss for use in part):.1f}' for part in by_minute)} MiB")
    print(f"  threads       {step([use.threads for use in uses])}")
    print(f"  open files    {step([use.files for use in uses])}")
    print(f"  series        {step([float(count) for count in series])}")
    buckets = samples[LAG]
    print(f"  schedule lag  p50 <= {quantile(buckets, 0.5)} s, p99 <= {quantile(buckets, 0.99)} s (before the stall)")
    print(f"  after a stall of {STALL:.0f} s: {burst[0]} requests within 50 ms, {burst[1]} within a second")
    missed = sum(sample.value for sample in samples["whop_prober_missed_runs_total"])
    outcomes: dict[str, float] = {}
    for sample in samples["whop_probe_runs_total"]:
        outcomes[sample.labels["outcome"]] = outcomes.get(sample.labels["outcome"], 0.0) + sample.value
    print(
        f"  runs          {', '.join(f'{name} {count:.0f}' for name, count in outcomes.items())}; missed {missed:.0f}"
    )


if __name__ == "__main__":
    main()
