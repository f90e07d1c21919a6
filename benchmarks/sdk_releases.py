"""What releases of the official SDK make of the simulator's world: `python -m benchmarks.sdk_releases [RELEASE...]`.

Each release is driven by `whopwatch sdk`, and a row of docs/howto/sdk-and-mcp.md says what came of it.
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
    "requests a walk, needed",
)
TEXT = """# What the official SDKs make of the API

`whopwatch sdk RELEASE` drives a release of the SDK at a target, reads only, and holds every field that it parses
against the answer that it was given. This table is the simulator's world, which keeps the contract of SDK 0.0.23, as
other releases see it (`python -m benchmarks.sdk_releases` makes it anew):

{table}

- **verified** to **no method**: the 79 reads of the contract. **no method**: the release cannot call them.
- **dropped**, **changed**: fields that were answered and are not there after parsing, or are there as something else.
- **let through**: fields whose value is not of the declared type; the SDK says nothing of it.
- **not sent**: fields that the release declares as always there and that were not answered; it shows None for them.
- **without a type**: fields that come along undeclared. In 0.0.23 these are all in `page_info`: its pages declare the
  end cursor alone.
- **raises**: operations whose true answers the release takes for broken. Releases from 1.0 on hold answers to their
  models, and those describe a later API.
- **argument gone**: parameters that the API takes and the release has no argument for (`company_id` became
  `account_id`).
- **requests a walk**: what the SDK's own iteration sends for a list, and how many pages there are. Releases that ignore
  `has_next_page` ask once more, for an empty page.

What may be null and does not come at all is None to the SDK either way, so nothing is told of that.

Ruby: the gem `whop_sdk` is on no registry that this table is made with, so nothing is said of it.
"""


def main() -> None:
    """Drive each release and write the page."""
    parser = command_line(__doc__)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", default=RELEASES, help="sdk:VERSION or npm:VERSION")
    rows = [_row(release, _driven(release)) for release in parser.parse_args().releases]
    lines = ["| " + " | ".join(row) + " |" for row in (HEAD, ("---",) * len(HEAD), *rows)]
    PAGE.write_text(TEXT.format(table="\n".join(lines)), encoding="utf-8")
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
