"""Budgets by name: how many requests a run gets follows from what it selects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetProfile:
    """A budget that follows from the contract: requests for each selected read and write.

    `only_risk` selects the resources that the edition lists as those where mistakes hurt most.
    """

    per_read: float
    per_write: int
    only_risk: bool = False


BUDGET_PROFILES: Mapping[str, BudgetProfile] = {
    "quick": BudgetProfile(per_read=1.5, per_write=12),
    "money": BudgetProfile(per_read=16, per_write=24, only_risk=True),
    "deep": BudgetProfile(per_read=40, per_write=40),
}
"""Every read once, the money path, and everything; `default` is the budget of a run that names none."""
DEFAULT_PROFILE = "default"
