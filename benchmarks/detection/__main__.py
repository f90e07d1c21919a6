"""Measure what whopwatch detects: `python -m benchmarks.detection`.

Every fault of the simulator's catalogue and every fault of benchmarks/detection/unseen is placed at one operation, and
at every operation, and searched for with each budget; with --schemathesis N, N of them with `schemathesis run` as well.
Faults of tools, deliveries and SDK parsing are searched for by the commands for them. Writes
reports/detection/cases.jsonl during the run (cases in it are not run again: delete it after a change of the code), then
detection.json and the page.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.detection.case_order import look, schemathesis_cases
from benchmarks.detection.cases import EVERYWHERE, SCHEMATHESIS, WHOPWATCH, Case, Placed, clean, draw, sees, spread
from benchmarks.detection.run_other_checks import SAMPLE, run_other_checks
from benchmarks.detection.run_schemathesis import run_schemathesis
from benchmarks.detection.run_whopwatch import run_whopwatch
from benchmarks.detection.scheduler import Journal, Record, run_all
from benchmarks.detection.score import with_baseline
from benchmarks.detection.stage import items_of, warmed
from benchmarks.detection.tables import figures, page
from benchmarks.usage import command_line
from whopwatch.contract import load


def main() -> None:
    """Run the cases and write the page."""
    options = _options()
    contract = load(options.contract)
    placed = list(draw(contract, options.draws, options.only)) if "one" in options.places else []
    everywhere = list(spread(contract, options.only)) if EVERYWHERE in options.places else []
    if options.sample:
        placed = _drawn(placed, options.sample)
        drawn = {(one.origin, one.fault) for one in placed}
        everywhere = [one for one in everywhere if (one.origin, one.fault) in drawn]
    budgets = sorted(int(budget) for budget in options.budgets.split(","))

    def work(case: Case) -> dict[str, Any]:
        return run_schemathesis(contract, case) if case.tool == SCHEMATHESIS else run_whopwatch(contract, case)

    run_whopwatch(contract, Case(WHOPWATCH, str(budgets[0]), next(clean(1))))  # compiles what all cases need
    for where in {(one.seed, one.origin, one.fault): one for one in (*placed, *everywhere)}.values():
        warmed(contract, where.seed, items_of(where))
    journal = Journal(options.output / "cases.jsonl")

    def run(cases: Iterable[Case]) -> list[Record]:
        return run_all(cases, work, journal, jobs=options.jobs, seconds=options.seconds)

    records = look([*placed, *everywhere], budgets, run, frugal=options.frugal)
    records += run(Case(WHOPWATCH, str(budget), where) for where in clean(options.seeds) for budget in budgets)
    records += with_baseline(run(schemathesis_cases(_drawn(placed, options.schemathesis))))
    others = list(run_other_checks(contract, sample=options.elsewhere)) if options.elsewhere else []
    options.output.mkdir(parents=True, exist_ok=True)
    told = json.dumps(figures(records, others), indent=2)
    (options.output / "detection.json").write_text(f"{told}\n", encoding="utf-8")
    text = page(records, others)
    options.page.write_text(text, encoding="utf-8")
    print(text, end="")


def _drawn(placed: Sequence[Placed], number: int) -> list[Placed]:
    """Return `count` faults that reads can show, always the same ones."""
    seen = [where for where in placed if sees(where) == "read"]
    return random.Random(number).sample(seen, min(number, len(seen)))  # noqa: S311


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--budgets", default="120,600,2000", help="requests of whopwatch's runs (default %(default)s)")
    parser.add_argument(
        "--schemathesis", type=int, default=0, metavar="N", help="run schemathesis as well, at N faults; takes long"
    )
    parser.add_argument("--contract", help="edition of the simulator and of the runs (default 2025-01-01)")
    parser.add_argument("--seeds", type=int, default=100, help="faithful simulators (default %(default)s)")
    parser.add_argument("--draws", type=int, default=1, help="operations a fault (default %(default)s)")
    parser.add_argument(
        "--places", nargs="+", default=["one", EVERYWHERE], choices=["one", EVERYWHERE], help="where (default both)"
    )
    parser.add_argument("--only", action="append", default=[], metavar="FAULT", help="these faults alone")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of the faults, drawn by a fixed seed")
    parser.add_argument(
        "--elsewhere",
        type=int,
        default=SAMPLE,
        metavar="N",
        help="faults that each other check is tried with, 0 to leave them out (default %(default)s)",
    )
    parser.add_argument("--frugal", action="store_true", help="what was caught is not looked for with more requests")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=300.0, help="bound of each case (default %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("reports/detection"), help="folder (default %(default)s)")
    parser.add_argument("--page", type=Path, help="the page (default detection.md in the folder)")
    options = parser.parse_args()
    options.page = options.page or options.output / "detection.md"
    return options


if __name__ == "__main__":
    main()
