"""One disagreement is reported once: at its place, not also where it shows itself a second time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from whopwatch.contract import Contract
from whopwatch.core.finding import Finding

CAUSES = ("schema", "fields")
CONSEQUENCES = ("twins", "refused")
"""Checks that hold an object against its list: what is wrong in the list already is no second finding there."""
READERS = ("queries", "asked-for")
"""Checks that hold the items of a list against a parameter, by the field that it looks at."""
LOST = (("queries", "param:after"), ("queries", "/data"), ("walking", "/data/*/id"))
"""What tells, by check and location, that a cursor leads elsewhere or items are lost."""
PAGES = {
    ("page-sizes", "param:first", "D11"): LOST,
    ("page-sizes", "param:first", "D20"): LOST,
    ("page-sizes", "param:first", "D13"): (*LOST, ("page-sizes", "param:first"), ("paging", "param:first")),
    ("paging", "param:first", "D20"): (("queries", "param:after"),),
    ("queries", "param:before", "D14"): (("page-sizes", "param:first"),),
    ("queries", "param:before", "D20"): (("page-sizes", "param:first"),),
}
"""What is no finding of its own, by check, location and class, where one of others (D20) is told of the same list.

Where a cursor leads elsewhere, or items are lost, pages have neither the items nor the number of them that they should
have; where pages are too small, those before a cursor are, too; and the default size of a list that does not keep to
the size that was asked for is no other fault.
"""


def without_consequences(contract: Contract, findings: Collection[Finding]) -> Iterator[Finding]:
    """`findings` without those that follow from another one, or from a place where an answer breaks its contract.

    Such are failures at wrong requests where right ones fail, too, pages whose cursors are wrong (PAGES), differences
    between list and object at that place, an object that is not found as its id is broken in the list, and what a
    filter seems to do wrong with values of a field that is broken.
    """
    broken = {(one.operation, _place(one.location)) for one in findings if one.check in CAUSES}
    failing = {one.operation for one in findings if _is_failure(one, "D14")}
    told = {(one.operation, one.check, one.location) for one in findings if one.drift_class == "D20"}
    for finding in findings:
        causes = PAGES.get((finding.check, finding.location, finding.drift_class), ())
        is_explained = (
            any((finding.operation, *cause) in told for cause in causes)
            or (_is_failure(finding, "D15") and finding.operation in failing)
            or (broken and _follows(contract, finding, broken))
        )
        if not is_explained:
            yield finding


def _is_failure(finding: Finding, drift_class: str) -> bool:
    """Whether a server fails (5xx) at requests that are right (D14), or that it has to refuse (D15)."""
    return (finding.check, finding.drift_class) == ("status", drift_class) and finding.observed.startswith("5")


def _follows(contract: Contract, finding: Finding, broken: Collection[tuple[str, str]]) -> bool:
    operation = contract.operations[finding.operation]
    if finding.check in READERS and finding.drift_class in ("D14", "D20"):
        causes = {at for id, at in broken if id == finding.operation}
        return any(_is_within(place, causes) for place in _looked_at(contract, finding))
    causes = {at for id, at in broken if id in (f"{operation.resource}.list", finding.operation)}
    place = "/id" if finding.check == "refused" else _place(finding.location)
    return finding.check in CONSEQUENCES and finding.drift_class == "D20" and _is_within(place, causes)


def _is_within(place: str, causes: Collection[str]) -> bool:
    """Whether something is wrong at a place, at what holds it, or at the items of an array there."""
    return any(place in (at, at.removesuffix("/*")) or place.startswith(f"{at}/") for at in causes)


def _looked_at(contract: Contract, finding: Finding) -> Iterator[str]:
    """The places in an item that the parameter looks at which a finding is about."""
    operation, name = contract.operations[finding.operation], finding.location.removeprefix("param:")
    paths = [tuple(path.split(".")) for path in contract.behaviour.owners.get(name, "").split("|") if path]
    paths += [path for one in contract.filters_of(operation) if one.name == name for path in one.paths]
    return (f"/{'/'.join(path)}" for path in paths)


def _place(location: str) -> str:
    """A location in an item of a list as it is in the object."""
    return location.removeprefix("/data/*")
