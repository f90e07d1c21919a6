"""Building blocks of panels: queries, thresholds, legends, and one builder for each kind of panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from variables import BY_PROBER, DATASOURCE

GREEN, BLUE, YELLOW, ORANGE, RED, GREY = "green", "blue", "yellow", "orange", "red", "#8e8e8e"

BY_OPERATION = f'{BY_PROBER},operation=~"$operation"'
"""The selected series of operations."""
FAILED = 'outcome!~"success|skipped"'

P = TypeVar("P", stat.Panel, table.Panel, timeseries.Panel)


def query(expression: str, legend: str = "__auto", ref: str = "A", *, instant: bool = False) -> prometheus.Dataquery:
    """Return a Prometheus query over the dashboard's time range, or at its end only (`instant`)."""
    built = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(ref).datasource(DATASOURCE)
    return built.instant().format(PromQueryFormat.TABLE) if instant else built.range()


def steps(*pairs: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return absolute thresholds from (value, colour) pairs. The first value is None: everything below the second."""
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in pairs])
    )


def values(**texts: tuple[str, str]) -> ValueMap:
    """Return a mapping of values to text and colour: `values(**{"0": ("failing", RED)})`."""
    return ValueMap(
        options={
            value: ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(texts.items())
        }
    )


def by_thresholds() -> dashboard.FieldColor:
    """Return the colour mode that uses thresholds."""
    return dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS)


def always(colour: str) -> list[DynamicConfigValue]:
    """Return the override that gives a series a fixed colour."""
    return [DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})]


def prop(name: str, value: Any) -> DynamicConfigValue:
    """Return one property of a field override."""
    return DynamicConfigValue(id_val=name, value=value)


def _titled(panel: P, title: str, description: str, width: int, height: int) -> P:
    """Set title, description and size of a panel. `width` is in 24ths of the dashboard."""
    return panel.title(title).description(description).datasource(DATASOURCE).span(width).height(height)


def lines(
    title: str, description: str, unit: str, *, width: int = 8, height: int = 8, lowest: float | None = 0
) -> timeseries.Panel:
    """A time series panel: thin lines from zero, a light fill, a legend below."""
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(model.LegendDisplayMode.LIST)
        .placement(model.LegendPlacement.BOTTOM)
        .calcs([])
    )
    tooltip = common.VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING)
    panel = (
        _titled(timeseries.Panel(), title, description, width, height)
        .unit(unit)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .line_width(2)
        .fill_opacity(8)
        .show_points(model.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(legend)
        .tooltip(tooltip)
    )
    return panel if lowest is None else panel.min(lowest)


def series(panel: timeseries.Panel, *rows: tuple[str, str, str | None]) -> timeseries.Panel:
    """Add one line for each row: the query, the name in the legend, and the colour if it is a fixed one."""
    for ref, (expression, name, colour) in zip("ABCDEF", rows, strict=False):
        panel = panel.with_target(query(expression, name, ref))
        if colour:
            panel = panel.override_by_name(name, always(colour))
    return panel


def quantiles(panel: timeseries.Panel, metric: str, labels: str, *shown: tuple[float, str]) -> timeseries.Panel:
    """Add quantiles of a histogram: `(0.95, ORANGE)` is the line p95."""
    expression = "histogram_quantile({}, sum by (le) (rate({}_bucket{{{}}}[$__rate_interval])))"
    rows = ((expression.format(one, metric, labels), f"p{one * 100:.0f}", colour) for one, colour in shown)
    return series(panel, *rows)


def coloured(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Give the lines of these names a fixed colour."""
    for name, colour in colours.items():
        panel = panel.override_by_name(name, always(colour))
    return panel


def logarithmic(panel: timeseries.Panel) -> timeseries.Panel:
    """Use a logarithmic scale, so that milliseconds stay visible next to timeouts of seconds."""
    scale = common.ScaleDistributionConfig().type(model.ScaleDistribution.LOG).log(10)
    return panel.scale_distribution(scale).fill_opacity(0)


def stacked(panel: timeseries.Panel, *, bars: bool = False) -> timeseries.Panel:
    """Stack the series of a panel, as areas or as bars."""
    panel = panel.stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
    if bars:
        return panel.draw_style(model.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    return panel.fill_opacity(45).line_width(1)


def tile(title: str, description: str, expression: str, *, unit: str = "short", width: int = 3) -> stat.Panel:
    """Return a panel of one number on a background whose colour shows how bad it is."""
    reduce = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields("")
    return (
        _titled(stat.Panel(), title, description, width, 4)
        .with_target(query(expression, title))
        .reduce_options(reduce)
        .unit(unit)
        .color_mode(model.BigValueColorMode.BACKGROUND)
        .graph_mode(model.BigValueGraphMode.NONE)
        .text_mode(model.BigValueTextMode.VALUE)
        .justify_mode(model.BigValueJustifyMode.CENTER)
        .color_scheme(by_thresholds())
    )


def rows(title: str, description: str, *, width: int = 12, height: int = 9) -> table.Panel:
    """Return a table for the results of instant queries."""
    return _titled(table.Panel(), title, description, width, height).cell_height(model.TableCellHeight.SM)
