"""Every check: one row says all there is to know about it.

HAR recording, the prober, the history, the contract tests and the count of checks that were done read
these rows. The code of a check is imported when it first runs, so that a process loads only the checks that it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from types import ModuleType

from whopwatch.checks import CheckFunction
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, rules_in
from whopwatch.oracle.documented_fields import EXPAND, expandable

Applies = Callable[[Contract, Operation], bool]
_BOTH = ("reference", "sdk")
LIST_RULES = "whopwatch.oracle.list_rules"


class Judges(StrEnum):
    """The operations whose own responses a check judges."""

    ALL = "all"
    READS = "reads"
    WRITES = "writes"
    READS_DURING_WRITES = "reads-during-writes"
    """Reads, in a run that may write: the reads of any other run cannot show it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    `id` is its name in a finding. `run` is the module below `whopwatch.checks` and its function, `module:function`; the
    function may be left out if it has the module's name. `group` is the contract test that it belongs to (see
    CHECK_GROUPS). `purposes` are those of the requests that it judges: without one of them it cannot find anything;
    empty if any response will do. `parameter` is a query parameter that such a request must have. `judges` and
    `applies` say to which operations of its group it applies. `promised_by` are the documents that promise it.
    `in_prober` says whether it can find anything in a probe, which sends each request once. `headers` are the response
    headers it reads, in lower case. `rules_from` is the module with its rules, by default its own.
    """

    id: str
    run: str
    group: str
    purposes: tuple[Purpose, ...] = ()
    parameter: str | None = None
    judges: Judges = Judges.ALL
    applies: Applies | None = None
    promised_by: tuple[str, ...] = ()
    in_prober: bool = False
    headers: tuple[str, ...] = ()
    rules_from: str | None = None

    @property
    def function(self) -> CheckFunction:
        """The function that `run` names; its module is imported on first use."""
        return _function_of(self.run)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that the check can report, each once, in the order of its module."""
        module = import_module(self.rules_from) if self.rules_from else self._module
        return tuple({rule.id: rule for rule in rules_in(module) if rule.check == self.id}.values())

    @property
    def classes(self) -> tuple[str, ...]:
        """The drift classes that the check can report."""
        return tuple(dict.fromkeys(rule.drift_class for rule in self.rules))

    @property
    def _module(self) -> ModuleType:
        return _module_of(self.run)


@cache
def _module_of(run: str) -> ModuleType:
    return import_module(f"whopwatch.checks.{run.partition(':')[0]}")


@cache
def _function_of(run: str) -> CheckFunction:
    module, _, name = run.partition(":")
    function: CheckFunction = getattr(_module_of(run), name or module)
    return function


def list_of(operation: Operation) -> str:
    """Return the id that the list of the same resource has, if there is one."""
    return f"{operation.resource}.list"


def _has_list(contract: Contract, operation: Operation) -> bool:
    return operation.id == f"{operation.resource}.retrieve" and list_of(operation) in contract.operations


def _has_parent(_: Contract, operation: Operation) -> bool:
    return bool(operation.needed)


def _has_alternate_path(_: Contract, operation: Operation) -> bool:
    return bool(operation.alternate_paths)


def _needs_key(_: Contract, operation: Operation) -> bool:
    return operation.is_read and not operation.is_public


