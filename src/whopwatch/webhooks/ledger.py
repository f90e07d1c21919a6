"""What all deliveries together say: findings counted, states by event, and the report of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from whopwatch.contract import Contract
from whopwatch.core.finding import Confidence, Finding, Severity
from whopwatch.core.report import Report, timestamp
from whopwatch.run.conclude import RowEvidence, conclude
from whopwatch.signature import Reason, Refusal
from whopwatch.webhooks.delivery import UNKNOWN, operation_of
from whopwatch.webhooks.judge import Judgement
from whopwatch.webhooks.refusals import of_refusal

MOST_FINDINGS = 2000
"""How many different findings are kept: a sender with a hundred thousand odd fields gets no more than these."""
NONE_CAME = "no delivery of this event arrived"
METHOD = "POST"


class Ledger:
    """Counts judgements and refusals; for several threads. `clock` is in seconds since the epoch."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._lock = threading.Lock()
        self._began = time.time()
        self._findings: dict[str, Finding] = {}
        self._strangers: dict[str, Finding] = {}
        self._judged: Counter[str] = Counter()
        self.refused: Counter[Reason] = Counter()

    @property
    def received(self) -> int:
        """How many deliveries were judged."""
        return self._judged.total()

    def judged(self, judgement: Judgement) -> None:
        """Take down what a delivery came to."""
        with self._lock:
            self._judged[judgement.event] += 1
        self.add(judgement.findings)

    def was_refused(self, refusal: Refusal) -> None:
        """Take down that something was not taken. Without its headers it may have been anybody's request."""
        finding = of_refusal(refusal)
        with self._lock:
            self.refused[refusal.reason] += 1
            _count(self._strangers if refusal.reason is Reason.MISSING_HEADER else self._findings, finding)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take down findings."""
        with self._lock:
            for finding in findings:
                _count(self._findings, finding)

    def findings(self) -> tuple[Finding, ...]:
        """All findings, the worst first; requests without signatures are worth a word only once others verify."""
        with self._lock:
            strangers = [
                replace(finding, severity=Severity.INFO) if self._judged else finding
                for finding in self._strangers.values()
            ]
            counted = [self._sampled(finding) for finding in (*self._findings.values(), *strangers)]
        return tuple(sorted(counted, key=lambda f: (f.severity.rank, f.operation, f.location, f.drift_class)))

    def report(self, target: str, *, sent: int = 0, budget: int = 0) -> Report:
        """What is known by now. `sent` and `budget` are of the requests that objects were compared by."""
        findings = self.findings()
        return conclude(
            self._rows(findings),
            findings,
            target=target,
            started_at=datetime.fromtimestamp(self._began, UTC),
            seconds=time.time() - self._began,
            sent=sent,
            budget=budget,
            nothing="no delivery arrived that could be checked",
            extra={
                "deliveries": {
                    "received": self.received,
                    "refused": {str(reason): count for reason, count in sorted(self.refused.items())},
                }
            },
        )

    def _sampled(self, finding: Finding) -> Finding:
        event = finding.operation.partition(":")[2]
        seen = self._judged.total() + self.refused.total() if event == UNKNOWN else self._judged[event]
        confidence = Confidence.CONFIRMED if finding.violations > 1 else Confidence.SUSPECTED
        return replace(finding, samples=max(seen, finding.violations), confidence=confidence)

    def _rows(self, findings: Iterable[Finding]) -> Iterator[RowEvidence]:
        broken = {finding.operation for finding in findings if finding.breaks}
        names = [*self._contract.events]
        for name in (*names, UNKNOWN) if operation_of(UNKNOWN) in broken else names:
            seen = self._judged[name]
            yield RowEvidence(operation_of(name), METHOD, "", unverified=NONE_CAME, requests=seen, samples=seen)


def _count(known: dict[str, Finding], finding: Finding) -> None:
    before = known.get(finding.fingerprint)
    if before is not None:
        known[finding.fingerprint] = replace(before, violations=before.violations + 1)
    elif len(known) < MOST_FINDINGS:
        now = timestamp(datetime.now(UTC))
        known[finding.fingerprint] = replace(finding, first_seen=now)
