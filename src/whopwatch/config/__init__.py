"""Which API a run talks to, and with which key. Only the command line and the plugin read configuration."""

from __future__ import annotations

from whopwatch.config.resolve import resolve_target, target_name
from whopwatch.config.target import Secret, Target

__all__ = ["Secret", "Target", "resolve_target", "target_name"]
