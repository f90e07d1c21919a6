"""Collect the results of all deliveries: findings, the state of each event, and the report."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.loader import describe_contract
from whopwatch.core.finding import Confidence, Finding, Severity
from whopwatch.core.report import Report, contract_facts, timestamp
from whopwatch.run.conclude import RowEvidence, conclude
from whopwatch.signature import Reason, Refusal
from whopwatch.webhooks.checker import DeliveryResult
from whopwatch.webhooks.checks import refusal_finding
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, event_operation

_UNSIGNED = (Reason.MISSING_HEADER, Reason.LEGACY_SIGNATURE)
"""Reasons for which a request may not come from Whop."""
_MAX_FINDINGS = 2000
"""How many different findings are kept: a payload with 100,000 undocumented fields must not fill the memory."""
_NONE_RECEIVED = "no delivery of this event was received"


class DeliveryLedger:
    """Counts results and refusals. Thread-safe."""

    def __init__(self, events: Iterable[str]) -> None:
        self._events = list(events)
        self._lock = threading.Lock()
        self._began = time.time()
        self._findings: dict[str, Finding] = {}
        self._unsigned: dict[str, Finding] = {}
        self._checked: Counter[str] = Counter()
        self._contracts: dict[str, Contract] = {}
        self._unchecked: Counter[str] = Counter()
        self.refused: Counter[Reason] = Counter()

    @property
    def received(self) -> int:
        """The number of deliveries with a valid signature."""
        return self._checked.total() + self._unchecked.total()

    def record(self, result: DeliveryResult) -> None:
        """Record the result of a delivery."""
        with self._lock:
            if result.unchecked:
                self._unchecked[result.unchecked] += 1
            else:
                self._checked[result.event] += 1
                if result.contract:
                    self._contracts[result.contract.edition.sha256] = result.contract
        self.add_findings(result.findings)

    def record_refusal(self, refusal: Refusal) -> None:
        """Record a refusal. A request without signature headers is counted apart: it may not come from Whop."""
        finding = refusal_finding(refusal)
        with self._lock:
            self.refused[refusal.reason] += 1
            _count(self._unsigned if refusal.reason in _UNSIGNED else self._findings, finding)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Record findings."""
        with self._lock:
            for finding in findings:
                _count(self._findings, finding)

    def findings(self) -> tuple[Finding, ...]:
        """Return all findings, the most severe first. Unsigned requests are info if any delivery verified."""
        with self._lock:
            unsigned = [
                replace(finding, severity=Severity.INFO) if self._checked else finding
                for finding in self._unsigned.values()
            ]
            counted = [self._with_samples(finding) for finding in (*self._findings.values(), *unsigned)]
        return tuple(sorted(counted, key=lambda f: (f.severity.rank, f.operation, f.location, f.drift_class)))

    def report(self, target: str, *, sent: int = 0, budget: int = 0) -> Report:
        """Return the report so far. `sent` and `budget` count the requests that retrieved objects."""
        findings = self.findings()
        contracts = [describe_contract(contract, of_events=True) for contract in self._contracts.values()]
        return conclude(
            self._rows(findings),
            findings,
            target=target,
            started_at=datetime.fromtimestamp(self._began, UTC),
            seconds=time.time() - self._began,
            sent=sent,
            budget=budget,
            incomplete=self._incomplete(),
            nothing="no delivery was received that could be checked",
            extra={"deliveries": self._counts(), **contract_facts(contracts)},
        )

    def _incomplete(self) -> str | None:
        """Return why deliveries were not checked, with their number; None if all were."""
        if not self._unchecked:
            return None
        reason = self._unchecked.most_common(1)[0][0]
        return f"{self._unchecked.total()} of {self.received} deliveries were not checked: {reason}"

    def _counts(self) -> dict[str, Any]:
        refused = {str(reason): count for reason, count in sorted(self.refused.items())}
        counts: dict[str, Any] = {"received": self.received, "refused": refused}
        return {**counts, "unchecked": dict(self._unchecked)} if self._unchecked else counts

    def _with_samples(self, finding: Finding) -> Finding:
        event = finding.operation.partition(":")[2]
        seen = self._checked.total() + self.refused.total() if event == UNKNOWN_EVENT else self._checked[event]
        confidence = Confidence.CONFIRMED if finding.violations > 1 else Confidence.SUSPECTED
        return replace(finding, samples=max(seen, finding.violations), confidence=confidence)

    def _rows(self, findings: Iterable[Finding]) -> Iterator[RowEvidence]:
        """Yield a row for each event of the contracts that deliveries were checked against; without any, of all."""
        broken = {finding.operation for finding in findings if finding.breaks}
        documented = [name for contract in self._contracts.values() for name in contract.events]
        seen = [name for name in self._checked if name != UNKNOWN_EVENT]
        seen += [name for name in (*self._events, UNKNOWN_EVENT) if event_operation(name) in broken]
        for name in dict.fromkeys((*(documented or self._events), *seen)):
            count, reason = self._checked[name], self._why_none(name)
            yield RowEvidence(event_operation(name), "POST", "", unverified=reason, requests=count, samples=count)

    def _why_none(self, event: str) -> str:
        """Return why nothing of `event` was verified, with the version if not every contract documents it."""
        versions = [str(contract.version) for contract in self._contracts.values() if event in contract.events]
        is_shared = len(versions) in (0, len(self._contracts))
        return _NONE_RECEIVED if is_shared else f"{_NONE_RECEIVED}; only {' and '.join(versions)} has it"


def _count(known: dict[str, Finding], finding: Finding) -> None:
    before = known.get(finding.fingerprint)
    if before is not None:
        known[finding.fingerprint] = replace(before, violations=before.violations + 1)
    elif len(known) < _MAX_FINDINGS:
        now = timestamp(datetime.now(UTC))
        known[finding.fingerprint] = replace(finding, first_seen=now)
