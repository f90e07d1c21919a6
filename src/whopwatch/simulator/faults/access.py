"""Faults in who may ask: keys that are not asked for, or not taken."""

from __future__ import annotations

from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import ApiError

LOCATION = "header:authorization"


def admit(place: Place, *, status: int, who: str = "anyone") -> Plan | None:
    """Let in whom the API would refuse with `status`: `anyone`, only those `without` a key, or `with` a wrong one."""
    operation = place.operation
    if operation.is_public or (status == 403 and not operation.scopes):
        return None

    def admitted(call: Call, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            has_key = "authorization" in call.headers
            if problem.status != status or who not in ("anyone", "with" if has_key else "without"):
                raise
            call.key = "anonymous"

    return around("authenticate", admitted, LOCATION)


def shut(place: Place, *, status: int, public: bool = False) -> Plan | None:
    """Refuse the key that has every right; with `public` only those without a key, where none is needed."""
    if public and not place.operation.is_public:
        return None

    def refused(call: Call, proceed: Proceed) -> None:
        proceed()
        if not public or "authorization" not in call.headers:
            raise ApiError(status, "The API key may not do this.")

    return around("authenticate", refused, LOCATION)


STEPS: Table = {"admit": admit, "shut": shut}
