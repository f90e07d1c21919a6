"""The dashboard's variables and annotations. Each variable narrows the choice of those after it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as dash
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
ALL = VariableOption(text="All", value="$__all", selected=True)


def _labels(name: str, label: str, query: str, all_value: str | None = None) -> dash.QueryVariable:
    """A variable over the values of a label, several of which can be chosen."""
    variable = (
        dash.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(ALL)
    )
    return variable.all_value(all_value) if all_value else variable


VARIABLES = (
    dash.DatasourceVariable("datasource").label("Data source").type("prometheus"),
    _labels("job", "Job", "label_values(whop_probe_info, job)", ".+"),
    # A prober without a location matches too.
    _labels("location", "Location", 'label_values(whop_probe_info{job=~"$job"}, location)', ".*"),
    _labels(
        "resource",
        "Resource",
        'label_values(whop_probe_info{job=~"$job",location=~"$location"}, resource)',
        ".+",
    ),
    # No shorthand for all: the operations of the chosen resources carry the choice into every panel, since
    # only whop_probe_info has the resource as a label.
    _labels(
        "operation",
        "Operation",
        'label_values(whop_probe_info{job=~"$job",location=~"$location",resource=~"$resource"}, operation)',
    ),
)

ANNOTATIONS = (
    dash.AnnotationQuery()
    .name("Pages")
    .datasource(DATASOURCE)
    .enable(True)
    .icon_color("red")
    .expr('ALERTS{alertname=~"Whop.+",alertstate="firing",severity="page"}'),
)
