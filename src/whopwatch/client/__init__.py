"""The client: the only door to the network."""

from __future__ import annotations

from whopwatch.client.call import Call, url_of
from whopwatch.client.client import Client
from whopwatch.client.guard import Guard
from whopwatch.client.limits import Limits, Rate
from whopwatch.client.transport import GuardedTransport

__all__ = ["Call", "Client", "Guard", "GuardedTransport", "Limits", "Rate", "url_of"]
