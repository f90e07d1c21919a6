"""Values and requests that nobody wrote down: Hypothesis strategies out of the contract (extra `generate`)."""

from __future__ import annotations

from whopwatch.generate.mutations import Allowance, Breakage, allowed, broken
from whopwatch.generate.values import Strategies

__all__ = ["Allowance", "Breakage", "Strategies", "allowed", "broken"]
