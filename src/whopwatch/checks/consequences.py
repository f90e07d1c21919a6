"""One disagreement is reported once: at its place, not also where it shows itself a second time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from whopwatch.contract import Contract
from whopwatch.finding import Finding

CAUSES = ("schema", "fields")
CONSEQUENCES = ("twins", "refused")
"""Checks that hold an object against its list: what is wrong in the list already is no second finding there."""


def without_consequences(contract: Contract, findings: Collection[Finding]) -> Iterator[Finding]:
    """`findings` without differences between list and object at a place where one of them breaks its contract.

    An id that is broken in a list leads nowhere; that the object is not found, then follows from it.
    """
    broken = {(one.operation, _place(one.location)) for one in findings if one.check in CAUSES}
    for finding in findings:
        operation = contract.operations[finding.operation]
        listing = f"{operation.resource}.list"
        place = "/id" if finding.check == "refused" else _place(finding.location)
        causes = [at for id, at in broken if id in (listing, finding.operation)]
        follows = finding.check in CONSEQUENCES and finding.drift_class == "D20"
        if not (follows and any(place == at or place.startswith(f"{at}/") for at in causes)):
            yield finding


def _place(location: str) -> str:
    """A location in an item of a list as it is in the object."""
    return location.removeprefix("/data/*")
