"""The contract tests: which there are, and what each concludes from the one observation."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from whopwatch.checks.registry import CHECK_GROUPS, WHOLE_TARGET, list_of
from whopwatch.contract import load
from whopwatch.core.errors import WhopwatchError
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.report import State
from whopwatch.pytest_plugin import options
from whopwatch.reports.text import UNSTATED, evidence, location, number, plain
from whopwatch.run.target import check_target

if TYPE_CHECKING:
    from whopwatch.pytest_plugin.observed import Record

Asked = tuple[str, str]
"""An operation and the purpose of a request."""


@dataclass(frozen=True, slots=True)
class Case:
    """One check group of one operation, or of the whole target where `operation` is None.

    `needs` are alternatives: unless one of those requests was made, the group is not decided.
    """

    group: str
    checks: tuple[str, ...]
    operation: str | None = None
    needs: tuple[Asked, ...] = ()

    @property
    def id(self) -> str:
        """What the test is called between brackets."""
        return f"{self.operation}-{self.group}" if self.operation else self.group

    def bind(self, record: Record) -> BoundCase:
        """The case together with what was observed."""
        return BoundCase(self, record)


def usable(chosen: options.Options) -> frozenset[str]:
    """The ids of the operations that `chosen` selects.

    Raises WhopwatchError for a name that the contract does not know, and for a target that cannot be one.
    """
    from whopwatch.run import select_operations

    selected = select_operations(load(), chosen.only, chosen.resources, prefix="--whop-")
    check_target(chosen.target, os.environ, chosen.config)
    return selected


def cases(config: pytest.Config, besides: Collection[str] = ()) -> Iterator[Case]:
    """The cases of this session's selection, in the order of the contract.

    `besides` are resources that the test names itself (`v2`, which no selection has by default): theirs instead, as
    long as the session selects nothing else.
    Raises pytest's error of collection for what `usable` refuses: to be told once is enough.
    """
    contract = load()
    chosen = options.read(config)
    try:
        selected = usable(chosen)
        if besides:
            own = usable(replace(chosen, resources=tuple(besides)))
            selected = selected & own if chosen.only or chosen.resources else own
    except WhopwatchError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    for operation in contract.operations.values():
        if operation.id in selected:
            for name, group in CHECK_GROUPS.items():
                if group.applies(contract, operation):
                    needs = ((list_of(operation), str(Purpose.LIST)),) if name == "twins" else ()
                    yield Case(name, group.checks, operation.id, needs)
    for name, checks in () if besides else WHOLE_TARGET.items():
        yield Case(name, checks, needs=(("", str(Purpose.NO_KEY)),))


@dataclass(frozen=True, slots=True)
class BoundCase:
    """A case, and what the session observed."""

    case: Case
    record: Record

    def check(self) -> None:
        """Pass where the group was observed and nothing is wrong, skip with the reason, or fail with the findings."""
        __tracebackhide__ = True
        found = [finding for finding in self.record.report.findings if self._concerns(finding)]
        if found:
            title = f"{self.case.operation or 'the target'}: {number(len(found), 'finding')}"
            pytest.fail("\n".join((title, *map(_described, found))), pytrace=False)
        undecided = self._undecided()
        if undecided:
            pytest.skip(plain(undecided))

    def _concerns(self, finding: Finding) -> bool:
        is_here = self.case.operation in (None, finding.operation)
        return is_here and finding.breaks and finding.check in self.case.checks

    def _undecided(self) -> str | None:
        """Why nothing can be concluded from there being no finding; None where it can."""
        report = self.record.report
        row = next((row for row in report.operations if row.id == self.case.operation), None)
        if row is None and self.case.operation:
            return "not observed"
        if row and row.state in (State.COULD_NOT_CHECK, State.NOT_COVERED):
            return row.reason or UNSTATED
        if row and not row.samples:
            return "no answer was seen that could be held against the contract"
        if self.case.needs and not any(self.record.was_asked(*need) for need in self.case.needs):
            return report.reason or "the request that would tell was not made"
        return None


def _described(finding: Finding) -> str:
    return (
        f"{finding.severity} {finding.class_label} at {location(finding)}: {plain(finding.message)}\n"
        f"  expected {plain(finding.expected)}, observed {plain(finding.observed)}; {evidence(finding)}; "
        f"fingerprint {finding.fingerprint}"
    )
