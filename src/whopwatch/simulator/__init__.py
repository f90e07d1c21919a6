"""Simulate the Whop API: an ASGI application, driven by a contract, over a seeded and coherent world."""

from __future__ import annotations

from whopwatch.simulator.api.keys import KeyGrant
from whopwatch.simulator.api.pipeline import ApiCall, StepWrapper
from whopwatch.simulator.app import Simulator, create_app, embedded
from whopwatch.simulator.backend import Backend, SimulatorOptions
from whopwatch.simulator.events import WebhookOptions

__all__ = [
    "ApiCall",
    "Backend",
    "KeyGrant",
    "Simulator",
    "SimulatorOptions",
    "StepWrapper",
    "WebhookOptions",
    "create_app",
    "embedded",
]
