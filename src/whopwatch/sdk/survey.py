"""Check a release of an SDK: call its methods, compare what it parses, paginate, and provoke an error."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.answered_version import supported_versions
from whopwatch.contract.arguments import arguments_of
from whopwatch.contract.loader import describe_contract
from whopwatch.core.errors import TargetError
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.http import Call
from whopwatch.planning.filter_values import nonexistent_id_like
from whopwatch.planning.state import RunState, has_next, items
from whopwatch.relay import Relay
from whopwatch.run.abort import abort_reason
from whopwatch.run.api_version import supported_sentence
from whopwatch.run.conclude import RowEvidence, conclude, median_latency, sample_count
from whopwatch.run.driving import reach
from whopwatch.sdk.findings import (
    ParsingDifference,
    compare_parsed,
    difference_findings,
    group_page_info,
    missing_argument_findings,
    pagination_findings,
    response_error_findings,
    wrong_status_finding,
    wrong_type,
)
from whopwatch.sdk.releases import SdkProgram

SDK_REQUEST_BUDGET = 150
_PAGINATED_LISTS = 3
_PAGE_SIZE = 5
_MAX_PAGES = 10
_NO_METHOD = "no such method"
_NO_ARGUMENT = "no such argument"


@dataclass
class MethodRecord:
    """The results of one method: compared responses, their differences, findings, and the last error."""

    responses: list[Exchange] = field(default_factory=list)
    differences: list[ParsingDifference] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    error: str | None = None


def check_sdk(
    contract: Contract,
    program: SdkProgram,
    relay: Relay,
    *,
    name: str,
    ids: Mapping[str, str],
    budget: int = SDK_REQUEST_BUDGET,
    seed: int = 0,
) -> Report:
    """Check the SDK in `program`, whose requests go through `relay`.

    `name` is the target in the report, `ids` are known IDs by resource, `budget` is the maximum number of requests.
    The report covers what was seen before the program ends, stops responding, or reaches its `ends_at`.
    """
    started_at, start = datetime.now(UTC), time.perf_counter()
    driver = _Driver(contract, program, relay, budget)
    try:
        driver.reach(ids, seed)
        driver.paginate()
        driver.check_error_mapping()
    except TargetError as error:
        driver.stopped = "the time limit was reached" if program.is_late else error.what
    return conclude(
        _rows(contract, driver),
        driver.findings(),
        target=name,
        started_at=started_at,
        seconds=time.perf_counter() - start,
        sent=len(relay.exchanges),
        budget=budget,
        incomplete=driver.stopped,
        nothing="the SDK parsed no response",
        extra={"sdk": driver.summary(), "contract": describe_contract(contract)},
    )


class _Driver:
    def __init__(self, contract: Contract, program: SdkProgram, relay: Relay, budget: int) -> None:
        self.records: dict[str, MethodRecord] = {}
        self.stopped: str | None = None
        self.walks: list[dict[str, Any]] = []
        self._contract, self._program, self._relay, self._budget = contract, program, relay, budget
        self._lists: dict[str, tuple[Call, int]] = {}
        self._objects: list[Call] = []

    def reach(self, ids: Mapping[str, str], seed: int) -> None:
        """Call the method of every read operation once, with IDs from the responses of others."""
        reads = frozenset(operation.id for operation in self._contract.reads if operation.api == "v1")
        self._known = RunState(self._contract, reads, seed, self._budget)
        for resource, id in ids.items():
            self._known.pool.pin(resource, id)
        reach(self._known, self._call, self._is_over)

    def paginate(self) -> None:
        """Paginate a few lists with the SDK: it has to return every item once, and to end."""
        for id, (call, count) in list(self._lists.items())[:_PAGINATED_LISTS]:
            if len(self._relay.exchanges) + _MAX_PAGES > self._budget:
                return
            query = (*(pair for pair in call.query if pair[0] != "first"), ("first", str(_PAGE_SIZE)))
            before = len(self._relay.exchanges)
            answer = self._ask(call.operation, call.path_params, query, pages=_MAX_PAGES)
            pages = self._relay.exchanges[before:]
            walk = answer.get("walk")
            if walk and pages:
                last = next((n for n, page in enumerate(pages) if not has_next(page)), len(pages) - 1)
                self.walks.append({"operation": id, "requests": len(pages), "needed": last + 1, **walk})
                self.records[id].findings += pagination_findings(id, walk, count)

    def check_error_mapping(self) -> None:
        """Request an object that does not exist: the SDK has to report the API's status."""
        for call in self._objects[:1]:
            if len(self._relay.exchanges) >= self._budget:
                return
            path_params = {name: nonexistent_id_like(value) for name, value in call.path_params.items()}
            answer = self._ask(call.operation, path_params, call.query)
            status = self._relay.exchanges[-1].status
            reported = answer.get("error", {}).get("status")
            if status and status >= 400 and reported != status:
                self.records[call.operation.id].findings.append(
                    wrong_status_finding(call.operation.id, status, reported)
                )

    def findings(self) -> Iterable[Finding]:
        """Return all findings, the most severe first."""
        found: dict[str, Finding] = {}
        for id, record in self.records.items():
            for finding in (*record.findings, *difference_findings(id, record.differences, len(record.responses))):
                found.setdefault(finding.fingerprint, finding)
        return sorted(group_page_info(found.values()), key=lambda one: (one.severity.rank, one.operation, one.location))

    def summary(self) -> dict[str, Any]:
        """Return the release, the number of differences by kind, errors, and the paginated lists."""
        kinds = Counter(difference.kind for record in self.records.values() for difference in record.differences)
        errors = Counter(record.error for record in self.records.values() if record.error)
        return {
            "release": self._program.release,
            "answers": sum(len(record.responses) for record in self.records.values()),
            "differences": dict(kinds),
            "errors": dict(errors),
            "walks": self.walks,
            "unknown_requests": len(self._relay.unknown),
        }

    def _call(self, call: Call) -> Exchange:
        record = self.records.setdefault(call.operation.id, MethodRecord())
        before = len(self._relay.exchanges)
        answer = self._ask(call.operation, call.path_params, call.query)
        sent = self._relay.exchanges[before:]
        exchange = sent[-1] if sent else _unsent(call)
        error = answer.get("error")
        if error and not sent:
            record.error = str(error["type"])
            self._known.satisfied.add(call.operation.id)  # other IDs do not help
            if error["type"] == _NO_ARGUMENT:
                record.findings += missing_argument_findings(call.operation, error.get("arguments", []))
        elif error and exchange.ok:
            record.error = "the SDK raises an error on a response of the API"
            record.findings += response_error_findings(call.operation.id, error.get("at", []))
        elif exchange.ok:
            record.error = None
            record.responses.append(exchange)
            record.differences += compare_parsed(exchange.json, answer.get("value"))
            if errors := answer.get("unfit"):
                record.differences.append(wrong_type(exchange.json, errors))
            self._keep(call, exchange)
        return exchange

    def _keep(self, call: Call, exchange: Exchange) -> None:
        if call.operation.is_list and len(items(exchange)) > _PAGE_SIZE and not has_next(exchange):
            self._lists.setdefault(call.operation.id, (call, len(items(exchange))))
        elif not call.operation.is_list and len(call.path_params) == 1:
            self._objects.append(call)

    def _ask(
        self, operation: Operation, path_params: Mapping[str, str], query: Iterable[tuple[str, str]], pages: int = 0
    ) -> dict[str, Any]:
        arguments = arguments_of(self._contract, operation, path_params, query)
        places = [parameter.name for parameter in operation.in_("path")]
        return self._program.ask(operation=operation.id, arguments=arguments, path=places, pages=pages)

    def _is_over(self) -> bool:
        self.stopped = abort_reason(self._relay.exchanges, has_key=True) or _rejected_version(self._relay.exchanges)
        if not self.stopped and len(self._relay.exchanges) >= self._budget:
            self.stopped = f"the budget of {self._budget} requests was used up before all methods were called"
        return self.stopped is not None


