"""A finding: one difference between what an API promises and what a run observed; and the rule that it breaks.

A finding is a record, not an exception. Its fingerprint is a hash of class, operation and location only, so the same
drift has the same fingerprint every night and in every command.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import ModuleType
from typing import Any

from whopwatch.core.drift_classes import class_label, class_slug
from whopwatch.core.redaction import redact


class Severity(StrEnum):
    """How much the difference harms a client of the API, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 0 for the worst severity, 4 for the mildest."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """`suspected` is based on one sample, `confirmed` on several samples that agree."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class Source(StrEnum):
    """The two sources that disagree."""

    LIVE_CONTRACT = "live-contract"
    LIVE_LIVE = "live-live"
    CONTRACT_CONTRACT = "contract-contract"
    SDK_CONTRACT = "sdk-contract"
    DOCS_DOCS = "docs-docs"


class FindingState(StrEnum):
    """How a finding relates to earlier runs of the same baseline."""

    NEW = "new"
    KNOWN = "known"
    WORSE = "worse"
    FLAPPING = "flapping"
    """It was found and gone again more than once in recent runs."""
    FIXED = "fixed"
    """An earlier run found it; this run checked the same samples again and did not."""
    ACCEPTED = "accepted"
    """An entry in the file of accepted findings covers it."""


class Impact(StrEnum):
    """Whether a finding concerns the user's own code, by its usage profile; the worst first."""

    HITS = "hits you"
    MAY = "may hit you"
    """The profile does not show whether the code uses it."""
    UNUSED = "not used by you"


INACTIVE = frozenset({FindingState.FIXED, FindingState.ACCEPTED})
"""States in which a finding is reported but does not affect the verdict."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One operation and location where a root cause occurs; `fingerprint` is that of the single finding there."""

    operation: str
    location: str
    fingerprint: str
    samples: int
    violations: int

    def to_json(self) -> dict[str, Any]:
        """Return the occurrence as the JSON report has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RequestExample:
    """A request whose response shows a finding.

    `path` has the query, with shell variables in place of ids and other values. `credential` says which kind of key it
    carried. `id` is what the response names as the request's id, for a question to the owner of the API.
    """

    path: str
    method: str = "GET"
    credential: str = "key"
    id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request as the JSON report has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between what is promised and what was observed.

    `drift_class` is one of D1 to D25. `location` is a JSON pointer with `*` for array items, or `header:NAME`,
    `status`, `param:NAME` or `version:VERSION`. `expected` and `observed` describe values and never quote one.
    `samples` counts the values checked, `violations` how many of them differed. `rule` is the id of the rule that is
    broken, `CHECK/NAME`, None if the check has no rules. `request` is a request whose response shows the difference.

    `impact` is set only by a run with a usage profile; `impact_places` are places in the user's code, `src/app.py:12`.

    The remaining fields are set only by a run with a baseline. `state` is None without one. `first_seen` is the start
    of the first run that found it, in UTC. `places` lists the occurrences of a root cause; the operation of such a
    finding is `schema:NAME` or `object:FIELD` and its location is relative to that, or it is `all` if the whole API
    shares the cause. `targets` names the targets that show it, if the run had several. `witnesses` maps each source
    (`reference`, `sdk`, `live`, `last night`) to `as expected`, `as observed` or `silent`; `moved` is the source that
    changed. `accepted` is the reason given in the file of accepted findings.
    """

    drift_class: str = field(metadata={"key": "class"})
    check: str
    severity: Severity
    operation: str
    location: str
    expected: str
    observed: str
    message: str
    samples: int = 1
    violations: int = 1
    confidence: Confidence = Confidence.SUSPECTED
    source: Source = Source.LIVE_CONTRACT
    first_seen: str | None = None
    state: FindingState | None = None
    places: tuple[Occurrence, ...] = ()
    targets: tuple[str, ...] = ()
    witnesses: Mapping[str, str] = field(default_factory=dict)
    moved: str | None = None
    accepted: str | None = None
    rule: str | None = None
    request: RequestExample | None = None
    impact: Impact | None = None
    impact_places: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Return 12 hex digits that depend on class, operation and location only."""
        identity = "\n".join((self.drift_class, self.operation, self.location))
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    @property
    def class_slug(self) -> str:
        """Return the name of its drift class: `required-field-removed`."""
        return class_slug(self.drift_class, self.rule or self.check)

    @property
    def class_label(self) -> str:
        """Return name and number of its drift class, as reports show them: `required-field-removed (D5)`."""
        return class_label(self.drift_class, self.rule or self.check)

    @property
    def breaks(self) -> bool:
        """Return whether the finding makes its operation `drift`: it is not `info`, fixed or accepted."""
        return self.severity is not Severity.INFO and self.state not in INACTIVE

    def to_json(self) -> dict[str, Any]:
        """Return the finding as the JSON report has it; the keys of a baseline only if the run had one."""
        of_baseline = {
            "state": self.state,
            "places": [place.to_json() for place in self.places],
            "targets": list(self.targets),
            "witnesses": dict(self.witnesses),
            "moved": self.moved,
            "accepted": self.accepted,
        }
        return {
            "fingerprint": self.fingerprint,
            "class": self.drift_class,
            "class_slug": self.class_slug,
            "check": self.check,
            "severity": str(self.severity),
            "confidence": str(self.confidence),
            "source": str(self.source),
            "operation": self.operation,
            "location": self.location,
            "expected": self.expected,
            "observed": self.observed,
            "samples": self.samples,
            "violations": self.violations,
            "first_seen": self.first_seen,
            "message": self.message,
            **({"rule": self.rule} if self.rule else {}),
            **({"request": self.request.to_json()} if self.request else {}),
            **({"impact": str(self.impact), "impact_places": list(self.impact_places)} if self.impact else {}),
            **(of_baseline if self.state else {}),
        }


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
