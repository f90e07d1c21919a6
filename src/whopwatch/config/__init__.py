"""Which API a run talks to, and with which key. Only the command line and the plugin read configuration."""

from __future__ import annotations

from whopwatch.config.resolve import SIMULATOR, resolve_target, target_name
from whopwatch.config.target import Secret, Target

__all__ = ["SIMULATOR", "Secret", "Target", "resolve_target", "target_name"]