def _rejected_version(exchanges: Sequence[Exchange]) -> str | None:
    """Return the reason to end if the API rejects the version header that the SDK sends, else None."""
    supported = supported_versions(exchanges[-1]) if exchanges else None
    if supported is None:
        return None
    facts = f"The API rejects the version that the SDK requests (400). {supported_sentence(supported)}".rstrip()
    return f"{facts} Test a release that requests one of these versions."


def _unsent(call: Call) -> Exchange:
    """Return the exchange for a call that the SDK did not send as a request."""
    return Exchange(call.operation.id, Purpose.RETRIEVE, call.operation.method, "", status=404)


def _rows(contract: Contract, driver: _Driver) -> Iterator[RowEvidence]:
    for operation in contract.operations.values():
        if operation.api != "v1":
            continue
        record = driver.records.get(operation.id, MethodRecord())
        yield RowEvidence(
            id=operation.id,
            method=operation.method,
            path=operation.path,
            excluded=_excluded(operation, record),
            unverified=_unverified(record, driver.stopped),
            requests=len(record.responses),
            samples=sum(map(sample_count, record.responses)),
            latency=median_latency(record.responses),
        )


def _excluded(operation: Operation, record: MethodRecord) -> str | None:
    if not operation.is_read:
        return "write operation: its method is not called"
    return "this release has no method for it" if record.error == _NO_METHOD else None


def _unverified(record: MethodRecord, stopped: str | None) -> str:
    if record.responses:
        return "the list is empty, so there is nothing to parse"
    return record.error or stopped or "no ID was found to call it with"
