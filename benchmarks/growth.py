"""How the CPU and the memory of whopwatch grow with its input. Draws docs/development/growth.svg and prints a table.

Each point is measured in a process of its own. The dotted line is linear growth from the first point, the cross the
aim. `--only NAME` measures one curve and draws nothing.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from html import escape
from math import log10
from pathlib import Path
from typing import Any

from benchmarks.check_cost import simulator
from benchmarks.nights import FIRST
from benchmarks.usage import command_line
from tests.har.conftest import archive, chrome
from tests.reports import samples
from tests.run.in_process import InProcess
from whopwatch.checks import run_checks
from whopwatch.checks.evidence import Evidence
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract, load
from whopwatch.history import Records, compare_with_history, open_baseline
from whopwatch.history.store import read_baseline
from whopwatch.reports import FILE_NAMES, render
from whopwatch.run import judge, observe
from whopwatch.simulator.backend import SimulatorOptions

METHODS = ("get", "post", "put", "patch", "delete")
PICTURE = Path(__file__).parents[1] / "docs/development/growth.svg"


def page(items: int) -> float:
    """Return the milliseconds of CPU to parse, validate and check one page of `items` forums."""
    contract = load()
    server = InProcess(contract, SimulatorOptions(items=120, rate_limit=10**9))
    seen = observe(contract, server.target(), selected=["forums.list"], budget=1, transport=server).exchanges[0]
    content = dict(seen.json)
    content["data"] = [{**content["data"][n % 100], "id": f"feed_{n:014}"} for n in range(items)]
    body = json.dumps(content).encode()

    def run() -> None:
        run_checks(contract, Evidence(contract, (replace(seen, body=body),)), CHECKS)

    run()
    return 1000 * _cpu(run)


def contract(operations: int) -> float:
    """Return the microseconds of CPU of a request: the same requests, with a contract of so many operations."""
    whole = load("newest")
    reads = [operation.id for operation in whole.reads if operation.api == "v1"][:80]
    kept = list(dict.fromkeys([*reads, *whole.operations]))[:operations]
    known = Contract(
        {api: _only(document, api, whole, kept) for api, document in whole.documents.items()}, whole.edition
    )
    assert len(known.operations) == operations
    taken = []
    with simulator(("--contract", "newest")) as target:
        for _ in range(4):
            started = time.process_time()
            sent = len(observe(known, target, selected=reads).exchanges)
            taken.append((time.process_time() - started) / sent)
    return 1_000_000 * statistics.median(taken[1:])


def _only(document: dict[str, Any], api: str, whole: Contract, kept: Sequence[str]) -> dict[str, Any]:
    """Return `document` without the operations that are not in `kept`."""
    wanted = {(one.path, one.method.lower()) for one in map(whole.operations.__getitem__, kept) if one.api == api}
    paths = {
        path: {key: value for key, value in item.items() if key not in METHODS or (path, key) in wanted}
        for path, item in document["paths"].items()
    }
    return {**document, "paths": paths}


def findings(count: int) -> float:
    """Return the seconds of CPU to write a report of `count` findings in all formats."""
    found = tuple(replace(samples.FINDINGS[n % 4], location=f"/data/*/{n}") for n in range(count))
    report = samples.report(findings=found)
    return _cpu(lambda: [render(kind, report) for kind in FILE_NAMES])


def companies(count: int) -> float:
    """Return the seconds of CPU of a night of `count` companies with 60 requests each."""
    with simulator() as target, tempfile.TemporaryDirectory() as folder:
        assert target.api_key is not None
        rows = [f'[[companies]]\nname = "c{n}"\ntarget = "{target.base_url}"\n' for n in range(count)]
        Path(folder, "companies.toml").write_text("".join(f'{row}company_id = "{target.company_id}"\n' for row in rows))
        options = ("--targets", "companies.toml", "--budget", "60")
        return _whopwatch(Path(folder), {"WHOP_API_KEY": target.api_key.reveal()}, "drift", *options).cpu


def recording(megabytes: int) -> float:
    """Return the seconds of CPU to replay an archive of another tool."""
    return _replay(megabytes).cpu


def recording_memory(megabytes: int) -> float:
    """Return the peak memory of the same in MiB."""
    return _replay(megabytes).mebibytes


def _replay(megabytes: int) -> _Cost:
    known = load()
    server = InProcess(known, SimulatorOptions(items=120, rate_limit=10**9))
    seen = observe(known, server.target(), budget=200, transport=server).exchanges
    url = server.target().base_url
    entries = [
        json.dumps(chrome(one.url.replace(url, "https://api.whop.com/api/v1"), one.json, status=one.status))
        for one in seen
        if one.operation in known.operations and one.credential == "key"
    ]
    head, tail = json.dumps(archive()).split("[]")
    with tempfile.TemporaryDirectory() as folder:
        file, size, number = Path(folder, "all.har"), 0, 0
        with file.open("w", encoding="utf-8") as target:
            target.write(f"{head}[{entries[0]}")
            while size < megabytes * 1_000_000:
                number += 1
                size += target.write(f",{entries[number % len(entries)]}")
            target.write(f"]{tail}")
        return _whopwatch(Path(folder), {}, "check", "--replay", file.name, "--target", "production")


def baseline(nights: int) -> float:
    """Return the seconds of CPU to load the baseline of the whole API after so many nights."""
    known = load()
    worlds = [
        observe(known, server.target(), seed=seed, transport=server)
        for seed, server in enumerate(InProcess(known, SimulatorOptions(seed=n, rate_limit=10**9)) for n in range(3))
    ]
    records = Records(salt=b"benchmark")
    for number in range(nights):
        started_at = (FIRST + timedelta(days=number)).isoformat().replace("+00:00", "Z")
        seen = replace(worlds[number % len(worlds)], started_at=started_at)
        compare_with_history(known, seen.exchanges, judge(known, seen, "simulator"), records)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "baseline.sqlite")
        with open_baseline(file) as store:
            store.save(records)
        return _cpu(lambda: read_baseline(file))


def _cpu(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


@dataclass(frozen=True)
class _Cost:
    """What a process used: CPU seconds, and its peak of memory in MiB."""

    cpu: float
    mebibytes: float


def _whopwatch(folder: Path, key: dict[str, str], *arguments: str) -> _Cost:
    """Run a command in `folder` and return its cost. No other child process may end before."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WHOP")}
    command = [sys.executable, "-m", "whopwatch", *arguments]
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=environ | key, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1, 3) or "Error:" in done.stderr:
        raise RuntimeError(done.stderr[-600:])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@dataclass(frozen=True)
