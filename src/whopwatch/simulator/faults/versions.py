"""Faults in what only v2 has: fields to expand, deprecated fields, its own error envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whopwatch.oracle.documented_fields import EXPAND, EXPAND_LOCATION, deprecated_properties, expandable
from whopwatch.simulator.api.errors import ApiError, error_body, parameter_invalid
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.changes import where_possible
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around


def expand_fields(context: FaultContext, *, always: bool) -> FaultPlan | None:
    """Expand every field, or none, whatever `expand[]` names."""
    names = list(expandable(context.contract, context.operation))
    if not names:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        asked = call.query
        call.query = {**asked, EXPAND: names if always else []}
        proceed()
        call.query = asked

    return around("project", changed, EXPAND_LOCATION)


def reject_expand(context: FaultContext) -> FaultPlan | None:
    """Reject every value of `expand[]`."""
    if not expandable(context.contract, context.operation):
        return None

    def refused(call: ApiCall, proceed: Proceed) -> None:
        if EXPAND in call.query:
            raise parameter_invalid(EXPAND, "nothing")
        proceed()

    return around("act", refused, EXPAND_LOCATION)


def remove_deprecated(context: FaultContext, *, number: int) -> FaultPlan | None:
    """Remove the deprecated field with this number."""
    names = deprecated_properties(context.contract, context.operation.id)
    if context.operation.is_list or number >= len(names):
        return None

    def removed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        call.payload = where_possible(lambda payload: _without(payload, names[number]), call.payload)

    return around("project", removed, f"/{names[number]}")


def _without(payload: Mapping[str, Any], gone: str) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != gone}


def use_error_envelope(context: FaultContext, *, api: str) -> FaultPlan | None:
    """Send errors in the envelope of another API."""
    if context.operation.api == api:
        return None

    def told(call: ApiCall, proceed: Proceed) -> None:
        if call.status >= 400:
            call.payload = error_body(
                context.contract, None, ApiError(call.status, "The request was not executed."), api
            )
        proceed()

    return around("respond", told, "/error/status")


VERSION_FAULTS: FaultSteps = {
    "expanded": expand_fields,
    "expand-refused": reject_expand,
    "deprecated-gone": remove_deprecated,
    "envelope-of": use_error_envelope,
}
