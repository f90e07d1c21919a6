"""Build the contract of SDK releases and check each at its own simulator: `python -m benchmarks.releases --keep DIR`.

Without versions, take every published release of the Python SDK. For each one `contract sync` writes the contract,
`contract verify` checks it, and `check` runs at the simulator of that contract, once a seed. Print a table of verdicts
and CPU seconds; for all releases, write it into docs/development/api-history.md. `--keep` is a folder that
`benchmarks.live_history` shares: an interrupted run continues there. Exit code 1 if something is not clean.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.released import CHECKING, Result, Workplace, releases, run_whopwatch, write_table
from benchmarks.usage import command_line
from whopwatch.cli._support.options import cache_folder
from whopwatch.contract_build.sources import Sources

HEAD = ("release", "operations", "events", "sync", "verify", "check", "CPU s: sync", "verify", "check")
CLEAN = "clean"


def main() -> int:
    """Build, verify and check each release; print the table as it grows."""
    parser = command_line(__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 0.0.25")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how often to check each")
    parser.add_argument("--cache-dir", type=Path, metavar="DIR", help="folder of the downloaded packages")
    parser.add_argument("--keep", type=Path, required=True, metavar="DIR", help="folder of the contracts and results")
    arguments = parser.parse_args()
    place = Workplace(arguments.keep, cache_folder(arguments.cache_dir))
    versions = arguments.versions or releases()
    builds = place.build(versions)
    make = partial(_checked, place, arguments.seeds)
    table, dirty = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)], []
    for version, result in place.results(
        f"check-{arguments.seeds}", versions, make, (*CHECKING, "benchmarks/releases.py")
    ):
        cells = _cells(builds[version], result)
        table.append(f"| {version} | {' | '.join(cells)} |")
        print(table[-1], flush=True)
        if any(cell != CLEAN for cell in cells[2:5]):
            dirty.append(version)
    if not arguments.versions:
        write_table("releases", table)
    print(f"{len(versions) - len(dirty)} of {len(versions)} clean; not clean: {', '.join(dirty) or 'none'}")
    return 1 if dirty else 0


def _cells(build: Result, result: Result) -> tuple[str, ...]:
    numbers = (build["seconds"], result["verify_seconds"], result["check_seconds"])
    words = (_word(build["exit_code"]), result["verify"], result["check"])
    return (str(result["operations"]), str(result["events"]), *words, *(f"{number:.1f}" for number in numbers))


def _checked(place: Workplace, seeds: int, version: str) -> Result:
    """Verify the contract of a release, and check it at its own simulator with each seed."""
    folder = place.contract(version)
    if not folder.is_dir():
        nothing = {"operations": "", "events": "", "verify_seconds": 0.0, "check_seconds": 0.0}
        return {"verify": "not run", "check": "not run", **nothing}
    sizes = Sources.read(folder).counts
    broken, _, verifying = run_whopwatch("contract", "verify", "--contract", str(folder))
    with tempfile.TemporaryDirectory() as scratch:
        checks = [_check(folder, seed, Path(scratch)) for seed in range(seeds)]
    states = Counter(verdict for verdict, _ in checks)
    return {
        "operations": sizes["operations"],
        "events": sizes["events"],
        "verify": _word(broken),
        "check": CLEAN if states[CLEAN] == seeds else ", ".join(f"{count} x {text}" for text, count in states.items()),
        "verify_seconds": verifying,
        "check_seconds": sum(seconds for _, seconds in checks) / seeds,
    }


def _word(code: int) -> str:
    return CLEAN if code == 0 else f"exit code {code}"


def _check(folder: Path, seed: int, scratch: Path) -> tuple[str, float]:
    """Return the verdict and the CPU seconds of a check."""
    file = scratch / f"{seed}.json"
    code, text, seconds = run_whopwatch("check", "--contract", str(folder), "--seed", str(seed), "--json", str(file))
    if not file.exists():
        return f"exit code {code}: {text[:120]}", seconds
    return _verdict(json.loads(file.read_text(encoding="utf-8"))), seconds


def _verdict(report: dict[str, Any]) -> str:
    findings = Counter(f"{finding['check']} {finding['operation']}" for finding in report["findings"])
    drifted = sum(row["state"] == "drift" for row in report["operations"])
    if not findings and not drifted and report["verdict"] == CLEAN:
        return CLEAN
    return f"{report['verdict']}, {drifted} operations: {', '.join(list(findings)[:4])}"


if __name__ == "__main__":
    sys.exit(main())
