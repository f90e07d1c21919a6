"""The rules, as `rules.toml` declares them, and the one likelihood that they rest on.

A trait (a field has a value, an id begins with `prod_`) is had by `hits` of `units` objects. How likely is it that a
quiet API shows `n` further objects without it? That is the beta-binomial prediction with Jeffreys' prior, which is
exact for small counts and needs no tuning. Objects of one night resemble each other, so that `n` of them count as
fewer (the design effect of cluster sampling: Kish, Survey Sampling, 1965).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import lgamma, log
from typing import Any

from whopwatch.core.finding import Severity


@dataclass(frozen=True, slots=True)
class TraitRule:
    """One kind of trait. `condition` is the kind that an object has to have for this one to be missed."""

    kind: str
    condition: str
    drift_class: str
    severity: Severity
    fresh: bool
    expected: str
    observed: str
    what: str
    appears: bool = False
    losses: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """How sure a rule has to be; see `rules.toml`."""

    alpha: float
    resemblance: float
    loses: float
    gap: int
    objects: int

    @property
    def limit(self) -> float:
        """The log-likelihood below which something is no accident."""
        return log(self.alpha)

    @property
    def log_loses(self) -> float:
        """The log-likelihood that one known object loses a trait overnight."""
        return log(self.loses)

    def effective(self, count: float) -> float:
        """What `count` objects of one night are worth, were they drawn independently."""
        return count / (1 + (count - 1) * self.resemblance) if count > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Unit:
    """When numbers are in another unit; see `rules.toml`."""

    drift_class: str
    severity: Severity
    powers: tuple[int, ...]
    settled: int
    least: int


@dataclass(frozen=True, slots=True)
class Latency:
    """When an operation has become slower; see `rules.toml`."""

    drift_class: str
    severity: Severity
    history: int
    settled: int
    nights: int
    factor: float
    deviations: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Unverified:
    """After how many nights an operation that is not verified is a finding."""

    drift_class: str
    severity: Severity
    nights: int


@dataclass(frozen=True, slots=True)
class LifeRule:
    """When a finding is fixed, flapping or worse; see `rules.toml`."""

    certainty: float
    window: int
    changes: int
    growth: float
    deviations: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that `rules.toml` declares."""

    evidence: Evidence
    unit: Unit
    latency: Latency
    unverified: Unverified
    life: LifeRule
    looked: Mapping[str, frozenset[str]]
    promised: Mapping[str, tuple[str, ...]]
    headers: frozenset[str]
    traits: Mapping[str, TraitRule]


@cache
def rules() -> Rules:
    """The declared rules, read once."""
    declared = tomllib.loads(files(__package__).joinpath("rules.toml").read_text(encoding="utf-8"))
    return Rules(
        evidence=Evidence(**declared["evidence"]),
        unit=Unit(**{**_renamed(declared["unit"]), "powers": tuple(declared["unit"]["powers"])}),
        latency=Latency(**_renamed(declared["latency"])),
        unverified=Unverified(**_renamed(declared["unverified"])),
        life=LifeRule(**declared["life"]),
        looked={check: frozenset(purposes) for check, purposes in declared["looked"].items()},
        promised={check: tuple(sources) for check, sources in declared["promised"].items()},
        headers=frozenset(declared["headers"]["watched"]),
        traits={kind: TraitRule(kind, **_renamed(entry)) for kind, entry in declared["trait"].items()},
    )


def _renamed(entry: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in entry.items() if name not in ("class", "severity")}
    return {"drift_class": entry["class"], "severity": Severity(entry["severity"]), **rest}


def log_none(units: float, hits: float, n: float) -> float:
    """The log-likelihood that none of `n` further objects has what `hits` of `units` have."""
    return log_some(units, hits, n, 0.0)


def log_some(units: float, hits: float, n: float, k: float) -> float:
    """The log-likelihood that `k` of `n` further objects have what `hits` of `units` have; counts may be fractions."""
    misses = max(0.0, units - hits)
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return ways + _log_beta(hits + 0.5 + k, misses + 0.5 + n - k) - _log_beta(hits + 0.5, misses + 0.5)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
