"""Whether what was not taken is sent again: some deliveries are refused once, on purpose, and waited for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from whopwatch.core.finding import Finding, Severity
from whopwatch.webhooks.checks import found
from whopwatch.webhooks.delivery import UNKNOWN

PATIENCE = 90.0
"""Seconds within which a retry has to come: the first ones are documented 10, 20 and 40 s after the attempt."""
MOST_AWAITED = 1000


@dataclass
class Retries:
    """Refuses the first attempt of every `every`th delivery (0: of none). Not for several threads."""

    every: int
    patience: float = PATIENCE
    _seen: int = 0
    _awaited: dict[str, float] = field(default_factory=dict)

    def refuses(self, id: str, now: float) -> bool:
        """Whether this attempt is to be refused; an awaited one is never."""
        if self._awaited.pop(id, None) is not None or not self.every:
            return False
        self._seen += 1
        if self._seen % self.every or len(self._awaited) >= MOST_AWAITED:
            return False
        self._awaited[id] = now + self.patience
        return True

    def overdue(self, now: float) -> Iterator[Finding]:
        """A finding for each refused delivery that did not come again in time, once."""
        late = [id for id, until in self._awaited.items() if until <= now]
        for id in late:
            del self._awaited[id]
            yield found(
                "retries",
                "D23",
                Severity.CRITICAL,
                UNKNOWN,
                "retry",
                expected=f"another attempt within {self.patience:.0f} s",
                observed="none",
                what="a delivery that was answered with 503 is not sent again: what is not taken at once is lost",
            )
