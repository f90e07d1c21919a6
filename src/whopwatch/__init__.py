"""whopwatch holds the Whop REST API to what it documents."""

from __future__ import annotations

__version__ = "0.1.0"