CHECKS: tuple[Check, ...] = (
    Check(id="wire", run="responses:transport_errors", group="answer", promised_by=("reference",), in_prober=True),
    Check(id="latency", run="responses:latency", group="answer", judges=Judges.READS),
    Check(
        id="status",
        run="responses:documented_status",
        group="answer",
        promised_by=("reference",),
        in_prober=True,
        headers=(
            "ratelimit-limit",
            "ratelimit-policy",
            "ratelimit-remaining",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
        ),
    ),
    Check(id="refused", run="rejections:valid_request_rejected", group="answer", promised_by=_BOTH, in_prober=True),
    Check(
        id="content",
        run="responses:content",
        group="answer",
        promised_by=_BOTH,
        in_prober=True,
        headers=("content-type",),
    ),
    Check(id="schema", run="schema", group="schema", promised_by=("sdk",), in_prober=True),
    Check(id="fields", run="schema:fields", group="schema", promised_by=("sdk",), in_prober=True),
    Check(
        id="envelope",
        run="responses:error_envelope",
        group="answer",
        promised_by=_BOTH,
        in_prober=True,
        headers=("content-type",),
    ),
    Check(
        id="authentication",
        run="authentication",
        group="authentication",
        applies=_needs_key,
        purposes=(Purpose.NO_KEY, Purpose.WRONG_KEY, Purpose.NO_SCOPE),
        promised_by=("reference",),
    ),
    Check(
        id="refusals",
        run="rejections:invalid_request_accepted",
        group="answer",
        purposes=(
            Purpose.INVALID_SIZE,
            Purpose.INVALID_CURSOR,
            Purpose.INVALID_VALUE,
            Purpose.MISSING_PARAMETER,
            Purpose.UNKNOWN_ID,
            Purpose.MALFORMED_ID,
        ),
        judges=Judges.READS,
        promised_by=("reference",),
    ),
    Check(
        id="paging",
        run="lists:paging",
        group="paging",
        purposes=(Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.QUERY),
        promised_by=_BOTH,
        in_prober=True,
        rules_from=LIST_RULES,
    ),
    Check(
        id="walking",
        run="lists:pagination_traversal",
        group="paging",
        purposes=(Purpose.NEXT_PAGE, Purpose.QUERY),
        promised_by=_BOTH,
        rules_from=LIST_RULES,
    ),
    Check(
        id="queries",
        run="lists:queries",
        group="paging",
        purposes=(Purpose.QUERY,),
        promised_by=("sdk",),
        rules_from=LIST_RULES,
    ),
    Check(
        id="page-sizes",
        run="lists:page_sizes",
        group="paging",
        purposes=(Purpose.QUERY, Purpose.LIST),
        promised_by=_BOTH,
        rules_from=LIST_RULES,
    ),
    Check(
        id="default-order",
        run="lists:default_order",
        group="paging",
        purposes=(Purpose.LIST, Purpose.NEXT_PAGE),
        in_prober=True,
        rules_from=LIST_RULES,
    ),
    Check(
        id="parents",
        run="lists:parents",
        group="paging",
        purposes=(Purpose.LIST,),
        applies=_has_parent,
        promised_by=_BOTH,
        rules_from=LIST_RULES,
    ),
    Check(id="asked-for", run="lists:tenant_isolation", group="paging", in_prober=True, rules_from=LIST_RULES),
    Check(
        id="twins",
        run="consistency:list_detail_consistency",
        group="twins",
        purposes=(Purpose.RETRIEVE,),
        promised_by=("sdk",),
        in_prober=True,
    ),
    Check(id="expansion", run="consistency:expansion", group="expansion", parameter=EXPAND, in_prober=True),
    Check(id="removal", run="deprecation:deprecated_property_removed", group="schema", in_prober=True),
    Check(id="read-back", run="writes:read_back", group="answer", purposes=(Purpose.WRITE,), judges=Judges.WRITES),
    Check(
        id="side-effects",
        run="writes:side_effects",
        group="answer",
        purposes=(Purpose.WRITE,),
        judges=Judges.WRITES,
        headers=("date",),
    ),
    Check(
        id="write-refusals",
        run="rejected_writes:invalid_write_accepted",
        group="answer",
        purposes=(Purpose.INVALID_BODY, Purpose.OTHER_BODY, Purpose.DELETED_AGAIN),
        judges=Judges.WRITES,
    ),
    Check(
        id="untouched",
        run="rejected_writes:rejected_write_has_no_effect",
        group="answer",
        purposes=(Purpose.INVALID_BODY, Purpose.OTHER_BODY),
        judges=Judges.WRITES,
    ),
    Check(
        id="moving",
        run="writes:pagination_under_writes",
        group="paging",
        purposes=(Purpose.MOVING_PAGE,),
        judges=Judges.READS_DURING_WRITES,
        rules_from=LIST_RULES,
    ),
    Check(
        id="deprecation",
        run="deprecation:announced_removal",
        group="answer",
        judges=Judges.READS,
        promised_by=("reference",),
        in_prober=True,
        headers=("api-version-date", "deprecation", "link", "sunset", "warning"),
    ),
    Check(
        id="alternate-path",
        run="deprecation:alternate_path",
        group="answer",
        judges=Judges.READS,
        applies=_has_alternate_path,
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
    applies: Applies


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


@dataclass(frozen=True, slots=True)
class Turns:
    """The checks of one operation: the ones that had a request to judge, and the others."""

    done: tuple[str, ...]
    open: tuple[str, ...]


def checks_with_turns(
    contract: Contract, operation: Operation, exchanges: Sequence[Exchange], *, writes: bool
) -> Turns:
    """Return the checks that apply to `operation`, parted by whether `exchanges` let them judge something.

    `writes` says that the run may write; checks that need a write do not apply to the reads of any other run.
    """
    sent = {exchange.purpose for exchange in exchanges}
    names = {name for exchange in exchanges for name, _ in exchange.query}
    applicable = [check for check in CHECKS if _applies(check, contract, operation, writes=writes)]
    done = tuple(check.id for check in applicable if exchanges and _has_turn(check, sent, names))
    return Turns(done, tuple(check.id for check in applicable if check.id not in done))


def _applies(check: Check, contract: Contract, operation: Operation, *, writes: bool) -> bool:
    if check.judges is Judges.READS_DURING_WRITES and not writes:
        return False
    if check.judges is not Judges.ALL and operation.is_read is (check.judges is Judges.WRITES):
        return False
    group = CHECK_GROUPS.get(check.group)  # a check of the whole target applies to all reads that need a key
    return (group is None or group.applies(contract, operation)) and (
        check.applies is None or check.applies(contract, operation)
    )


def _has_turn(check: Check, sent: Collection[Purpose], names: Collection[str]) -> bool:
    if check.parameter is not None and check.parameter not in names:
        return False
    return not check.purposes or any(purpose in sent for purpose in check.purposes)
