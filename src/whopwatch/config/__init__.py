"""Which API a run talks to, and with which key. Only the command line and the plugin read configuration."""

from __future__ import annotations

from whopwatch.config.file import read_config
from whopwatch.config.rate import RANGE, is_rate
from whopwatch.config.resolve import SIMULATOR, resolve_target, target_name
from whopwatch.config.target import Secret, Target
from whopwatch.config.writes import refuse_unwritable

__all__ = [
    "RANGE",
    "SIMULATOR",
    "Secret",
    "Target",
    "is_rate",
    "read_config",
    "refuse_unwritable",
    "resolve_target",
    "target_name",
]
