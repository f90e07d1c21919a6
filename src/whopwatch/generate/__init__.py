"""Generate values and requests from the contract with Hypothesis and Schemathesis (extra `generate`)."""

from __future__ import annotations

from whopwatch.generate.values import AllowedChange, Breakage, Strategies, allowed, broken

__all__ = ["AllowedChange", "Breakage", "Strategies", "allowed", "broken"]
