"""The contract tests: one for each check group and operation, judged by the run of the session."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import pytest

from whopwatch.checks.registry import CHECK_GROUPS, WHOLE_TARGET, list_of
from whopwatch.contract import Contract
from whopwatch.core.errors import WhopwatchError
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report, State
from whopwatch.core.wording import plural
from whopwatch.pytest_plugin import options
from whopwatch.reports.curl import Requests
from whopwatch.reports.text import UNSTATED, finding_lines, impact_words
from whopwatch.run.observation import other_versions
from whopwatch.run.options import bundled_contracts
from whopwatch.run.target import check_target

RequestKind = tuple[str, str]
"""An operation id (empty for any operation) and the purpose of a request."""


@dataclass(frozen=True)
class SessionRun:
    """What the tests of a session are judged by: the report, and the kinds of request that were sent.

    It holds no value of a response, so workers can share it through a file.
    """

    report: Report
    requested: frozenset[RequestKind]

    def has_requested(self, operation: str, purpose: str) -> bool:
        """Return whether a request of `purpose` was sent to `operation`; to any operation if that is empty."""
        return any(purpose == sent and operation in ("", id) for id, sent in self.requested)


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One check group of one operation, or of the whole target if `operation` is None.

    `needs` are alternatives: unless one of these requests was sent, the test is skipped.
    """

    group: str
    checks: tuple[str, ...]
    operation: str | None = None
    needs: tuple[RequestKind, ...] = ()

    @property
    def id(self) -> str:
        """Return the parameter id of the test."""
        return f"{self.operation}-{self.group}" if self.operation else self.group

    def __repr__(self) -> str:
        """Return the id: reporters such as Allure identify a test by the text of its parameters."""
        return self.id

    def properties(self) -> Iterator[tuple[str, str]]:
        """Yield the properties of the test in a JUnit file."""
        if self.operation:
            yield "whop.operation", self.operation
        yield "whop.group", self.group
        yield "whop.checks", ",".join(self.checks)

    def allure_marks(self) -> Iterator[pytest.MarkDecorator]:
        """Yield the labels of the test for allure-pytest: resource and operation."""
        if self.operation:
            yield pytest.mark.allure_label(self.operation.rpartition(".")[0], label_type="feature")
            yield pytest.mark.allure_label(self.operation, label_type="story")

    def bind(self, run: SessionRun, record: Callable[[tuple[str, str]], None]) -> BoundCase:
        """Return the case with the run it is judged by, and with what records properties of the test."""
        return BoundCase(self, run, record)


def selected_operations(chosen: options.PluginOptions) -> frozenset[str]:
    """Return the ids of the operations that the options select.

    Raise WhopwatchError for a name that is not in the contract, or a target that cannot be used.
    """
    from whopwatch.run import select_operations

    selected = select_operations(options.session_contract(chosen), chosen.only, chosen.resources, prefix="--whop-")
    check_target(chosen.target, os.environ, chosen.config)
    return selected


def cases(config: pytest.Config, of_resources: Collection[str] = ()) -> Iterator[Case]:
    """Yield the cases of the session's selection in the order of the contract.

    `of_resources` are resources that the test itself names (such as `v2`, not selected by default). They replace
    the default selection and restrict any other; a contract without any of them has no cases. Raise pytest's collection
    error for options that cannot be used.
    """
    chosen = options.plugin_options(config)
    try:
        contract = options.session_contract(chosen)
        selected = selected_operations(chosen)
        if of_resources:
            there = _not_elsewhere(contract, of_resources)
            if not there:
                return
            own = selected_operations(replace(chosen, resources=there))
            selected = selected & own if chosen.only or chosen.resources else own
    except WhopwatchError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    for operation in contract.operations.values():
        if operation.id in selected:
            for name, group in CHECK_GROUPS.items():
                if group.applies(contract, operation):
                    needs = ((list_of(operation), str(Purpose.LIST)),) if name == "twins" else ()
                    yield Case(name, group.checks, operation.id, needs)
    for name, checks in () if of_resources else WHOLE_TARGET.items():
        yield Case(name, checks, needs=(("", str(Purpose.NO_KEY)),))


def _not_elsewhere(contract: Contract, names: Collection[str]) -> tuple[str, ...]:
    """Return `names` without the resources that another bundled contract has and `contract` has not."""
    here = {*contract.resources, *other_versions(contract)}
    if here.issuperset(names):
        return tuple(names)
    elsewhere = {name for other in bundled_contracts() for name in (*other.resources, *other_versions(other))}
    return tuple(name for name in names if name in here or name not in elsewhere)


@dataclass(frozen=True, slots=True)
class BoundCase:
    """A case and the run that it is judged by. `record` adds a property to the test."""

    case: Case
    run: SessionRun
    record: Callable[[tuple[str, str]], None]

    def check(self) -> None:
        """Fail with the findings, skip with the reason if nothing was checked, else pass."""
        __tracebackhide__ = True
        found = [finding for finding in self.run.report.findings if self._concerns(finding)]
        if found:
            title = f"{self.case.operation or 'the target'}: {plural(len(found), 'finding')}"
            for finding in found:
                self.record(("whop.finding", f"{finding.fingerprint} {finding.class_slug} {finding.location}"))
                if finding.impact:
                    self.record(("whop.impact", f"{finding.fingerprint} {impact_words(finding)}"))
            requests = Requests(self.run.report)
            lines = [line for finding in found for line in finding_lines(finding, requests.command(finding))]
            pytest.fail("\n".join((title, *lines)), pytrace=False)
        undecided = self._undecided()
        if undecided:
            pytest.skip(sanitize(undecided))

    def _concerns(self, finding: Finding) -> bool:
        is_here = self.case.operation in (None, finding.operation)
        return is_here and finding.breaks and finding.check in self.case.checks

    def _undecided(self) -> str | None:
        """Return why the absence of findings proves nothing, or None if it does."""
        report = self.run.report
        row = next((row for row in report.operations if row.id == self.case.operation), None)
        if row is None and self.case.operation:
            return "not observed"
        if row and row.state in (State.COULD_NOT_CHECK, State.NOT_COVERED):
            return row.reason or UNSTATED
        if row and not row.samples:
            return "no response to check"
        if self.case.needs and not any(self.run.has_requested(*need) for need in self.case.needs):
            return report.reason or "the request that this test needs was not sent"
        return None
