"""Hooks for schemathesis (SCHEMATHESIS_HOOKS): documented reads only, and at most WHOPWATCH_BUDGET requests.

Its checks and phases are unchanged.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from typing import Any

import schemathesis

from whopwatch.config import resolve_target
from whopwatch.contract import load
from whopwatch.generate.adapter import KEY_PLACEHOLDER, guarded_requests
from whopwatch.http import Client

_OPEN = ExitStack()
_CLIENT = Client(
    resolve_target(os.environ["WHOP_BASE_URL"], os.environ), load(), budget=int(os.environ["WHOPWATCH_BUDGET"])
)
_OPEN.enter_context(_CLIENT)
_OPEN.enter_context(guarded_requests(_CLIENT))
atexit.register(_OPEN.close)


@schemathesis.hook
def map_headers(_: schemathesis.HookContext, headers: dict[str, Any] | None) -> dict[str, Any]:
    """The placeholder that the client replaces with the target's key."""
    return {**(headers or {}), "Authorization": KEY_PLACEHOLDER}
