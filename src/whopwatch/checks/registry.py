"""Every check: one row says all there is to know about it.

HAR recording, the prober, the history and the contract tests read these rows; nothing about a check is declared
elsewhere. Its code is imported when it first runs, so that a process loads only the checks it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from whopwatch.checks import CheckFunction
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Purpose
from whopwatch.oracle.expansion import expandable


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    `id` is its name in a finding. `run` is its function as `module:function`, below `whopwatch.checks`. `group` is the
    contract test that it belongs to (see CHECK_GROUPS). `classes` are the drift classes that it can report.
    `purposes` are those of the requests that it judges: without one of them it cannot find anything; empty if any
    response will do. `promised_by` are the documents that promise what it checks. `in_prober` says whether it can find
    anything in a probe, which sends each request once. `headers` are the response headers it reads, in lower case.
    """

    id: str
    run: str
    group: str
    classes: tuple[str, ...]
    purposes: tuple[Purpose, ...] = ()
    promised_by: tuple[str, ...] = ()
    in_prober: bool = False
    headers: tuple[str, ...] = ()

    @property
    def function(self) -> CheckFunction:
        """The function that `run` names; its module is imported on first use."""
        module, _, name = self.run.partition(":")
        function: CheckFunction = getattr(import_module(f"whopwatch.checks.{module}"), name)
        return function


_BOTH = ("reference", "sdk")

