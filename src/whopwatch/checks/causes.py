"""Of what is broken in one list, what is a cause, and what follows from it: a cause is told alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from whopwatch.oracle.list_rules import ListViolation
from whopwatch.oracle.stability import IndexedViolation, names_parameter


def without_what_follows(sightings: Sequence[IndexedViolation]) -> list[IndexedViolation]:
    """`sightings` without those that another one explains, whichever request shows them."""
    told = list(_foreign(sightings))
    for is_cause, follows in EXPLANATIONS:
        if any(is_cause(broken) for broken, _ in told):
            told = [sighting for sighting in told if is_cause(sighting[0]) or sighting[0].rule not in follows]
    return told


def _foreign(sightings: Sequence[IndexedViolation]) -> Sequence[IndexedViolation]:
    """An item that requests of several kinds show, and the whole list does not, is the doing of none of them."""
    is_shared = len({broken.location for broken, _ in sightings if broken.rule == "foreign"}) > 1
    return [
        (replace(broken, location="/data") if is_shared and broken.rule == "foreign" else broken, number)
        for broken, number in sightings
    ]


def _is_incomplete(broken: ListViolation) -> bool:
    return broken.rule == "foreign" and not names_parameter(broken)


def _locates(broken: ListViolation) -> bool:
    """Whether it names the one parameter that is at fault; an order is, where it loses items by itself."""
    return names_parameter(broken) or (broken.location == "param:order" and broken.rule in ("missing", "lost", "cut"))


def _is_unstable(broken: ListViolation) -> bool:
    return broken.rule == "unstable"


def _is_out_of_order(broken: ListViolation) -> bool:
    return broken.rule == "order"


def _misleads(broken: ListViolation) -> bool:
    """Whether a cursor does not lead to the items behind it."""
    return broken.location == "param:after" and broken.rule in ("again", "skipped")


def _turns_last(broken: ListViolation) -> bool:
    return broken.location == "param:last"


LOSSES = ("missing", "lost", "cut", "skipped")
EXPLANATIONS: Sequence[tuple[Callable[[ListViolation], bool], Collection[str]]] = (
    (_is_incomplete, (*LOSSES, "back")),
    (_locates, (*LOSSES, "order", "again", "endless")),
    (_is_unstable, ("order", "missing", "skipped", "again")),
    (_is_out_of_order, ("missing", "skipped", "again")),
    (_misleads, ("missing", "lost", "cut", "endless", "back")),
    (_turns_last, ("back",)),
)
"""A kind of cause, and the rules that are broken by themselves where there is one; the first explains the most."""
