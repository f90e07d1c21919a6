"""Which API a run checks, and with which key. Only the command line and the plugin read configuration."""

from __future__ import annotations

from whopwatch.config.resolve import key_variables, refuse_unwritable, resolve_target, target_name
from whopwatch.config.target import Secret, Target, read_secret
from whopwatch.config.targets_file import RATE_RANGE, SIMULATOR, is_rate, read_config

__all__ = [
    "RATE_RANGE",
    "SIMULATOR",
    "Secret",
    "Target",
    "is_rate",
    "key_variables",
    "read_config",
    "read_secret",
    "refuse_unwritable",
    "resolve_target",
    "target_name",
]
