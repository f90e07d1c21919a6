"""Faults: declared ways in which the simulated API stops keeping what it documents."""

from __future__ import annotations

from whopwatch.simulator.faults.catalogue import GROUPS, SEES, Fault, catalogue
from whopwatch.simulator.faults.plant import Faults, Planted, first_place, operations_named, plant

__all__ = ["GROUPS", "SEES", "Fault", "Faults", "Planted", "catalogue", "first_place", "operations_named", "plant"]
