"""A relay for foreign programs: it sends their requests through our client, or refuses them."""

from __future__ import annotations

from whopwatch.relay.containment import Containment, containment, take_secrets
from whopwatch.relay.relay import Relay, match_template, run_relay

__all__ = ["Containment", "Relay", "containment", "match_template", "run_relay", "take_secrets"]
