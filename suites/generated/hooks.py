"""`schemathesis run` through the guard: name this module in SCHEMATHESIS_HOOKS.

    whopwatch contract export -o whop.json
    export WHOP_BASE_URL=... WHOP_API_KEY=... WHOP_COMPANY_ID=...
    SCHEMATHESIS_HOOKS=suites.generated.hooks \\
      schemathesis --config-file suites/generated/schemathesis.toml run whop.json --url "$WHOP_BASE_URL"

From the moment Schemathesis loads it, nothing leaves its process but documented GETs to that target, at most
WHOPWATCH_BUDGET of them (default 600); the checks that judge single answers are registered, and the document gets
links between its reads. Schemathesis itself is never told the key. Its own reports quote what the API answered:
keep them where you would keep the data.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from typing import Any

import schemathesis

from suites.generated import checks, document
from whopwatch.config import SIMULATOR, resolve_target, target_name
from whopwatch.contract import load
from whopwatch.core.errors import UsageError
from whopwatch.generate.adapter import KEY_PLACEHOLDER, guarded_requests
from whopwatch.http import Client

BUDGET = int(os.environ.get("WHOPWATCH_BUDGET", "600"))
NAME = target_name(None, os.environ)
if NAME == SIMULATOR:
    raise UsageError(
        "There is nothing for schemathesis to run against.",
        where="environment variable WHOP_BASE_URL",
        expected="the base URL of the API, for instance one that `whopwatch simulate` prints",
        got="none",
    )
TARGET = resolve_target(NAME, os.environ)
CLIENT = Client(TARGET, load(), budget=BUDGET)
CHECKS = checks.CHECKS

_OPEN = ExitStack()
_OPEN.enter_context(CLIENT)
_OPEN.enter_context(guarded_requests(CLIENT))
atexit.register(_OPEN.close)


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Reads only, linked with each other: what else the document holds could not be sent anyway."""
    reads = [operation.id for operation in load().reads]
    raw_schema["paths"] = document.reads(document.linked(load(), TARGET), reads)["paths"]


@schemathesis.hook
def map_headers(_: schemathesis.HookContext, headers: dict[str, Any] | None) -> dict[str, Any]:
    """The sign at which the client puts the target's key in."""
    return {**(headers or {}), "Authorization": KEY_PLACEHOLDER}


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """The company that the key belongs to, in place of a made-up one."""
    known = document.given(TARGET)
    return {name: known.get(name, value) for name, value in query.items()} if query else query