CHECKS: tuple[Check, ...] = (
    Check(
        id="wire",
        run="wire:wire",
        group="answer",
        classes=("D16", "D22"),
        promised_by=("reference",),
        in_prober=True,
    ),
    Check(id="latency", run="latency:latency", group="answer", classes=("D22",)),
    Check(
        id="status",
        run="status:status",
        group="answer",
        classes=("D1", "D14", "D15", "D22"),
        promised_by=("reference",),
        in_prober=True,
    ),
    Check(
        id="refused",
        run="refused:refused",
        group="answer",
        classes=("D1", "D2", "D3", "D14", "D17", "D20", "D25"),
        promised_by=_BOTH,
        in_prober=True,
    ),
    Check(
        id="content",
        run="content:content",
        group="answer",
        classes=("D12", "D16"),
        promised_by=_BOTH,
        in_prober=True,
        headers=("content-type",),
    ),
    Check(
        id="schema",
        run="schema:schema",
        group="schema",
        classes=("D5", "D7", "D8", "D9", "D10", "D11", "D12", "D18"),
        promised_by=("sdk",),
        in_prober=True,
    ),
    Check(
        id="fields",
        run="fields:fields",
        group="schema",
        classes=("D12", "D19"),
        promised_by=("sdk",),
        in_prober=True,
    ),
    Check(
        id="envelope",
        run="envelope:envelope",
        group="answer",
        classes=("D15",),
        promised_by=_BOTH,
        in_prober=True,
        headers=("content-type",),
    ),
    Check(
        id="authentication",
        run="authentication:authentication",
        group="authentication",
        classes=("D15", "D17"),
        purposes=(Purpose.NO_KEY, Purpose.WRONG_KEY, Purpose.NO_SCOPE),
        promised_by=("reference",),
    ),
    Check(
        id="refusals",
        run="refusals:refusals",
        group="answer",
        classes=("D4", "D15", "D20"),
        purposes=(
            Purpose.INVALID_SIZE,
            Purpose.INVALID_CURSOR,
            Purpose.INVALID_VALUE,
            Purpose.MISSING_PARAMETER,
            Purpose.UNKNOWN_ID,
            Purpose.MALFORMED_ID,
        ),
        promised_by=("reference",),
    ),
    Check(
        id="paging",
        run="paging:paging",
        group="paging",
        classes=("D20",),
        purposes=(Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.QUERY),
        promised_by=_BOTH,
        in_prober=True,
    ),
    Check(
        id="walking",
        run="walking:walking",
        group="paging",
        classes=("D20",),
        purposes=(Purpose.NEXT_PAGE, Purpose.QUERY),
        promised_by=_BOTH,
    ),
    Check(
        id="queries",
        run="queries:queries",
        group="paging",
        classes=("D14", "D20"),
        purposes=(Purpose.QUERY,),
        promised_by=("sdk",),
    ),
    Check(
        id="page-sizes",
        run="queries:page_sizes",
        group="paging",
        classes=("D11", "D13", "D20"),
        purposes=(Purpose.QUERY, Purpose.LIST),
        promised_by=_BOTH,
    ),
    Check(
        id="default-order",
        run="default_order:default_order",
        group="paging",
        classes=("D13",),
        purposes=(Purpose.LIST, Purpose.NEXT_PAGE),
        in_prober=True,
    ),
    Check(
        id="parents",
        run="queries:parents",
        group="paging",
        classes=("D20",),
        purposes=(Purpose.LIST,),
        promised_by=_BOTH,
    ),
    Check(id="asked-for", run="asked_for:asked_for", group="paging", classes=("D20",), in_prober=True),
    Check(
        id="twins",
        run="twins:twins",
        group="twins",
        classes=("D20",),
        purposes=(Purpose.RETRIEVE,),
        promised_by=("sdk",),
        in_prober=True,
    ),
    Check(id="expansion", run="expansion:expansion", group="expansion", classes=("D14", "D20"), in_prober=True),
    Check(id="removal", run="removal:removal", group="schema", classes=("D6",), in_prober=True),
    Check(id="read-back", run="read_back:read_back", group="answer", classes=("D20",)),
    Check(id="side-effects", run="side_effects:side_effects", group="answer", classes=("D20",), headers=("date",)),
    Check(
        id="write-refusals",
        run="write_refusals:write_refusals",
        group="answer",
        classes=("D1", "D3", "D11", "D15", "D20"),
    ),
    Check(id="untouched", run="untouched:untouched", group="answer", classes=("D20",)),
    Check(id="moving", run="moving:moving", group="paging", classes=("D20",)),
    Check(
        id="deprecation",
        run="lifecycle:deprecation",
        group="answer",
        classes=("D21",),
        promised_by=("reference",),
        in_prober=True,
        headers=("api-version-date", "deprecation", "link", "sunset", "warning"),
    ),
    Check(
        id="alternate-path",
        run="lifecycle:alternate_path",
        group="answer",
        classes=("D24",),
        promised_by=_BOTH,
        in_prober=True,
    ),
)
"""Every check of a run, in the order in which they run: of two findings with one fingerprint the first is kept."""

PROBE_CHECKS = tuple(check for check in CHECKS if check.in_prober)
"""The checks of a probe. The others compare several responses of one operation."""


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks that are one contract test for each operation for which `applies` is true."""

    checks: tuple[str, ...]
    applies: Callable[[Contract, Operation], bool]


def list_of(operation: Operation) -> str:
    """Return the id that the list of the same resource has, if there is one."""
    return f"{operation.resource}.list"


def _has_list(contract: Contract, operation: Operation) -> bool:
    return operation.id == f"{operation.resource}.retrieve" and list_of(operation) in contract.operations


def _checks_of(group: str) -> tuple[str, ...]:
    return tuple(check.id for check in CHECKS if check.group == group)


CHECK_GROUPS = {
    group: CheckGroup(_checks_of(group), applies)
    for group, applies in {
        "answer": lambda contract, operation: True,
        "schema": lambda contract, operation: operation.is_read,
        "paging": lambda contract, operation: operation.is_list,
        "twins": _has_list,
        "expansion": lambda contract, operation: bool(expandable(contract, operation)),
    }.items()
}
"""The contract tests of one operation. `answer` applies to every operation; writes have no other."""

WHOLE_TARGET = {group: _checks_of(group) for group in ("authentication",)}
"""The contract tests of the whole target: a run makes their requests for a sample of the operations."""
