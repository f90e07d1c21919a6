"""Check simulators of eight API versions against contracts of eight versions.

A contract of the same version must be clean. Any other must end with exit code 3, one sentence and no finding, and
`--contract auto` must choose the right one. Two ways to know the version are tried: `requested` (the simulator rejects
any version but its own) and `answers` (it accepts every version and names none: only its responses show it).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.usage import command_line
from whopwatch.cli._support.options import cache_folder
from whopwatch.contract import Contract, contracts_dir, load
from whopwatch.contract_build.build import documents, exact_model, render
from whopwatch.contract_build.releases import fetch_release
from whopwatch.core.report import EXIT_CODES, Report, Verdict
from whopwatch.run import judge, observe
from whopwatch.run.options import observe_matching
from whopwatch.run.session import default_selection
from whopwatch.simulator import Simulator, embedded

RELEASES = ("1.1.5", "2.0.0", "2.1.0", "2.3.0", "2.4.0", "2.5.0", "2.6.0")
OWN_FILES = {"bundle.json", "edition.toml", "official.yaml"}
"""Files of the newest edition that say nothing about an older version."""
NEWEST_RELEASE = "2.6.0"


def main() -> None:
    """Print the matrix of each way, and what auto chooses. Exits with 1 if a cell is wrong."""
    parser = command_line(__doc__)
    parser.add_argument("--releases", nargs="*", default=RELEASES, metavar="VERSION", help="releases of the Python SDK")
    parser.add_argument("--budget", type=int, default=600, help="requests of a run")
    parser.add_argument("--cache-dir", type=Path, metavar="DIR", help="folder for downloaded packages")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = [_edition(release, Path(folder), cache_folder(arguments.cache_dir)) for release in arguments.releases]
        contracts = [load(), *made]
        wrong = sum(_matrix(contracts, arguments.budget, is_silent=is_silent) for is_silent in (False, True))
    if wrong:
        raise SystemExit(1)


def _edition(release: str, folder: Path, cache: Path) -> Contract:
    """Return the contract of a release, made as the newest edition is, without the facts of a later version."""
    newest = contracts_dir() / str(load("newest").version)
    if release == NEWEST_RELEASE:
        return load(newest)
    package = fetch_release("pypi", "whop-sdk", release, cache)
    model, _ = exact_model(cache / package.file, None)
    made = folder / str(model.api_version)
    shutil.copytree(newest, made, ignore=lambda _, names: OWN_FILES.intersection(names))
    shutil.rmtree(made / "v1")
    for name, text in render(documents(made, model)).items():
        file = made / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    edition = f'version = "{model.api_version}"\nrelease = "sdk:{release}"\n'
    (made / "edition.toml").write_text(edition, encoding="utf-8")
    return load(made)


def _matrix(contracts: Sequence[Contract], budget: int, *, is_silent: bool) -> int:
    """Print one row for each simulator; return how many cells are wrong."""
    print(f"\n{'answers' if is_silent else 'requested'}: a row for each simulator, a column for each contract")
    print(f"{'':14}" + "".join(f"{contract.version or '':>14}" for contract in contracts) + f"{'auto':>14}")
    cells: Counter[str] = Counter()
    for served in contracts:
        # A contract without a version makes a simulator that accepts every version and names none.
        shown = Contract(served.documents, replace(served.edition, version=None)) if is_silent else served
        with embedded(shown, rate_limit=10**9) as simulator:
            row = [_cell(contract, served, simulator, budget, contracts) for contract in contracts]
            chosen = _auto(simulator, budget, contracts)
        cells.update(row)
        cells["auto"] += chosen == served.version
        print(f"{served.version or '':14}" + "".join(f"{cell:>14}" for cell in row) + f"{chosen:>14}", flush=True)
    others = len(contracts) * (len(contracts) - 1)
    print(
        f"{cells['clean']} of {len(contracts)} clean, {cells['sentence']} of {others} end with the sentence, ", end=""
    )
    print(f"auto is right in {cells['auto']} of {len(contracts)}")
    return len(contracts) * 2 + others - cells["clean"] - cells["sentence"] - cells["auto"]


def _cell(contract: Contract, served: Contract, simulator: Simulator, budget: int, at_hand: Sequence[Contract]) -> str:
    """Return `clean`, `sentence`, or what is wrong."""
    target = replace(simulator.target(), api_version_date=contract.version, writable=False)
    observation = observe(contract, target, budget=budget, others=lambda: at_hand)
    report = judge(contract, observation, "simulator")
    if contract is served:
        return "clean" if report.verdict is Verdict.CLEAN and not report.findings else _wrong(report)
    says = report.reason or ""
    is_said = says.startswith(("The API answers version", "The API rejects version")) and "Use `--" in says
    is_right = EXIT_CODES[report.verdict] == 3 and not report.findings and is_said
    return "sentence" if is_right else _wrong(report)


def _wrong(report: Report) -> str:
    print(f"wrong: {report.reason}; {[str(one) for one in report.findings[:3]]}", file=sys.stderr)
    return f"{len(report.findings)} {report.verdict}"[:13]


def _auto(simulator: Simulator, budget: int, at_hand: Sequence[Contract]) -> str:
    """Return the version of the contract that a run without a pinned version ends with."""
    target = replace(simulator.target(), api_version_date=None, writable=False)
    used, observation = observe_matching(
        at_hand[0], target, auto=True, select=default_selection, budget=budget, at_hand=lambda: at_hand
    )
    matches = observation.api_version is not None and observation.api_version.matches
    return f"{used.version}" if matches else f"{used.version} WRONG"


if __name__ == "__main__":
    main()
