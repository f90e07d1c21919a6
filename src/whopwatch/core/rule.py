"""A rule: one expectation that a check has, and what is reported if a response does not meet it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from whopwatch.core.finding import Severity, Source
from whopwatch.core.redaction import redact


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of a check.

    `id` is `CHECK/NAME`, with the check's id. `sentence` completes a message that begins with the operation.
    `expected`, `observed` and `sentence` may contain `{names}`, which a report fills in (see `words`). `source` says
    which two sources disagree if the rule is broken. `documented` says whether a source states the expectation. If none
    does, a violation is `info` until a baseline has seen the expectation met: then the API changed.
    """

    id: str
    drift_class: str
    severity: Severity
    expected: str
    observed: str
    sentence: str
    source: Source = Source.LIVE_CONTRACT
    documented: bool = True

    @property
    def check(self) -> str:
        """The id of the check that reports it."""
        return self.id.partition("/")[0]

    def severity_for(self, operation: str, established: Collection[tuple[str, str]]) -> Severity:
        """Return the severity of a violation; `established` are operations with the rules that they used to meet."""
        is_promised = self.documented or (operation, self.id) in established
        return self.severity if is_promised else Severity.INFO

    def words(self, **details: object) -> tuple[str, str, str]:
        """Return `expected`, `observed` and `sentence` with `details` filled in."""
        return self.expected.format(**details), self.observed.format(**details), self.sentence.format(**details)


def shown_value(value: object, form: re.Pattern[str], otherwise: str) -> str:
    """Return `value` in quotes if it has `form`, which no personal value has, else the words `otherwise`."""
    is_shown = isinstance(value, str) and form.fullmatch(value) and redact(value, stop="") == value
    return f'"{value}"' if is_shown else otherwise


def rules_in(module: ModuleType) -> Iterator[Rule]:
    """Yield every rule that is a module-level name of `module`, or a member of a tuple or mapping there."""
    for value in vars(module).values():
        if isinstance(value, Rule):
            yield value
        elif isinstance(value, tuple | Mapping):
            yield from _members(value)


def _members(container: Iterable[object] | Mapping[object, object]) -> Iterator[Rule]:
    for member in container.values() if isinstance(container, Mapping) else container:
        if isinstance(member, Rule):
            yield member
        elif isinstance(member, tuple):
            yield from _members(member)
