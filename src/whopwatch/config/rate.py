"""How fast a person may ask a run to be."""

from __future__ import annotations

SLOWEST = 0.01
FASTEST = 1000.0
RANGE = "a number of requests a second from 0.01 (one in 100 seconds) to 1000"
"""Slower is a wait without end, faster is no limit: both are slips of the pen."""


def is_rate(number: float) -> bool:
    """Whether `number` is a rate that can be meant; what is no number (nan) is none."""
    return SLOWEST <= number <= FASTEST
