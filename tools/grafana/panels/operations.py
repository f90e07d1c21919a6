"""What is wrong, and where: firing alerts, the worst operations, and when and how probes failed."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import common, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from variables import DATASOURCE

from .parts import (
    BY_OPERATION,
    FAILED,
    GREEN,
    GREY,
    ORANGE,
    RED,
    YELLOW,
    by_thresholds,
    coloured,
    lines,
    prop,
    query,
    rows,
    stacked,
    steps,
    values,
)

TITLE = "What is wrong"
COLLAPSED = False

OUTCOME_COLOURS = {
    "success": GREEN,
    "http_error": RED,
    "contract": "purple",
    "timeout": ORANGE,
    "connect": "dark-red",
    "rate_limited": YELLOW,
    "skipped": GREY,
}
ABOUT = (
    ("instance", "(.+)", "$1"),
    ("class", "(.+)", "class $1"),
    ("event", "(.+)", "$1"),
    ("event", "[*]", "an undocumented event"),
    ("resource", "(.+)", "$1"),
    ("operation", "(.+)", "$1"),
)
"""The subject of an alert, for one column: label, pattern of its value, text. The last match counts."""


def panels() -> list[Any]:
    """Return the panels of this row."""
    return [_alerts(), _worst(), _timeline(), _outcomes()]


def _organize(order: list[str], names: dict[str, str], hidden: list[str]) -> DataTransformerConfig:
    """Order, rename and hide columns."""
    return DataTransformerConfig(
        id_val="organize",
        options={
            "indexByName": {name: index for index, name in enumerate(order)},
            "renameByName": names,
            "excludeByName": dict.fromkeys(hidden, True),
        },
    )


def _alerts() -> table.Panel:
    expression = (
        "1000 * max by (severity, alertname, resource, operation, event, class, instance) ("
        'ALERTS_FOR_STATE{alertname=~"Whop.+"} '
        'and ignoring (alertstate) ALERTS{alertname=~"Whop.+",alertstate="firing"})'
    )
    for label, value, about in ABOUT:
        expression = f'label_replace({expression}, "about", "{about}", "{label}", "{value}")'
    severity = values(page=("page", RED), ticket=("ticket", ORANGE))
    order = ["severity", "alertname", "about", "Value"]
    names = {"severity": "Severity", "alertname": "Alert", "about": "About", "Value": "Since"}
    return (
        rows("Firing alerts", "Alerts that fire now, pages first, then the oldest.", width=11)
        .no_value("No alert fires")
        .with_target(query(expression, instant=True))
        .with_transformation(_organize(order, names, ["Time", "resource", "operation", "event", "class", "instance"]))
        .sort_by([_sorted("Severity"), _sorted("Since")])
        .override_by_name(
            "Severity",
            [
                prop("mappings", [severity]),
                prop("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
                prop("custom.width", 70),
            ],
        )
        .override_by_name("Alert", [prop("custom.width", 240)])
        .override_by_name("About", [prop("noValue", "all operations")])
        .override_by_name("Since", [prop("unit", "dateTimeFromNow"), prop("custom.width", 120)])
    )


def _sorted(column: str) -> common.TableSortByFieldState:
    """Return the ascending sort order of a table by a column."""
    return common.TableSortByFieldState().display_name(column).desc(False)


def _worst_columns() -> list[str]:
    """Return the queries of the table of the worst operations: failed, now, findings, p95 and last success."""
    errors = (
        f"topk(12, sum by (operation) (increase(whop_probe_runs_total{{{BY_OPERATION},{FAILED}}}[$__range])) "
        f'/ sum by (operation) (increase(whop_probe_runs_total{{{BY_OPERATION},outcome!="skipped"}}[$__range])) '
        "> 0)"
    )
    last = f"min by (operation) (whop_probe_success{{{BY_OPERATION}}})"
    findings = f'sum by (operation) (whop_probe_findings{{{BY_OPERATION},severity=~"critical|high"}})'
    slowest = (
        "histogram_quantile(0.95, sum by (operation, le) "
        f"(rate(whop_probe_duration_seconds_bucket{{{BY_OPERATION}}}[$__range])))"
    )
    success = f"1000 * max by (operation) (whop_probe_last_success_timestamp_seconds{{{BY_OPERATION}}} > 0)"
    # Every column selects failed operations only, so that without any the table is empty.
    return [errors, *(f"{column} and on (operation) ({errors})" for column in (last, findings, slowest, success))]


def _worst() -> table.Panel:
    state = values(**{"0": ("failing", RED), "1": ("ok", GREEN)})
    bar = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    description = "Operations with failed probes in this time range, the worst first."
    panel = rows("Worst operations", description, width=13).no_value("No probe failed in this time range")
    for ref, expression in zip("ABCDE", _worst_columns(), strict=True):
        panel = panel.with_target(query(expression, ref=ref, instant=True))
    names = {
        "operation": "Operation",
        "Value #A": "Failed",
        "Value #B": "Now",
        "Value #C": "Findings",
        "Value #D": "p95",
        "Value #E": "Last success",
    }
    order = ["operation", "Value #B", "Value #A", "Value #C", "Value #D", "Value #E"]
    return (
        # An outer join: an operation that never succeeded, or is no longer probed, has no value in some columns.
        panel.with_transformation(
            DataTransformerConfig(id_val="joinByField", options={"byField": "operation", "mode": "outer"})
        )
        .with_transformation(_organize(order, names, [f"Time {n}" for n in range(1, 6)] + ["Time"]))
        .with_transformation(
            DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "Failed", "desc": True}]})
        )
        .override_by_name("Operation", [prop("custom.minWidth", 150)])
        .override_by_name(
            "Now",
            [
                prop("mappings", [state]),
                prop("noValue", "no prober"),
                prop("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
                prop("custom.width", 80),
            ],
        )
        .override_by_name(
            "Failed",
            [
                prop("unit", "percentunit"),
                prop("decimals", 1),
                prop("min", 0),
                prop("max", 1),
                prop("color", {"mode": "fixed", "fixedColor": RED}),
                prop("custom.cellOptions", bar),
            ],
        )
        .override_by_name("Findings", [prop("noValue", "unknown"), prop("custom.width", 75)])
        .override_by_name("p95", [prop("unit", "s"), prop("decimals", 1), prop("custom.width", 80)])
        .override_by_name(
            "Last success",
            [prop("unit", "dateTimeFromNow"), prop("noValue", "none since start"), prop("custom.width", 140)],
        )
    )


def _timeline() -> statetimeline.Panel:
    failed_somewhen = f"min_over_time(whop_probe_success{{{BY_OPERATION}}}[$__range] @ end()) == 0"
    expression = (
        f"min by (operation) (whop_probe_success{{{BY_OPERATION}}}) "
        f"and on (operation) topk(16, max by (operation) (1 - avg_over_time(whop_probe_success{{{BY_OPERATION}}}"
        f"[$__range] @ end())) and on (operation) ({failed_somewhen}))"
    )
    return (
        statetimeline.Panel()
        .title("When operations failed")
        .description("The 16 operations that failed longest in this time range.")
        .datasource(DATASOURCE)
        .span(16)
        .height(11)
        .no_value("No probe failed in this time range")
        .with_target(query(expression, "{{operation}}"))
        .mappings([values(**{"0": ("failing", RED), "1": ("ok", GREEN)})])
        .thresholds(steps((None, RED), (1, GREEN)))
        .color_scheme(by_thresholds())
        .show_value(model.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.75)
        .line_width(0)
        .fill_opacity(85)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(model.LegendDisplayMode.LIST)
            .placement(model.LegendPlacement.BOTTOM)
        )
    )


def _outcomes() -> timeseries.Panel:
    panel = stacked(
        lines("Probe runs by outcome", "Runs per minute by outcome.", "short", height=11), bars=True
    ).with_target(
        query(
            f"60 * sum by (outcome) (rate(whop_probe_runs_total{{{BY_OPERATION}}}[$__rate_interval])) > 0",
            "{{outcome}}",
        )
    )
    return coloured(panel, OUTCOME_COLOURS)