class Curve:
    """What is measured at which sizes, and the aim: at most `aim` at the largest size."""

    measure: Callable[[int], float]
    title: str
    size: str
    unit: str
    sizes: tuple[int, ...]
    aim: float | None = None
    is_flat: bool = False
    """Whether the size should not matter."""


CURVES = {
    "page": Curve(page, "Check of one page", "items", "ms CPU", (100, 1000, 10_000)),
    "contract": Curve(
        contract, "A request, by size of the contract", "operations", "us CPU", (100, 200, 487), is_flat=True
    ),
    "findings": Curve(findings, "Report in 7 formats", "findings", "s CPU", (100, 1000, 10_000), 2.0),
    "companies": Curve(companies, "Night of many companies", "companies", "s CPU", (1, 10, 100)),
    "recording": Curve(recording, "Replay of a recording", "MB", "s CPU", (1, 10, 100), 60.0),
    "memory": Curve(recording_memory, "Memory of the replay", "MB", "MiB", (1, 10, 100), 400.0),
    "baseline": Curve(baseline, "Loading a baseline", "nights", "s CPU", (1, 30, 365), 0.3),
}


def measured(name: str, size: int) -> float:
    """Measure one point in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", "--point", name, str(size)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)  # noqa: S603


WIDTH, HEIGHT, LEFT, TOP, INNER_WIDTH, INNER_HEIGHT = 330, 240, 55, 30, 245, 155
"""Pixels: a panel, and the area of its axes."""


def label(value: float) -> str:
    """Return a figure with three digits, or whole."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def panel(curve: Curve, values: Sequence[float]) -> Iterator[str]:
    """Yield the SVG elements of one curve; both axes are logarithmic."""
    growth = [1 if curve.is_flat else size / curve.sizes[0] for size in curve.sizes]
    linear = [values[0] * factor for factor in growth]
    shown = [*values, *linear, *([curve.aim] if curve.aim else [])]
    low, high = log10(min(shown)) - 0.15, log10(max(shown)) + 0.15
    first, last = log10(curve.sizes[0]), log10(curve.sizes[-1])

    def point(size: float, value: float) -> tuple[float, float]:
        across, up = (log10(size) - first) / (last - first), (log10(value) - low) / (high - low)
        return round(LEFT + across * INNER_WIDTH, 1), round(TOP + (1 - up) * INNER_HEIGHT, 1)

    def line(points: Sequence[float], style: str) -> str:
        places = " ".join(",".join(map(str, point(*pair))) for pair in zip(curve.sizes, points, strict=True))
        return f'<polyline points="{places}" fill="none" {style}/>'

    yield f'<text x="{LEFT}" y="18" font-weight="bold">{escape(curve.title)}, {escape(curve.unit)}</text>'
    yield f'<rect x="{LEFT}" y="{TOP}" width="{INNER_WIDTH}" height="{INNER_HEIGHT}" fill="none" stroke="#999"/>'
    yield line(linear, 'stroke="#999" stroke-dasharray="2 4"')
    yield line(values, 'stroke="#1f6feb" stroke-width="2"')
    for size, value in zip(curve.sizes, values, strict=True):
        x, y = point(size, value)
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="#1f6feb"/>'
        yield f'<text x="{x}" y="{y - 7}" text-anchor="middle">{label(value)}</text>'
        yield f'<text x="{x}" y="{TOP + INNER_HEIGHT + 16}" text-anchor="middle">{size:,}</text>'
    yield f'<text x="{LEFT + INNER_WIDTH / 2}" y="{HEIGHT - 20}" text-anchor="middle">{escape(curve.size)}</text>'
    if curve.aim:
        x, y = point(curve.sizes[-1], curve.aim)
        yield f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="#cf222e" font-size="16">+</text>'
        yield f'<text x="{x - 8}" y="{y + 4}" text-anchor="end" fill="#cf222e">aim {curve.aim:g}</text>'


