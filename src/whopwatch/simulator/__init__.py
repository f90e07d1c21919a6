"""A stand-in for the Whop API: an ASGI application driven by the contract, over a seeded, coherent world."""

from __future__ import annotations

from whopwatch.simulator.app import Backend, Options, create_app
from whopwatch.simulator.auth import Grant
from whopwatch.simulator.deliveries import Webhook
from whopwatch.simulator.pipeline import Call, Wrapper
from whopwatch.simulator.server import Simulator, embedded

__all__ = ["Backend", "Call", "Grant", "Options", "Simulator", "Webhook", "Wrapper", "create_app", "embedded"]
