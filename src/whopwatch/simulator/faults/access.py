"""Faults in which keys are accepted, and in which object an id returns."""

from __future__ import annotations

from whopwatch.simulator.api.errors import ApiError, not_found
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around

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