def picture(results: dict[str, list[float]]) -> str:
    """Return the SVG of all curves."""
    columns = 3
    rows = -(-len(results) // columns)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{columns * WIDTH}" height="{rows * HEIGHT}" fill="white"/>',
    ]
    for number, (name, values) in enumerate(results.items()):
        x, y = number % columns * WIDTH, number // columns * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *panel(CURVES[name], values), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Measure all curves, print them as a table and draw them."""
    parser = command_line(__doc__)
    parser.add_argument("--only", choices=CURVES)
    parser.add_argument("--point", nargs=2, metavar=("NAME", "SIZE"), help="measure one point here and print it")
    options = parser.parse_args()
    if options.point:
        name, size = options.point
        print(CURVES[name].measure(int(size)))
        return
    print("| what | unit | " + "size: figure | " * 3)
    print("|---|---|" + "---|" * 3)
    results: dict[str, list[float]] = {}
    for name in [options.only] if options.only else CURVES:
        curve = CURVES[name]
        results[name] = [measured(name, size) for size in curve.sizes]
        cells = [
            f"{size:,} {curve.size}: {label(value)}" for size, value in zip(curve.sizes, results[name], strict=True)
        ]
        print("| " + " | ".join([curve.title, curve.unit, *cells]) + " |", flush=True)
    if not options.only:
        PICTURE.write_text(picture(results), encoding="utf-8")


if __name__ == "__main__":
    main()
