"""Generate values and requests from the contract with Hypothesis and Schemathesis (extra `generate`)."""

from __future__ import annotations

from whopwatch.generate.mutations import AllowedChange, Breakage, allowed, broken
from whopwatch.generate.values import Strategies

__all__ = ["AllowedChange", "Breakage", "Strategies", "allowed", "broken"]
