"""Faults in the content of success responses: single fields, the envelope around them, and what only v2 has."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from whopwatch.oracle.documented_fields import EXPAND, EXPAND_LOCATION, deprecated_properties, expandable
from whopwatch.simulator.api.errors import ApiError, error_body, parameter_invalid
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.faults.fields import CHANGES, NEW_NAME, NEW_NAMES, choose, places_at, where_possible


def expand_fields(context: FaultContext, *, always: bool) -> FaultPlan | None:
    """Expand every field, or none, whatever `expand[]` names."""
    names = list(expandable(context.contract, context.operation))
    if not names:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        query = call.query
        call.query = {**query, EXPAND: names if always else []}
        proceed()
        call.query = query

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

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if call.status >= 400:
            call.payload = error_body(
                context.contract, None, ApiError(call.status, "The request was not executed."), api
            )
        proceed()

    return around("respond", changed, "/error/status")


VERSION_FAULTS: FaultSteps = {
    "expanded": expand_fields,
    "expand-refused": reject_expand,
    "deprecated-gone": remove_deprecated,
    "envelope-of": use_error_envelope,
}


def change_field(
    context: FaultContext,
    *,
    kind: str,
    change: str,
    setting: Any = None,
    among: str = "every",
    shared: bool = False,
    **chosen: Any,
) -> FaultPlan | None:
    """Change one field, chosen by `kind` and the further settings of `fields.choose`.

    `among` selects the items: `every`, `rare` (one in a hundred), `other` (every second) or `last` (of a page).
    `shared` requires a field that both `list` and `retrieve` of the resource show.
    """
    view, twin = context.view, context.twin
    if view is None or (shared and twin is None):
        return None
    found = choose(view.node, kind, shared_with=twin.node if shared and twin else None, **chosen)
    if found is None:
        return None
    if change == "set" and setting is None and found.node.enum:
        setting = found.node.enum[-1]
    apply, rare = setting_of(CHANGES, "change", change), context.rare_ids if among == "rare" else frozenset()

    def is_affected(item: Any, index: int, count: int) -> bool:
        if among == "rare":
            return isinstance(item, dict) and item.get("id") in rare
        return among == "every" or (among == "other" and index % 2 == 0) or (among == "last" and index == count - 1)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        call.payload = copy.deepcopy(call.payload)
        items = call.payload["data"] if call.page else [call.payload]
        for index, item in enumerate(items):
            if is_affected(item, index, len(items)):
                for holder, key in list(places_at(item, found.path)):
                    apply(holder, key, setting)

    in_list = context.operation.is_list
    path = found.pointer(in_list=in_list)
    if change == "add-inside":
        path += "/undocumented_field"
    elif change == "add-beside":
        path = path.rpartition("/")[0] + "/undocumented_field"
    parent = path.rpartition("/")[0]
    also = (f"{parent}/{setting_of(NEW_NAMES, 'change', change)(found.name)}",) if change in NEW_NAMES else ()
    return FaultPlan((("project", changed),), path, also=also)


def _only_first(payload: Any) -> Any:
    return {**payload, "data": payload["data"][0] if payload["data"] else None}


def _recased(payload: Any) -> Any:
    return {name.title().replace("_", ""): value for name, value in payload.items()}


ENVELOPES: Mapping[str, Callable[[Any], Any]] = {
    "data-renamed": lambda payload: {"items" if name == "data" else name: part for name, part in payload.items()},
    "data-null": lambda payload: {**payload, "data": None},
    "data-first-only": _only_first,
    "data-numbered": lambda payload: {**payload, "data": {str(n): item for n, item in enumerate(payload["data"])}},
    "data-nested": lambda payload: {**payload, "data": {"items": payload["data"]}},
    "data-null-item": lambda payload: {**payload, "data": [*payload["data"], None]},
    "bare": lambda payload: payload["data"],
    "wrapped": lambda payload: {"data": payload},
    "in-array": lambda payload: [payload],
    "null": lambda payload: None,
    "text": lambda payload: repr(payload),
    "empty-object": lambda payload: {},
    "recased": _recased,
    "extra": lambda payload: {**payload, NEW_NAME: True},
    "no-page-info": lambda payload: {"data": payload["data"]},
    "page-info-null": lambda payload: {**payload, "page_info": None},
    "page-info-flat": lambda payload: {"data": payload["data"], **payload["page_info"]},
    "page-info-recased": lambda payload: {**payload, "page_info": _recased(payload["page_info"])},
}
"""Other forms of a whole response."""


def change_envelope(context: FaultContext, *, form: str, at: str = "") -> FaultPlan | None:
    """Change the form of the whole response: `form` is a key of ENVELOPES. `at` is where the fault shows."""
    if context.view is None:
        return None
    reform = setting_of(ENVELOPES, "form", form)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        call.payload = where_possible(reform, call.payload)

    return around("project", changed, at)


def change_page_info(context: FaultContext, *, name: str, change: str, setting: Any = None) -> FaultPlan | None:
    """Change one key of `page_info`."""
    apply = setting_of(CHANGES, "change", change)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        for holder, key in list(places_at(call.payload, ("page_info", name))):
            apply(holder, key, setting)

    return around("project", changed, f"/page_info/{name}")


BODY_FAULTS: FaultSteps = {"field": change_field, "envelope": change_envelope, "page-info": change_page_info}
