"""Faults in what writes do, and in what is seen of them afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from whopwatch.core.strict_json import parse_json
from whopwatch.simulator.faults.answer import RefusalError
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import ApiError, missing, not_found
from whopwatch.simulator.world import NOW_MS, Entity

Kept = tuple[dict[str, Any], dict[str, Any]]


def hidden(place: Place, *, reads: int | None = None) -> Plan | None:
    """Do not show what was created lately: never, or only from so many requests on."""
    seen: Counter[str] = Counter()

    def is_hidden(row: Entity) -> bool:
        seen[row.id] += 1
        return row.created >= NOW_MS and (reads is None or seen[row.id] <= reads)

    def without_new(call: Call, proceed: Proceed) -> None:
        proceed()
        if call.listing is None:
            if any(map(is_hidden, call.rows)):
                raise not_found("object")
            return
        kept = [pair for pair in zip(call.listing.places, call.rows, strict=True) if not is_hidden(pair[1])]
        call.rows = [row for _, row in kept]
        call.listing = replace(call.listing, places=[position for position, _ in kept])

    return around("act", without_new, "/data" if place.operation.is_list else "status")


def remembered(place: Place) -> Plan | None:
    """Go on showing what was deleted."""
    view = place.view
    if view is None:
        return None

    def with_deleted(call: Call, proceed: Proceed) -> None:
        with place.world.undeleted(view.table):
            proceed()

    return around("act", with_deleted, "/data" if place.operation.is_list else "status")


def stale(place: Place, *, reads: int) -> Plan | None:
    """Show an object as it was first seen, for so many requests after it has changed."""
    first: dict[str, Kept] = {}
    shown: Counter[str] = Counter()

    def old(call: Call, proceed: Proceed) -> None:
        for row in call.rows:
            before = first.setdefault(row.id, _copy(row))
            if before != _copy(row):
                shown[row.id] += 1
        late = [row for row in call.rows if 0 < shown[row.id] <= reads]
        with _as_before(place, {row.id: first[row.id] for row in late}, late):
            proceed()

    return around("project", old, "")


def _copy(row: Entity) -> Kept:
    return dict(row.values), dict(row.raw)


@contextmanager
def _as_before(place: Place, before: Mapping[str, Kept], rows: list[Entity]) -> Iterator[None]:
    """The rows with their values of `before`, for a while."""
    now = {row.id: _copy(row) for row in rows}
    _restore(place, rows, before)
    yield
    _restore(place, rows, now)


def _restore(place: Place, rows: list[Entity], values: Mapping[str, Kept]) -> None:
    if rows:
        for row in rows:
            row.values, row.raw = dict(values[row.id][0]), dict(values[row.id][1])
        place.world.touch()


def _subject(place: Place, call: Call) -> Entity | None:
    """The object that the path of a write names."""
    table = place.world.table(place.operation.resource)
    return next((table[id] for id in call.path_params.values() if id in table), None)


def ineffective(place: Place, *, answer: str) -> Plan | None:
    """Change nothing. The `answer` shows the object as it would be (`new`) or as it stays (`old`)."""
    if "{" not in place.operation.path:
        return None
    before: dict[str, Kept] = {}

    def remember(call: Call, proceed: Proceed) -> None:
        subject = _subject(place, call)
        if place.operation.method == "DELETE":
            if subject is None:
                proceed()
            return
        before.clear()
        if subject:
            before[subject.id] = _copy(subject)
        proceed()
        if answer == "old" and subject:
            _restore(place, [subject], before)

    def forget(call: Call, proceed: Proceed) -> None:
        proceed()
        subject = _subject(place, call)
        if subject and subject.id in before:
            _restore(place, [subject], before)

    return Plan((("act", remember), ("respond", forget)), "")


def old_answer(place: Place) -> Plan | None:
    """Carry out a change, and answer with the object as it was before."""
    before: dict[str, Kept] = {}

    def remember(call: Call, proceed: Proceed) -> None:
        subject = _subject(place, call)
        before.clear()
        if subject:
            before[subject.id] = _copy(subject)
        proceed()

    def show(call: Call, proceed: Proceed) -> None:
        rows = [row for row in call.rows if row.id in before]
        with _as_before(place, before, rows):
            proceed()

    return Plan((("act", remember), ("project", show)), "") if place.view else None


def unstored(place: Place) -> Plan | None:
    """Answer with a new object that is not kept."""
    if place.view is None or "{" in place.operation.path:
        return None

    def forget(call: Call, proceed: Proceed) -> None:
        proceed()
        for row in call.rows:
            place.world.discard(row)

    return around("respond", forget, "")


def repeated(place: Place) -> Plan | None:
    """Create the object twice."""

    def twice(call: Call, proceed: Proceed) -> None:
        proceed()
        proceed()

    return around("act", twice, "/id") if place.view and "{" not in place.operation.path else None


def _optional(place: Place) -> str | None:
    """A plain text that the body of a write may have."""
    schema = place.contract.resolve(place.operation.body or {}, place.operation.api)
    needed = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        branches = field.get("anyOf", [field])
        plain = any(branch.get("type") == "string" and "x-resource" not in branch for branch in branches)
        shape = place.world.shapes.get(place.operation.resource)
        fields = shape.fields if shape and place.view else {}
        if plain and name not in needed and name in fields and fields[name].kind == "string":
            return str(name)
    return None


def body_field(place: Place, *, how: str) -> Plan | None:
    """One optional text of the body: `lost` on the way, `changed` on the way, or now `required`."""
    name = _optional(place)
    if name is None:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        if how == "required" and name not in call.body:
            raise missing(name)
        if how == "lost":
            call.body = {sent: value for sent, value in call.body.items() if sent != name}
        elif how == "changed" and isinstance(call.body.get(name), str):
            call.body = {**call.body, name: call.body[name].upper() + " "}

    return around("validate", changed, f"param:{name}" if how == "required" else f"/{name}")


def unvalidated(place: Place) -> Plan | None:
    """Take any body."""
    if place.operation.body is None:
        return None

    def lax(call: Call, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            value, fault = parse_json(call.raw_body)
            if problem.status != 400 or fault or not isinstance(value, dict):
                raise
            call.body = value

    return around("validate", lax, "status")


def idempotency(place: Place, *, how: str) -> Plan | None:
    """`ignored`: the same key again carries the request out again; `any-body`: whatever the body is now."""
    if place.operation.method != "POST":
        return None

    def careless(call: Call, proceed: Proceed) -> None:
        if how == "ignored":
            return
        try:
            proceed()
        except ApiError as problem:
            if problem.param != "Idempotency-Key":
                raise

    return around("replay", careless, "header:idempotency-key")


def also_others(place: Place) -> Plan | None:
    """Let a change befall another object, too."""
    if place.view is None:
        return None

    def spreading(call: Call, proceed: Proceed) -> None:
        proceed()
        subject = _subject(place, call)
        if subject:
            others = [row for row in place.world.table(subject.table).values() if row is not subject]
            for name in _set_by(call, subject):
                place.world.put(others[-1], name, subject.values[name])

    return around("act", spreading, "")


def _set_by(call: Call, subject: Entity) -> list[str]:
    return [name for name in call.body if name in subject.values and name != "id"]


def unmoved(place: Place) -> Plan | None:
    """Leave `updated_at` as it was."""
    view = place.view
    if view is None or "updated_at" not in view.node.fields:
        return None

    def keep(call: Call, proceed: Proceed) -> None:
        subject = _subject(place, call)
        before = subject.values.get("updated_at") if subject else None
        proceed()
        if subject and before is not None:
            place.world.put(subject, "updated_at", before)

    return around("act", keep, "/updated_at")


def done_though_refused(place: Place, *, status: int) -> Plan | None:
    """Carry a write out, and answer that it is refused."""
    if place.view is None and place.operation.method != "DELETE":
        return None

    def refused(call: Call, proceed: Proceed) -> None:
        proceed()
        raise RefusalError(status, "The request was not carried out.")

    return around("act", refused, "status")


def sticky(place: Place) -> Plan | None:
    """Show the object that was changed last on every page, where it stands or not."""
    latest: list[Entity] = []
    known: dict[str, Kept] = {}

    def changed(call: Call, proceed: Proceed) -> None:
        for row in call.rows:
            now = _copy(row)
            if known.setdefault(row.id, now) != now:
                known[row.id] = now
                latest[:] = [row]
        proceed()
        if latest and call.rows and latest[0] not in call.rows:
            call.rows = [latest[0], *call.rows[1:]]

    return around("page", changed, "/data/*/id") if place.operation.is_list else None


STEPS: Table = {
    "hidden": hidden,
    "remembered": remembered,
    "stale": stale,
    "ineffective": ineffective,
    "old-answer": old_answer,
    "unstored": unstored,
    "repeated": repeated,
    "body-field": body_field,
    "unvalidated": unvalidated,
    "idempotency": idempotency,
    "also-others": also_others,
    "unmoved": unmoved,
    "sticky": sticky,
    "done-though-refused": done_though_refused,
}
