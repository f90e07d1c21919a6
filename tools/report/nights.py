"""Reports of a simulated fortnight: the first night, a quiet one and a bad one, as pages.

    python tools/report/nights.py FOLDER

Everything but the dates is a real run against the embedded simulator, whose faults are switched from night to night.
`chromium --headless --screenshot=bad.png FOLDER/bad.html` takes a picture of one, screens.py of every form.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from whopwatch.contract import load
from whopwatch.core.report import Report
from whopwatch.history import Records, compare_with_history
from whopwatch.reports import html
from whopwatch.run import judge, observe
from whopwatch.simulator import embedded

FIRST = datetime(2026, 11, 8, 3, 17, tzinfo=UTC)
FAULTS = {
    "field-undocumented@users.retrieve": range(4, 14),
    "date-without-zone@invoices.list": range(6, 13),
    "enum-value-upper-case@reviews.list": (8, 10, 13),
    "field-missing@products.list": range(13, 14),
    "has-next-always@plans.list": range(13, 14),
    "null-deep@payments": range(13, 14),
}
"""In which nights each fault is there; the first night is 0."""
KEPT = {0: "first", 3: "quiet", 13: "bad"}


def nights() -> Iterator[tuple[int, Report]]:
    """Every night's number and report."""
    contract = load()
    records = Records(salt=os.urandom(16))
    with embedded(contract) as simulator:
        target = replace(simulator.target(), writable=False)
        for number in range(max(KEPT) + 1):
            simulator.faults.switch(name for name, when in FAULTS.items() if number in when)
            observation = observe(contract, target, seed=number)
            started = (FIRST + timedelta(days=number)).isoformat().replace("+00:00", "Z")
            report = replace(judge(contract, observation, target.name), started_at=started)
            yield number, compare_with_history(contract, observation.exchanges, report, records)


def main(folder: Path) -> None:
    """Write the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, report in nights():
        print(f"night {number}: {report.verdict}, {len(report.findings)} findings", flush=True)
        if number in KEPT:
            (folder / f"{KEPT[number]}.html").write_text(html.render(report), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
