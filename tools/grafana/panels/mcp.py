"""The MCP server, as the prober checks it. Collapsed, because not every prober checks one."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from .parts import BLUE, BY_PROBER, GREEN, GREY, RED, always, coloured, lines, prop, query, stacked

TITLE = "MCP server"
COLLAPSED = True

OUTCOME_COLOURS = {"success": GREEN, "contract": "purple", "refused": RED, "skipped": GREY}


def panels() -> list[timeseries.Panel]:
    """Return the panels of this row."""
    return [_rounds(), _tools(), _findings()]


def _rounds() -> timeseries.Panel:
    panel = stacked(
        lines("MCP checks by outcome", "Checks an hour. refused: no session, or no list of tools.", "short"),
        bars=True,
    ).with_target(query(f"sum by (outcome) (increase(whop_mcp_rounds_total{{{BY_PROBER}}}[1h]))", "{{outcome}}"))
    return coloured(panel, OUTCOME_COLOURS).no_value("No MCP server is checked")


def _tools() -> timeseries.Panel:
    duration = (
        f"sum(rate(whop_mcp_duration_seconds_sum{{{BY_PROBER}}}[1h])) "
        f"/ (sum(rate(whop_mcp_duration_seconds_count{{{BY_PROBER}}}[1h])) > 0)"
    )
    return (
        lines("Tools and check duration", "Tools in the last list. Right axis: seconds of a check.", "short")
        .with_target(query(f"max by (transport) (whop_mcp_tools{{{BY_PROBER}}})", "{{transport}}"))
        .with_target(query(duration, "seconds", "B"))
        .override_by_name(
            "seconds",
            [prop("unit", "s"), prop("custom.axisPlacement", "right"), prop("custom.fillOpacity", 0), *always(BLUE)],
        )
    )


def _findings() -> timeseries.Panel:
    panel = stacked(lines("MCP findings", "Findings of the last check, by drift class.", "short"))
    return (
        panel.decimals(0)
        .no_value("No finding")
        .with_target(query(f"sum by (class) (whop_mcp_findings{{{BY_PROBER}}}) > 0", "{{class}}"))
    )
