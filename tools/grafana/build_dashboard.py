"""Build the Grafana dashboard: probes/grafana/dashboards/whopwatch.json.

    python tools/grafana/build_dashboard.py          write it
    python tools/grafana/build_dashboard.py --check  exit with 1 if the committed file is stale

Needs grafana-foundation-sdk, a development dependency. Grafana and the tests read the committed JSON.
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

# From the most urgent question to the least: what is wrong, where, how slow, what changed, is the prober healthy.
ROWS = (verdict, operations, latency, contract, prober, webhooks, mcp)


def build() -> str:
    """Return the dashboard as indented JSON."""
    board = (
        dash.Dashboard("Whop API monitoring")
        .uid("whopwatch")
        .description("Availability, latency and contract of the Whop API, as probes see them.")
        .tags(["whopwatch", "api", "slo"])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
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
    """Write the dashboard, or compare it with --check. Return the exit code."""
    text = build()
    if arguments == ["--check"]:
        same = OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == text
        if not same:
            print(f"{OUTPUT.name} is stale: run {Path(__file__).name}", file=sys.stderr)
        return 0 if same else 1
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
