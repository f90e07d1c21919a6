"""Faults in what only the other version of the API has: fields to expand, deprecated ones, its own envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whopwatch.oracle.deprecation import deprecated_properties
from whopwatch.oracle.expansion import EXPAND, expandable
from whopwatch.simulator.faults.changes import where_possible
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import ApiError, invalid

LOCATION = f"param:{EXPAND}"


def expanded(place: Place, *, always: bool) -> Plan | None:
    """Expand every field whatever was asked for, or none."""
    names = list(expandable(place.contract, place.operation))
    if not names:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        asked = call.query
        call.query = {**asked, EXPAND: names if always else []}
        proceed()
        call.query = asked

    return around("project", changed, LOCATION)


def expand_refused(place: Place) -> Plan | None:
    """Refuse to expand anything."""
    if not expandable(place.contract, place.operation):
        return None

    def refused(call: Call, proceed: Proceed) -> None:
        if EXPAND in call.query:
            raise invalid(EXPAND, "nothing")
        proceed()

    return around("act", refused, LOCATION)


def deprecated_gone(place: Place, *, number: int) -> Plan | None:
    """Leave out the deprecated property of that number."""
    names = deprecated_properties(place.contract, place.operation.id)
    if place.operation.is_list or number >= len(names):
        return None

    def removed(call: Call, proceed: Proceed) -> None:
        proceed()
        call.payload = where_possible(lambda payload: _without(payload, names[number]), call.payload)

    return around("project", removed, f"/{names[number]}")


def _without(payload: Mapping[str, Any], gone: str) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != gone}


def envelope_of(place: Place, *, api: str) -> Plan | None:
    """Tell errors in the envelope of another version."""
    if place.operation.api == api:
        return None

    def told(call: Call, proceed: Proceed) -> None:
        if call.status >= 400:
            call.payload = ApiError(call.status, "The request was not carried out.").envelope(api)
        proceed()

    return around("respond", told, "/error/status")


STEPS: Table = {
    "expanded": expanded,
    "expand-refused": expand_refused,
    "deprecated-gone": deprecated_gone,
    "envelope-of": envelope_of,
}
