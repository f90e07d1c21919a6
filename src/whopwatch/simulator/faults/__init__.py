"""ActiveFaults: declared ways in which the simulated API stops keeping what it documents."""

from __future__ import annotations

from whopwatch.simulator.faults.catalogue import FAULT_GROUPS, OBSERVERS, Fault, fault_catalogue
from whopwatch.simulator.faults.injection import ActiveFaults, InjectedFault, first_place, inject, operations_named

__all__ = [
    "FAULT_GROUPS",
    "OBSERVERS",
    "ActiveFaults",
    "Fault",
    "InjectedFault",
    "fault_catalogue",
    "first_place",
    "inject",
    "operations_named",
]
