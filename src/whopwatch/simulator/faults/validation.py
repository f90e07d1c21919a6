"""Faults in what is refused: parameters that are asked for, and values that are taken, against the documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from whopwatch.simulator.faults.parameters import filters_of, location_of, names_of, schema_of
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import ApiError, invalid, missing


def sized(place: Place, *, how: str) -> Plan | None:
    """Take page sizes that the API would refuse, or refuse those it would take: a key of SIZES."""
    if place.operation.parameter("first") is None:
        return None
    change = SIZES[how]

    def changed(call: Call, proceed: Proceed) -> None:
        call.query_pairs = change(list(call.query_pairs))
        proceed()

    return around("validate", changed, "param:first")


def _is_size(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


def _refuse_maximum(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if any(name == "first" and _is_size(value) and int(value) > 50 for name, value in pairs):
        raise invalid("first", "at most 50")
    return pairs


SIZES: Mapping[str, Callable[[list[tuple[str, str]]], list[tuple[str, str]]]] = {
    "ignore-odd": lambda pairs: [(n, v) for n, v in pairs if n not in ("first", "last") or _is_size(v)],
    "ignore-text": lambda pairs: [(n, v) for n, v in pairs if n not in ("first", "last") or v.lstrip("+-").isdecimal()],
    "absolute": lambda pairs: [(n, str(abs(int(v)) or 1) if v.lstrip("-").isdecimal() else v) for n, v in pairs],
    "refuse-maximum": _refuse_maximum,
}
"""What becomes of the query as it was sent."""


def forgiven(place: Place, *, filter: str) -> Plan | None:
    """Ignore filters whose value is not a documented one, instead of refusing them."""
    names = {parameter.name for parameter in filters_of(place, filter)}
    if not names:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            if problem.param not in names:
                raise
            call.query_pairs = [pair for pair in call.query_pairs if pair[0] != problem.param]
            proceed()

    return around("validate", changed, location_of(sorted(names)))


def required(place: Place, *, filter: str | None = None, name: str | None = None) -> Plan | None:
    """Ask for a parameter that is documented as optional, by kind of filter, or by its `name` for one that is not."""
    found = [name] if name else names_of(place, None, filter)
    if not found:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        if found[0] not in {sent for sent, _ in call.query_pairs}:
            raise missing(found[0])
        proceed()

    documented = place.operation.parameter(found[0])
    return around("validate", changed, f"param:{found[0]}" if documented else "status")


def filled_in(place: Place) -> Plan | None:
    """Take a required parameter that is missing from somewhere else, instead of asking for it."""
    needed = [parameter for parameter in place.operation.required_query if parameter.resource]
    if not needed:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        sent = {name for name, _ in call.query_pairs}
        own = {"companies": place.world.company.id}
        added = [
            (p.name, own.get(p.resource or "") or next(reversed(place.world.table(p.resource or ""))))
            for p in needed
            if p.name not in sent
        ]
        call.query_pairs = [*call.query_pairs, *added]
        proceed()

    return around("validate", changed, f"param:{needed[0].name}")


def refused_value(place: Place) -> Plan | None:
    """Refuse the last of the documented values of an enum filter."""
    for parameter in filters_of(place, "enum"):
        value = schema_of(place, parameter)["enum"][-1]

        def changed(call: Call, proceed: Proceed, name: str = parameter.name, value: str = value) -> None:
            if (name, value) in call.query_pairs:
                raise invalid(name, "one of the documented values")
            proceed()

        return around("validate", changed, f"param:{parameter.name}")
    return None


STEPS: Table = {
    "sized": sized,
    "forgiven": forgiven,
    "required": required,
    "filled-in": filled_in,
    "refused-value": refused_value,
}
