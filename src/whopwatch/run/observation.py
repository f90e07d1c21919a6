"""What a run observes: the operations that it selects, and the result before anything is concluded from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from whopwatch.checks import FailedCheck
from whopwatch.contract import Contract, Operation
from whopwatch.contract.answered_version import AnsweredVersion
from whopwatch.core.errors import UsageError, did_you_mean, quoted_input
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding
from whopwatch.planning.state import StepFailure


def select_operations(
    contract: Contract, only: Collection[str] = (), resources: Collection[str] = (), *, prefix: str = "--"
) -> frozenset[str]:
    """Return the ids of the operations in `only` and of all operations of `resources`; all of v1 if both are empty.

    The resource `v2` means every operation of that version, which shares its resources with v1. Raise UsageError for a
    name that is not in the contract; the error names the option with `prefix` (`--whop-` in pytest).
    """
    known = [*contract.resources, *other_versions(contract)]
    for resource in resources:
        if resource not in known:
            raise UsageError(
                f"Unknown resource {resource!r}.",
                where=f"option {prefix}resource",
                expected="a resource such as products",
                hint=did_you_mean(resource, known) or "`whopwatch contract show` lists them",
            )
    named = {contract.operation(id, where=f"option {prefix}only").id for id in only}
    return frozenset(
        operation.id
        for operation in contract.operations.values()
        if operation.id in named
        or operation.api in resources
        or (operation.api == "v1" and (operation.resource in resources or not (only or resources)))
    )


def other_versions(contract: Contract) -> frozenset[str]:
    """Return the API versions of the contract other than v1."""
    return frozenset(operation.api for operation in contract.operations.values()) - {"v1"}


def match_operations(contract: Contract, patterns: Iterable[str], *, where: str) -> frozenset[str]:
    """Return the ids of the operations that match one of `patterns`: an id, or a glob such as `payments.*`.

    Raise UsageError, naming `where` it comes from, for a pattern that matches no operation.
    """
    found: set[str] = set()
    for pattern in patterns:
        matches = [id for id in contract.operations if fnmatchcase(id, pattern)]
        if not matches:
            raise UsageError(
                f"No operation matches {quoted_input(pattern)}.",
                where=where,
                expected="an operation such as payments.list, or a pattern such as 'payments.*'",
                hint=did_you_mean(pattern, contract.operations) or "`whopwatch contract show` lists the operations",
            )
        found.update(matches)
    return frozenset(found)


def refuse_writes(contract: Contract, operations: Iterable[str]) -> None:
    """Raise UsageError for a selected write operation in a read-only run."""
    for id in operations:
        operation = contract.operation(id)
        if not operation.is_read:
            raise UsageError(
                f"{id} is a write operation, and this run is read-only.",
                where="option --only",
                expected="operations that are GET requests",
                got=f"{operation.method} {operation.shown_path}",
                hint="add --allow-writes to `whopwatch check` if the target may be written to",
            )


@dataclass(frozen=True, slots=True)
class Written:
    """The result of the writes of a run.

    `untried` maps operations to why their write was not made, `left` resources to the number of objects that were
    created and could not be deleted.
    """

    untried: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)

    def why_not(self, operation: Operation) -> str | None:
        """Return why a write was not made; None if it was, or if `operation` is a read."""
        return None if operation.is_read else self.untried.get(operation.id)


@dataclass(frozen=True)
class Observation:
    """The exchanges of a run, in their order, and what its report needs beside them.

    `selected` are the ids of the operations in scope, `budget` and `sent` are in requests, `unsafe` counts
    the writes. `started_at` is in UTC (ISO 8601), `seconds` the wall time. `exhausted` says that the budget was used
    up. `stopped` is why the run ended before its plan did, and `unusable` whether no response of the target
    was that of an API. `reached` says that each operation was tried; `missing` maps operations that were not
    requested to the resources whose id was missing. `findings` are those of the checks on these exchanges, None if the
    checks were not run yet. `written` is the result of the writes, None for a read-only run.
    `api_version` is the version that answers. `other_version` names the version that answered requests of an operation
    although another was requested, by operation id; such responses are not among `exchanges`.
    `allow_unchecked` are operations that the API may refuse to this key. `failed_checks` are checks that raised,
    `failed_steps` planning steps that raised. `had_turn` are the operations and kinds of checks whose turn came (see
    `RunState`). `met` are operations with the undocumented rules that they meet. `waited` is the sum of the waits after
    rate limits and 503, in seconds.
    """

    exchanges: tuple[Exchange, ...]
    selected: frozenset[str]
    budget: int
    sent: int
    unsafe: int
    started_at: str
    seconds: float
    exhausted: bool = False
    stopped: str | None = None
    unusable: bool = False
    reached: bool = True
    missing: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=Counter)
    findings: tuple[Finding, ...] | None = field(default=None, repr=False)
    written: Written | None = None
    api_version: AnsweredVersion | None = None
    other_version: Mapping[str, str] = field(default_factory=dict)
    allow_unchecked: frozenset[str] = frozenset()
    failed_checks: tuple[FailedCheck, ...] = field(default=(), repr=False)
    failed_steps: tuple[StepFailure, ...] = ()
    had_turn: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    met: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: operations seen of those in scope, requests sent of the budget, and the latest operation."""

    done: int
    total: int
    sent: int
    budget: int
    operation: str
