"""The official SDKs as witnesses: what one makes of the target's answers is held against the answers."""

from __future__ import annotations

from whopwatch.sdk.compare import Difference, compared
from whopwatch.sdk.survey import DEFAULT_BUDGET, survey

__all__ = ["DEFAULT_BUDGET", "Difference", "compared", "survey"]
