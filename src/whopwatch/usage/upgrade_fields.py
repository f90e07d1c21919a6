"""Find what a comparison of two versions does not show of the fields that code uses.

A comparison matches operations by their id, and takes an object without documented fields as one that may have any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import SchemaNode
from whopwatch.core.finding import Finding, Impact, Severity, Source
from whopwatch.usage.api_index import ApiIndex, Steps, pointer
from whopwatch.usage.command_run import sent_location
from whopwatch.usage.impact import MAX_SHOWN_PLACES
from whopwatch.usage.profile import Profile, place_order

_CHECK = "upgrade"


class UsedFields:
    """The fields and parameters of a profile, looked up in the contracts of both versions."""

    def __init__(self, profile: Profile, older: Contract, newer: Contract) -> None:
        self._profile = profile
        self._older, self._newer = ApiIndex(older), ApiIndex(newer)

    def has_renamed(self, operation: str, location: str, rename: tuple[str, str]) -> bool:
        """Return whether the newer version has the new name at the place of the old one, if it has the operation."""
        if location == "path" or not self._is_known(operation):
            return True
        above, _, _ = location.rpartition(rename[0])
        return self._has(operation, f"{above}{rename[1]}")

    def not_compared(self, moved: Mapping[str, str]) -> Iterator[Finding]:
        """Yield what changes: in operations that are renamed, by old id, and in objects without documented fields."""
        found: dict[tuple[str, str], tuple[Finding, dict[str, None]]] = {}
        for operation, use in self._profile.operations.items():
            for location, read in use.fields.items():
                if operation in moved:
                    finding = self._in_renamed(operation, moved[operation], location)
                else:
                    finding = self._undocumented(operation, location) if self._is_known(operation) else None
                if finding is not None:
                    places = found.setdefault((operation, finding.location), (finding, {}))[1]
                    places.update(dict.fromkeys(read.places))
        for finding, places in found.values():
            where = tuple(sorted(places, key=place_order)[:MAX_SHOWN_PLACES])
            yield replace(finding, source=Source.CONTRACT_CONTRACT, impact_places=where)

    def sdk_calls(self) -> dict[str, list[str]]:
        """Return the places of SDK calls that need other arguments in the newer version, by part of sdk_moves.toml.

        `union_body`: the request body has several forms. `path_parameters`: the path has more than one parameter.
        """
        without_sdk = self._profile.sdk_parts["requests"].places if "requests" in self._profile.sdk_parts else ()
        found: dict[str, list[str]] = {"union_body": [], "path_parameters": []}
        for id, use in self._profile.operations.items():
            operation = self._newer.contract.operations.get(id)
            if operation is None:
                continue
            places = [place for place in use.places if place not in without_sdk]
            body = self._newer.body(operation)
            if body is not None and body.variants:
                found["union_body"] += places
            if len(list(operation.in_("path"))) > 1:
                found["path_parameters"] += places
        return found

    def _is_known(self, operation: str) -> bool:
        contract = self._newer.contract
        return operation in contract.operations or operation.removeprefix("webhook:") in contract.events

    def _has(self, operation: str, location: str) -> bool:
        if location.startswith("/"):
            return self._newer.node(operation, _steps(location)) is not None
        found = self._newer.contract.operations.get(operation)
        return found is not None and sent_location(self._newer, found, location) is not None

    def _undocumented(self, operation: str, location: str) -> Finding | None:
        """Return that an object around a field has no documented fields any more."""
        steps = _steps(location)
        for length in range(1, len(steps)):
            node = self._newer.node(operation, steps[:length])
            if node is not None and node.type == "object" and not node.fields:
                where = pointer(steps[:length])
                was, now = "object with documented fields", "object without documented fields"
                message = f"{where} has no documented fields any more. Test what reads it."
                finding = Finding("D8", _CHECK, Severity.HIGH, operation, where, was, now, message)
                return replace(finding, impact=Impact.MAY)
        return None

    def _in_renamed(self, operation: str, renamed: str, location: str) -> Finding | None:
        """Return what is different at a field in the operation that has another id in the newer version."""
        if not location.startswith("/"):
            if self._has(renamed, location):
                return None
            return self._gone(operation, renamed, location, Severity.MEDIUM)
        steps = _steps(location)
        for length in range(1, len(steps) + 1):
            if self._newer.node(renamed, steps[:length]) is None:
                return self._gone(operation, renamed, pointer(steps[:length]), Severity.CRITICAL)
        old, new = self._older.node(operation, steps), self._newer.node(renamed, steps)
        if old is None or new is None or not (old.types and new.types) or new.types <= old.types:
            return None
        was, now = _type_words(old), f"{_type_words(new)} in {renamed}"
        message = f"{location} has another type in {renamed}."
        return replace(
            Finding("D7", _CHECK, Severity.CRITICAL, operation, location, was, now, message), impact=Impact.HITS
        )

    def _gone(self, operation: str, renamed: str, location: str, severity: Severity) -> Finding:
        was, now = "documented", f"absent in {renamed}"
        message = f"{location} is not documented in {renamed}."
        finding = Finding("D5", _CHECK, severity, operation, location, was, now, message)
        return replace(finding, impact=Impact.HITS)


def _steps(location: str) -> Steps:
    """Return the steps of a location in a response; () for what a request sends."""
    return tuple(location.split("/")[1:]) if location.startswith("/") else ()


def _type_words(node: SchemaNode) -> str:
    return " or ".join(sorted(node.types)) + (" or null" if node.nullable else "")
