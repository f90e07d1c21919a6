"""A relay for foreign programs: their requests leave through our client, or not at all."""

from __future__ import annotations

from whopwatch.relay.relay import Relay, match_template, run_relay

__all__ = ["Relay", "match_template", "run_relay"]
