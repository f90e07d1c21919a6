"""A door for other people's programs: their requests leave through our client, or not at all."""

from __future__ import annotations

from whopwatch.relay.paths import filled
from whopwatch.relay.relay import Relay, relayed

__all__ = ["Relay", "filled", "relayed"]
