"""Faults in what writes do, and in what reads show after them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from whopwatch.core.strict_json import parse_json
from whopwatch.simulator.api.errors import ApiError, not_found, parameter_missing
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around
from whopwatch.simulator.world.tables import NOW_MS, Entity

State = tuple[dict[str, Any], dict[str, Any]]


def hide_new(context: FaultContext, *, reads: int | None = None) -> FaultPlan | None:
    """Hide new objects: for good, or for the first `reads` reads."""
    seen: Counter[str] = Counter()

    def is_hidden(row: Entity) -> bool:
        seen[row.id] += 1
        return row.created >= NOW_MS and (reads is None or seen[row.id] <= reads)

    def without_new(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.order is None:
            if any(map(is_hidden, call.rows)):
                raise not_found("object")
            return
        kept = [pair for pair in zip(call.order.keys, call.rows, strict=True) if not is_hidden(pair[1])]
        call.rows = [row for _, row in kept]
        call.order = replace(call.order, keys=[position for position, _ in kept])

    return around("act", without_new, "/data" if context.operation.is_list else "status")


def show_deleted(context: FaultContext) -> FaultPlan | None:
    """Show deleted objects."""
    view = context.view
    if view is None:
        return None

    def with_deleted(call: ApiCall, proceed: Proceed) -> None:
        with context.world.undeleted(view.table):
            proceed()

    return around("act", with_deleted, "/data" if context.operation.is_list else "status")


def show_stale(context: FaultContext, *, reads: int) -> FaultPlan | None:
    """Show a changed object in its first state for `reads` reads."""
    first: dict[str, State] = {}
    shown: Counter[str] = Counter()

    def old(call: ApiCall, proceed: Proceed) -> None:
        for row in call.rows:
            before = first.setdefault(row.id, _copy(row))
            if before != _copy(row):
                shown[row.id] += 1
        late = [row for row in call.rows if 0 < shown[row.id] <= reads]
        with _as_before(context, {row.id: first[row.id] for row in late}, late):
            proceed()

    return around("project", old, "")


def _copy(row: Entity) -> State:
    return dict(row.values), dict(row.raw)


@contextmanager
def _as_before(context: FaultContext, before: Mapping[str, State], rows: list[Entity]) -> Iterator[None]:
    """Give the rows their values of `before` within this context."""
    now = {row.id: _copy(row) for row in rows}
    _restore(context, rows, before)
    yield
    _restore(context, rows, now)


def _restore(context: FaultContext, rows: list[Entity], values: Mapping[str, State]) -> None:
    if rows:
        for row in rows:
            row.values, row.raw = dict(values[row.id][0]), dict(values[row.id][1])
        context.world.touch()


def _subject(context: FaultContext, call: ApiCall) -> Entity | None:
    """Return the object in the path of a write."""
    table = context.world.table(context.operation.resource)
    return next((table[id] for id in call.path_params.values() if id in table), None)


def ignore_write(context: FaultContext, *, answer: str) -> FaultPlan | None:
    """Change nothing. The response shows the `new` or the `old` object, as `answer` says."""
    if "{" not in context.operation.path:
        return None
    before: dict[str, State] = {}

    def remember(call: ApiCall, proceed: Proceed) -> None:
        subject = _subject(context, call)
        if context.operation.method == "DELETE":
            if subject is None:
                proceed()
            return
        before.clear()
        if subject:
            before[subject.id] = _copy(subject)
        proceed()
        if answer == "old" and subject:
            _restore(context, [subject], before)

    def forget(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        subject = _subject(context, call)
        if subject and subject.id in before:
            _restore(context, [subject], before)

    return FaultPlan((("act", remember), ("respond", forget)), "")


def answer_with_old(context: FaultContext) -> FaultPlan | None:
    """Execute a change, and answer with the object as it was before."""
    before: dict[str, State] = {}

    def remember(call: ApiCall, proceed: Proceed) -> None:
        subject = _subject(context, call)
        before.clear()
        if subject:
            before[subject.id] = _copy(subject)
        proceed()

    def show(call: ApiCall, proceed: Proceed) -> None:
        rows = [row for row in call.rows if row.id in before]
        with _as_before(context, before, rows):
            proceed()

    return FaultPlan((("act", remember), ("project", show)), "") if context.view else None


def forget_new(context: FaultContext) -> FaultPlan | None:
    """Answer with a new object, and do not store it."""
    if context.view is None or "{" in context.operation.path:
        return None

    def forget(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        for row in call.rows:
            context.world.discard(row)

    return around("respond", forget, "")


def create_twice(context: FaultContext) -> FaultPlan | None:
    """Create the object twice."""

    def twice(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        proceed()

    return around("act", twice, "/id") if context.view and "{" not in context.operation.path else None


def _optional_string(context: FaultContext) -> str | None:
    """Return an optional string in the body of a write."""
    schema = context.contract.resolve(context.operation.body or {}, context.operation.api)
    needed = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        branches = field.get("anyOf", [field])
        plain = any(branch.get("type") == "string" and "x-resource" not in branch for branch in branches)
        shape = context.world.shapes.get(context.operation.resource)
        fields = shape.fields if shape and context.view else {}
        if plain and name not in needed and name in fields and fields[name].kind == "string":
            return str(name)
    return None


def change_body_field(context: FaultContext, *, how: str) -> FaultPlan | None:
    """Treat one optional string of the body as `lost`, `changed` or `required`."""
    name = _optional_string(context)
    if name is None:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if how == "required" and name not in call.body:
            raise parameter_missing(name)
        if how == "lost":
            call.body = {sent: value for sent, value in call.body.items() if sent != name}
        elif how == "changed" and isinstance(call.body.get(name), str):
            call.body = {**call.body, name: call.body[name].upper() + " "}

    return around("validate", changed, f"param:{name}" if how == "required" else f"/{name}")


def accept_any_body(context: FaultContext) -> FaultPlan | None:
    """Accept any body."""
    if context.operation.body is None:
        return None

    def lax(call: ApiCall, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            value, fault = parse_json(call.raw_body)
            if problem.status != 400 or fault or not isinstance(value, dict):
                raise
            call.body = value

    return around("validate", lax, "status")


def break_idempotency(context: FaultContext, *, how: str) -> FaultPlan | None:
    """Execute a request with a used key again (`ignored`), or accept another body with it (`any-body`)."""
    if context.operation.method != "POST":
        return None

    def careless(call: ApiCall, proceed: Proceed) -> None:
        if how == "ignored":
            return
        try:
            proceed()
        except ApiError as problem:
            if problem.param != "Idempotency-Key":
                raise

    return around("replay", careless, "header:idempotency-key")


def change_others(context: FaultContext) -> FaultPlan | None:
    """Change another object, too."""
    if context.view is None:
        return None

    def spreading(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        subject = _subject(context, call)
        if subject:
            others = [row for row in context.world.table(subject.table).values() if row is not subject]
            for name in _set_by(call, subject):
                context.world.put(others[-1], name, subject.values[name])

    return around("act", spreading, "")


def _set_by(call: ApiCall, subject: Entity) -> list[str]:
    return [name for name in call.body if name in subject.values and name != "id"]


def keep_updated_at(context: FaultContext) -> FaultPlan | None:
    """Do not change `updated_at`."""
    view = context.view
    if view is None or "updated_at" not in view.node.fields:
        return None

    def keep(call: ApiCall, proceed: Proceed) -> None:
        subject = _subject(context, call)
        before = subject.values.get("updated_at") if subject else None
        proceed()
        if subject and before is not None:
            context.world.put(subject, "updated_at", before)

    return around("act", keep, "/updated_at")


def write_then_reject(context: FaultContext, *, status: int) -> FaultPlan | None:
    """Execute a write, and answer that it was rejected."""
    if context.view is None and context.operation.method != "DELETE":
        return None

    def refused(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        raise ApiError(status, "The request was not executed.")

    return around("act", refused, "status")


def repeat_changed(context: FaultContext) -> FaultPlan | None:
    """Show the object that was changed last on every page."""
    latest: list[Entity] = []
    known: dict[str, State] = {}

    def changed(call: ApiCall, proceed: Proceed) -> None:
        for row in call.rows:
            now = _copy(row)
            if known.setdefault(row.id, now) != now:
                known[row.id] = now
                latest[:] = [row]
        proceed()
        if latest and call.rows and latest[0] not in call.rows:
            call.rows = [latest[0], *call.rows[1:]]

    return around("page", changed, "/data/*/id") if context.operation.is_list else None


LIFECYCLE_FAULTS: FaultSteps = {
    "hidden": hide_new,
    "remembered": show_deleted,
    "stale": show_stale,
    "ineffective": ignore_write,
    "old-answer": answer_with_old,
    "unstored": forget_new,
    "repeated": create_twice,
    "body-field": change_body_field,
    "unvalidated": accept_any_body,
    "idempotency": break_idempotency,
    "also-others": change_others,
    "unmoved": keep_updated_at,
    "sticky": repeat_changed,
    "done-though-refused": write_then_reject,
}
