"""The rules of the history, as `rules.toml` declares them, and the likelihoods that they rest on.

A trait (a field has a value, an id begins with `prod_`) occurs in `hits` of `eligible` objects. How likely is it that
an unchanged API shows `n` further objects without it? The answer is the beta-binomial prediction with Jeffreys' prior,
which is exact for small counts and needs no tuning. Objects of one night resemble each other, so that `n` of them count
as fewer (the design effect of cluster sampling: Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import lgamma, log
from typing import Any

from whopwatch.checks.registry import CHECKS
from whopwatch.core.documents import packaged_toml
from whopwatch.core.finding import Severity


@dataclass(frozen=True, slots=True)
class TraitRule:
    """What a change of one kind of trait means; see `rules.toml`.

    `condition` is the kind of trait that an object must have before this one can be missing from it.
    """

    kind: str
    condition: str
    drift_class: str
    severity: Severity
    counts_new: bool
    expected: str
    observed: str
    message: str
    may_appear: bool = False
    counts_lost: bool = True


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """How certain the test for absent traits has to be; see `rules.toml`."""

    alpha: float
    correlation: float
    loss_probability: float
    gap_factor: int
    kept_objects: int

    @property
    def limit(self) -> float:
        """The log-likelihood below which an absence is not chance."""
        return log(self.alpha)

    @property
    def log_loss(self) -> float:
        """The log-likelihood that one known object loses a trait overnight."""
        return log(self.loss_probability)

    def effective(self, count: float) -> float:
        """Return the number of independent objects that `count` objects of one night are worth."""
        return count / (1 + (count - 1) * self.correlation) if count > 0 else 0.0


@dataclass(frozen=True, slots=True)
class UnitRule:
    """When numbers have changed their unit; see `rules.toml`."""

    drift_class: str
    severity: Severity
    powers: tuple[int, ...]
    min_known: int
    min_tonight: int


@dataclass(frozen=True, slots=True)
class LatencyRule:
    """When an operation has become slower; see `rules.toml`."""

    drift_class: str
    severity: Severity
    history: int
    min_history: int
    nights: int
    factor: float
    deviations: float
    seconds: float


@dataclass(frozen=True, slots=True)
class UnverifiedRule:
    """After how many nights an operation that was not verified is a finding."""

    drift_class: str
    severity: Severity
    nights: int


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """When a finding is fixed, flapping or worse; see `rules.toml`."""

    certainty: float
    window: int
    max_turns: int
    growth: float
    deviations: float


@dataclass(frozen=True, slots=True)
class HistoryRules:
    """What `rules.toml` declares, and for each check which requests it judges and which documents promise it.

    `undocumented` are the ids of the rules that no source states.
    """

    absence: AbsenceRule
    unit: UnitRule
    latency: LatencyRule
    unverified: UnverifiedRule
    lifecycle: LifecycleRule
    rechecked_by: Mapping[str, frozenset[str]]
    promised_by: Mapping[str, tuple[str, ...]]
    undocumented: frozenset[str]
    headers: frozenset[str]
    traits: Mapping[str, TraitRule]


@cache
def history_rules() -> HistoryRules:
    """Return the declared rules; the file is read once."""
    declared = packaged_toml(__package__, "rules.toml")
    return HistoryRules(
        absence=AbsenceRule(**declared["absence"]),
        unit=UnitRule(**{**_typed(declared["unit"]), "powers": tuple(declared["unit"]["powers"])}),
        latency=LatencyRule(**_typed(declared["latency"])),
        unverified=UnverifiedRule(**_typed(declared["unverified"])),
        lifecycle=LifecycleRule(**declared["lifecycle"]),
        rechecked_by={check.id: frozenset(check.purposes) for check in CHECKS if check.purposes},
        promised_by={check.id: check.promised_by for check in CHECKS},
        undocumented=frozenset(rule.id for check in CHECKS for rule in check.rules if not rule.documented),
        headers=frozenset(declared["headers"]["watched"]),
        traits={kind: TraitRule(kind, **_typed(entry)) for kind, entry in declared["trait"].items()},
    )


def _typed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return `entry` with its class under the name of the attribute and its severity as a Severity."""
    rest = {name: value for name, value in entry.items() if name not in ("class", "severity")}
    return {"drift_class": entry["class"], "severity": Severity(entry["severity"]), **rest}


def log_likelihood_none(eligible: float, hits: float, n: float) -> float:
    """Return the log-likelihood that none of `n` further objects has what `hits` of `eligible` have."""
    return log_likelihood(eligible, hits, n, 0.0)


def log_likelihood(eligible: float, hits: float, n: float, k: float) -> float:
    """Return the log-likelihood that `k` of `n` further objects have what `hits` of `eligible` have.

    Counts may be fractions.
    """
    misses = max(0.0, eligible - hits)
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return ways + _log_beta(hits + 0.5 + k, misses + 0.5 + n - k) - _log_beta(hits + 0.5, misses + 0.5)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
