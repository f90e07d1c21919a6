"""Run SDK releases at the simulator: `python -m benchmarks.sdk_releases [RELEASE...]`.

`whopwatch sdk` tests each release, and a row of docs/howto/sdk-and-mcp.md shows the result.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.usage import command_line

RELEASES = (
    "sdk:0.0.1",
    "sdk:0.0.12",
    "sdk:0.0.23",
    "sdk:0.0.30",
    "sdk:0.0.41",
    "sdk:1.0.11",
    "sdk:2.6.0",
    "npm:0.0.23",
    "npm:0.0.42",
)
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "howto" / "sdk-and-mcp.md"
HEAD = (
    "release",
    "verified",
    "drift",
    "could not check",
    "no method",
    "dropped",
    "changed",
    "let through",
    "not sent",
    "without a type",
    "raises",
    "argument gone",
    "requests of a traversal, needed",
)
BEGIN, END = "<!-- table of benchmarks.sdk_releases -->", "<!-- end of the table -->"


def main() -> None:
    """Test each release and write the table."""
    parser = command_line(__doc__)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", default=RELEASES, help="sdk:VERSION or npm:VERSION")
    rows = [_row(release, _driven(release)) for release in parser.parse_args().releases]
    lines = ["| " + " | ".join(row) + " |" for row in (HEAD, ("---",) * len(HEAD), *rows)]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"]), encoding="utf-8")
    print("\n".join(lines))


def _driven(release: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        command = [sys.executable, "-m", "whopwatch", "sdk", release, "--budget", "600", "--json", str(file)]
        command += ["--cache-dir", str(ROOT / ".cache" / "sdk")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)  # noqa: S603
        if not file.exists():
            raise SystemExit(f"{release}: {done.stderr[-500:]}")
        report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return report


def _row(release: str, report: Mapping[str, Any]) -> tuple[str, ...]:
    states = Counter(row["state"] for row in report["operations"])
    sdk = report["sdk"]
    errors, kinds = sdk["errors"], sdk["differences"]
    walks = {f"{walk['requests']}, {walk['needed']}" for walk in sdk["walks"]}
    cells = (
        states["verified"],
        states["drift"],
        states["could-not-check"],
        errors.get("no such method", 0),
        *(kinds.get(kind, 0) for kind in ("lost", "changed", "let-through", "missing", "unknown")),
        errors.get("the SDK raises on an answer of the API", 0),
        errors.get("no such argument", 0),
        "; ".join(sorted(walks)) or "none walked",
    )
    return (f"`{release}`", *map(str, cells))


if __name__ == "__main__":
    main()
