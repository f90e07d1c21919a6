"""Build the contract of SDK releases and check each at its own simulator: `python -m benchmarks.releases [VERSION...]`.

Without versions, take every published release of the Python SDK. For each one `contract sync` writes the contract into
a temporary folder, `contract verify` checks it, and `check` runs at the simulator of that contract, once a seed. Print
a table of verdicts and CPU seconds. Exit code 1 if something is not clean.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.usage import command_line
from whopwatch.contract import edition_dir
from whopwatch.contract_build.fetch import published_versions
from whopwatch.contract_build.sources import Sources

HEAD = ("release", "operations", "events", "sync", "verify", "check", "CPU s: sync", "verify", "check")
CLEAN = "clean"


def main() -> int:
    """Build, verify and check each release; print the table as it grows."""
    parser = command_line(__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 0.0.25")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how often to check each")
    parser.add_argument("--cache-dir", metavar="DIR", help="folder of the downloaded packages")
    arguments = parser.parse_args()
    package = Sources.read(edition_dir()).packages["python"]
    cache = ["--cache-dir", arguments.cache_dir] if arguments.cache_dir else []
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    dirty = []
    for version in arguments.versions or published_versions(package.registry, package.name):
        cells = release_row(version, arguments.seeds, cache)
        print("| " + " | ".join((version, *cells)) + " |", flush=True)
        if any(cell != CLEAN for cell in cells[2:5]):
            dirty.append(version)
    print(f"\nnot clean: {', '.join(dirty) or 'none'}")
    return 1 if dirty else 0


def release_row(version: str, seeds: int, cache: list[str]) -> tuple[str, ...]:
    """Return the cells of one release."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = str(Path(scratch) / "contract")
        command = ["contract", "sync", f"sdk:{version}", "--contract", str(edition_dir()), "--output", folder, *cache]
        code, _, building = _run([*command, "--json", str(Path(scratch) / "sync.json")])
        if not Path(folder).is_dir():
            return ("", "", f"exit code {code}", "not run", "not run", f"{building:.1f}", "", "")
        sizes = Sources.read(Path(folder)).counts
        broken, _, verifying = _run(["contract", "verify", "--contract", folder])
        states: Counter[str] = Counter()
        checking = 0.0
        for seed in range(seeds):
            report, seconds = _checked(folder, seed, Path(scratch))
            checking += seconds
            states[_verdict(report)] += 1
    verdicts = CLEAN if states[CLEAN] == seeds else ", ".join(f"{count} x {text}" for text, count in states.items())
    words = (_word(code), _word(broken), verdicts)
    seconds_of = (building, verifying, checking / seeds)
    return (str(sizes["operations"]), str(sizes["events"]), *words, *(f"{number:.1f}" for number in seconds_of))


def _word(code: int) -> str:
    return CLEAN if code == 0 else f"exit code {code}"


def _checked(folder: str, seed: int, scratch: Path) -> tuple[dict[str, Any], float]:
    file = scratch / f"{seed}.json"
    code, text, seconds = _run(["check", "--contract", folder, "--seed", str(seed), "--json", str(file)])
    if not file.exists():
        return {"verdict": f"exit code {code}: {text[:120]}", "findings": [], "operations": []}, seconds
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report, seconds


def _verdict(report: dict[str, Any]) -> str:
    findings = Counter(f"{finding['check']} {finding['operation']}" for finding in report["findings"])
    drifted = sum(row["state"] == "drift" for row in report["operations"])
    if not findings and not drifted and report["verdict"] == CLEAN:
        return CLEAN
    return f"{report['verdict']}, {drifted} operations: {', '.join(list(findings)[:4])}"


def _run(arguments: list[str]) -> tuple[int, str, float]:
    """Run whopwatch in a process of its own. Return its exit code, what it printed, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "whopwatch", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, (done.stderr or done.stdout).strip().replace("\n", " "), seconds


if __name__ == "__main__":
    sys.exit(main())
