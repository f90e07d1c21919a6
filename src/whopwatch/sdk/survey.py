"""One look at the API through a release of an SDK: what it can call, what it makes of the answers, how it walks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.arguments import arguments_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.http import Call
from whopwatch.planning.filter_values import nonexistent_id_like
from whopwatch.planning.state import RunState, has_next, items
from whopwatch.relay import Relay
from whopwatch.run.abort import abort_reason
from whopwatch.run.conclude import RowEvidence, conclude, median_latency, sample_count
from whopwatch.run.driving import reach
from whopwatch.sdk.compare import Difference, compared, unfit
from whopwatch.sdk.findings import broken_walk, differing, grouped, refused_answer, unknown_argument, wrong_error
from whopwatch.sdk.program import Program

DEFAULT_BUDGET = 150
WALKS = 3
WALK_SIZE = 5
MOST_PAGES = 10
NO_METHOD = "no such method"
NO_ARGUMENT = "no such argument"


@dataclass
class Account:
    """What happened with one operation: answers that were compared, their differences, and what went wrong."""

    answers: list[Exchange] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    error: str | None = None


def survey(
    contract: Contract,
    program: Program,
    relay: Relay,
    *,
    name: str,
    ids: Mapping[str, str],
    budget: int = DEFAULT_BUDGET,
    seed: int = 0,
) -> Report:
    """What the SDK in `program`, whose requests pass `relay`, makes of the API.

    `name` is what the report calls it, `ids` are known ids by resource, `budget` the requests at most. Raises
    TargetError where the program ends; nothing that the API does raises.
    """
    started_at, start = datetime.now(UTC), time.perf_counter()
    driver = _Driver(contract, program, relay, budget)
    driver.reach(ids, seed)
    driver.walk()
    driver.provoke()
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
        extra={"sdk": driver.summary()},
    )


class _Driver:
    def __init__(self, contract: Contract, program: Program, relay: Relay, budget: int) -> None:
        self.accounts: dict[str, Account] = {}
        self.stopped: str | None = None
        self.walks: list[dict[str, Any]] = []
        self._contract, self._program, self._relay, self._budget = contract, program, relay, budget
        self._lists: dict[str, tuple[Call, int]] = {}
        self._objects: list[Call] = []

    def reach(self, ids: Mapping[str, str], seed: int) -> None:
        """Call the method of every read once, with ids out of what others answered."""
        reads = frozenset(operation.id for operation in self._contract.reads if operation.api == "v1")
        self._known = RunState(self._contract, reads, seed, self._budget)
        for resource, id in ids.items():
            self._known.pool.pin(resource, id)
        reach(self._known, self._call, self._is_over)

    def walk(self) -> None:
        """A few lists by the SDK's own iteration: it has to see every item once, and to end."""
        for id, (call, count) in list(self._lists.items())[:WALKS]:
            if len(self._relay.exchanges) + MOST_PAGES > self._budget:
                return
            query = (*(pair for pair in call.query if pair[0] != "first"), ("first", str(WALK_SIZE)))
            before = len(self._relay.exchanges)
            answer = self._ask(call.operation, call.path_params, query, pages=MOST_PAGES)
            pages = self._relay.exchanges[before:]
            told = answer.get("walk")
            if told and pages:
                last = next((n for n, page in enumerate(pages) if not has_next(page)), len(pages) - 1)
                self.walks.append({"operation": id, "requests": len(pages), "needed": last + 1, **told})
                self.accounts[id].findings += broken_walk(id, told, count)

    def provoke(self) -> None:
        """An object that does not exist: the SDK has to say so with the API's status."""
        for call in self._objects[:1]:
            if len(self._relay.exchanges) >= self._budget:
                return
            path_params = {name: nonexistent_id_like(value) for name, value in call.path_params.items()}
            answer = self._ask(call.operation, path_params, call.query)
            status = self._relay.exchanges[-1].status
            told = answer.get("error", {}).get("status")
            if status and status >= 400 and told != status:
                self.accounts[call.operation.id].findings.append(wrong_error(call.operation.id, status, told))

    def findings(self) -> Iterable[Finding]:
        """All findings, the worst first."""
        found: dict[str, Finding] = {}
        for id, account in self.accounts.items():
            for finding in (*account.findings, *differing(id, account.differences, len(account.answers))):
                found.setdefault(finding.fingerprint, finding)
        return sorted(grouped(found.values()), key=lambda one: (one.severity.rank, one.operation, one.location))

    def summary(self) -> dict[str, Any]:
        """Figures of the whole: the release, differences by kind, and the walks."""
        kinds = Counter(difference.kind for account in self.accounts.values() for difference in account.differences)
        errors = Counter(account.error for account in self.accounts.values() if account.error)
        return {
            "release": self._program.release,
            "answers": sum(len(account.answers) for account in self.accounts.values()),
            "differences": dict(kinds),
            "errors": dict(errors),
            "walks": self.walks,
            "unknown_requests": len(self._relay.unknown),
        }

    def _call(self, call: Call) -> Exchange:
        account = self.accounts.setdefault(call.operation.id, Account())
        before = len(self._relay.exchanges)
        answer = self._ask(call.operation, call.path_params, call.query)
        sent = self._relay.exchanges[before:]
        exchange = sent[-1] if sent else _unsent(call)
        error = answer.get("error")
        if error and not sent:
            account.error = str(error["type"])
            self._known.satisfied.add(call.operation.id)  # Other ids do not help.
            if error["type"] == NO_ARGUMENT:
                account.findings += unknown_argument(call.operation, error.get("arguments", []))
        elif error and exchange.ok:
            account.error = "the SDK raises on an answer of the API"
            account.findings += refused_answer(call.operation.id, error.get("at", []))
        elif exchange.ok:
            account.error = None
            account.answers.append(exchange)
            account.differences += compared(exchange.json, answer.get("value"))
            if complaints := answer.get("unfit"):
                account.differences.append(unfit(exchange.json, complaints))
            self._keep(call, exchange)
        return exchange

    def _keep(self, call: Call, exchange: Exchange) -> None:
        if call.operation.is_list and len(items(exchange)) > WALK_SIZE and not has_next(exchange):
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
        self.stopped = abort_reason(self._relay.exchanges, has_key=True)
        if not self.stopped and len(self._relay.exchanges) >= self._budget:
            self.stopped = f"the budget of {self._budget} requests was used up before every method was called"
        return self.stopped is not None


def _unsent(call: Call) -> Exchange:
    """What stands for a request that the SDK never made: nothing is there to be learnt."""
    return Exchange(call.operation.id, Purpose.RETRIEVE, call.operation.method, "", status=404)


def _rows(contract: Contract, driver: _Driver) -> Iterator[RowEvidence]:
    for operation in contract.operations.values():
        if operation.api != "v1":
            continue
        account = driver.accounts.get(operation.id, Account())
        yield RowEvidence(
            id=operation.id,
            method=operation.method,
            path=operation.path,
            excluded=_excluded(operation, account),
            unverified=_unverified(account, driver.stopped),
            requests=len(account.answers),
            samples=sum(map(sample_count, account.answers)),
            latency=median_latency(account.answers),
        )


def _excluded(operation: Operation, account: Account) -> str | None:
    if not operation.is_read:
        return "write operation: its method is not called"
    return "this release has no method for it" if account.error == NO_METHOD else None


def _unverified(account: Account, stopped: str | None) -> str:
    if account.answers:
        return "the list is empty, so there is nothing to parse"
    return account.error or stopped or "no id was found to call it with"
