"""Faults in what is accepted of a request: the key, required parameters, values, and the id of the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from whopwatch.simulator.api.errors import ApiError, not_found, parameter_invalid, parameter_missing
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.faults.parameters import filters_of, location_of, names_of, schema_of

AUTHORIZATION_LOCATION = "header:authorization"


def admit_key(context: FaultContext, *, status: int, who: str = "anyone") -> FaultPlan | None:
    """Accept requests that the API rejects with `status`: `anyone`, or only those `without` or `with` a key."""
    operation = context.operation
    if operation.is_public or (status == 403 and not operation.scopes):
        return None

    def admitting(call: ApiCall, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            has_key = "authorization" in call.headers
            if problem.status != status or who not in ("anyone", "with" if has_key else "without"):
                raise
            call.key = "anonymous"

    return around("authenticate", admitting, AUTHORIZATION_LOCATION)


def reject_key(context: FaultContext, *, status: int, public: bool = False) -> FaultPlan | None:
    """Reject the key that has every scope; with `public`, reject requests without a key where none is required."""
    if public and not context.operation.is_public:
        return None

    def rejecting(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if not public or "authorization" not in call.headers:
            raise ApiError(status, "The API key may not do this.")

    return around("authenticate", rejecting, AUTHORIZATION_LOCATION)


ACCESS_FAULTS: FaultSteps = {"admit": admit_key, "shut": reject_key}


def hide_object(context: FaultContext, *, every: int = 1, rare: bool = False) -> FaultPlan | None:
    """Answer 404 for existing objects: for every `every`th, or with `rare` for one in a hundred."""
    view = context.view
    if view is None or context.operation.is_list or "{" not in context.operation.path:
        return None
    ids = context.rare_ids

    def absent(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if any(row.id in ids if rare else row.index % every == 0 for row in call.rows):
            raise not_found("object")

    return around("act", absent, "status")


def swap_object(context: FaultContext) -> FaultPlan | None:
    """Answer with the object next to the requested one."""
    view = context.view
    if view is None or context.operation.is_list or "{" not in context.operation.path:
        return None

    def swapped(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        table = list(context.world.table(view.table).values())
        call.rows = [table[(table.index(row) + 1) % len(table)] if row in table else row for row in call.rows]

    return around("act", swapped, "/id")


def answer_any_id(context: FaultContext) -> FaultPlan | None:
    """Answer with the first object for an id that does not exist."""
    view = context.view
    if view is None or context.operation.is_list or context.operation.path.count("{") != 1:
        return None

    def found(call: ApiCall, proceed: Proceed) -> None:
        table = context.world.table(view.table)
        name, id = next(iter(call.path_params.items()))
        if id not in table and table:
            call.path_params = {**call.path_params, name: next(iter(table))}
        proceed()

    return around("act", found, "status")


OBJECT_FAULTS: FaultSteps = {"lost": hide_object, "another": swap_object, "anything": answer_any_id}


def change_sizes(context: FaultContext, *, how: str) -> FaultPlan | None:
    """Accept page sizes that the API rejects, or reject valid ones: `how` is a key of SIZE_CHANGES."""
    if context.operation.parameter("first") is None:
        return None
    change = setting_of(SIZE_CHANGES, "how", how)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        call.query_pairs = change(list(call.query_pairs))
        proceed()

    return around("validate", changed, "param:first")


def _is_size(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


def _refuse_maximum(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if any(name == "first" and _is_size(value) and int(value) > 50 for name, value in pairs):
        raise parameter_invalid("first", "at most 50")
    return pairs


SIZE_CHANGES: Mapping[str, Callable[[list[tuple[str, str]]], list[tuple[str, str]]]] = {
    "ignore-odd": lambda pairs: [(n, v) for n, v in pairs if n not in ("first", "last") or _is_size(v)],
    "ignore-text": lambda pairs: [(n, v) for n, v in pairs if n not in ("first", "last") or v.lstrip("+-").isdecimal()],
    "absolute": lambda pairs: [(n, str(abs(int(v)) or 1) if v.lstrip("-").isdecimal() else v) for n, v in pairs],
    "refuse-maximum": _refuse_maximum,
}
"""Changes of the query as it was sent."""


def ignore_invalid_filters(context: FaultContext, *, filter: str) -> FaultPlan | None:
    """Ignore filters with an undocumented value instead of rejecting them."""
    names = {parameter.name for parameter in filters_of(context, filter)}
    if not names:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            if problem.param not in names:
                raise
            call.query_pairs = [pair for pair in call.query_pairs if pair[0] != problem.param]
            proceed()

    return around("validate", changed, location_of(sorted(names)))


def require_parameter(context: FaultContext, *, filter: str | None = None, name: str | None = None) -> FaultPlan | None:
    """Require an optional parameter, chosen by kind of filter, or an undocumented one by its `name`."""
    found = [name] if name else names_of(context, None, filter)
    if not found:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if found[0] not in {sent for sent, _ in call.query_pairs}:
            raise parameter_missing(found[0])
        proceed()

    documented = context.operation.parameter(found[0])
    return around("validate", changed, f"param:{found[0]}" if documented else "status")


def fill_in_required(context: FaultContext) -> FaultPlan | None:
    """Take a missing required parameter from elsewhere instead of rejecting the request."""
    needed = [parameter for parameter in context.operation.required_query if parameter.resource]
    if not needed:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        sent = {name for name, _ in call.query_pairs}
        own = {context.world.account.table: context.world.account.id}
        added = [
            (p.name, own.get(p.resource or "") or next(reversed(context.world.table(p.resource or ""))))
            for p in needed
            if p.name not in sent
        ]
        call.query_pairs = [*call.query_pairs, *added]
        proceed()

    return around("validate", changed, f"param:{needed[0].name}")


def reject_enum_value(context: FaultContext) -> FaultPlan | None:
    """Reject the last documented value of an enum filter."""
    for parameter in filters_of(context, "enum"):
        value = schema_of(context, parameter)["enum"][-1]

        def changed(call: ApiCall, proceed: Proceed, name: str = parameter.name, value: str = value) -> None:
            if (name, value) in call.query_pairs:
                raise parameter_invalid(name, "one of the documented values")
            proceed()

        return around("validate", changed, f"param:{parameter.name}")
    return None


VALIDATION_FAULTS: FaultSteps = {
    "sized": change_sizes,
    "forgiven": ignore_invalid_filters,
    "required": require_parameter,
    "filled-in": fill_in_required,
    "refused-value": reject_enum_value,
}
