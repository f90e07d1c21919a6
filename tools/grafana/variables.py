"""The dashboard's variables and annotations. Each variable limits the values of the following ones."""

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


# The selection in the dashboard, for metrics of probers. Recorded series have no instance, and a prober
# that is down exports no contract, so those are selected by target.
BY_TARGET = 'job=~"$job",location=~"$location",target=~"$target"'
BY_PROBER = f'{BY_TARGET},instance=~"$instance"'


def _labels(name: str, label: str, query: str, all_value: str | None = None) -> dash.QueryVariable:
    """Return a variable with the values of a label, of which several can be selected."""
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
    # `.*` also matches a prober without a location.
    _labels("location", "Location", 'label_values(whop_probe_info{job=~"$job"}, location)', ".*"),
    # A label that the scrape configuration sets, as it sets the location.
    _labels("target", "Target", 'label_values(whop_probe_info{job=~"$job",location=~"$location"}, target)', ".*"),
    _labels("version", "Contract version", f"label_values(whop_contract_info{{{BY_TARGET}}}, version)", ".*"),
    # No `.+` for all: the list of probers carries the selected versions into the panels.
    _labels("instance", "Instance", f'label_values(whop_contract_info{{{BY_TARGET},version=~"$version"}}, instance)'),
    _labels(
        "resource",
        "Resource",
        f"label_values(whop_probe_info{{{BY_PROBER}}}, resource)",
        ".+",
    ),
    # No `.+` for all: the list of operations carries the selected resources into every panel, because only
    # whop_probe_info has a resource label.
    _labels(
        "operation",
        "Operation",
        f'label_values(whop_probe_info{{{BY_PROBER},resource=~"$resource"}}, operation)',
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
