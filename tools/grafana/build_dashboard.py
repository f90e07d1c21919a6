"""Build the Grafana dashboard: probes/grafana/dashboards/whopwatch.json.

    python tools/grafana/build_dashboard.py          write it
    python tools/grafana/build_dashboard.py --check  exit 1 where the committed file is not what this builds

Needs grafana-foundation-sdk, a development dependency; Grafana and the tests read the committed JSON alone.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as dash
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

sys.path.insert(0, str(Path(__file__).parent))
from panels import contract, latency, mcp, operations, prober, verdict, webhooks
from variables import ANNOTATIONS, VARIABLES

OUTPUT = Path(__file__).parents[2] / "probes" / "grafana" / "dashboards" / "whopwatch.json"

# What is wrong, where, how slow, how it changed, and at last whether the watch itself is well.
ROWS = (verdict, operations, latency, contract, prober, webhooks, mcp)


def build() -> str:
    """Return the dashboard as indented JSON, the same text for the same code."""
    board = (
        dash.Dashboard("Whop API watch")
        .uid("whopwatch")
        .description("Does the Whop API answer, fast enough, and in the shapes that it documents?")
        .tags(["whopwatch", "api", "slo"])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for variable in VARIABLES:
        board = board.with_variable(variable)
    for annotation in ANNOTATIONS:
        board = board.annotation(annotation)
    numbers = count(1)
    for row in ROWS:
        panels = [panel.id(next(numbers)) for panel in row.panels()]
        if row.TITLE is not None:
            heading = dash.Row(row.TITLE).id(next(numbers))
            if row.COLLAPSED:
                heading = heading.collapsed(True)
                for panel in panels:
                    heading = heading.with_panel(panel)
                panels = []
            board = board.with_row(heading)
        for panel in panels:
            board = board.with_panel(panel)
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def main(arguments: list[str]) -> int:
    """Write the dashboard, or with --check compare it; return the exit code."""
    text = build()
    if arguments == ["--check"]:
        same = OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == text
        if not same:
            print(f"{OUTPUT.name} is not what the builder makes: run {Path(__file__).name}", file=sys.stderr)
        return 0 if same else 1
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
