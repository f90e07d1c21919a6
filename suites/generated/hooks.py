"""Run `schemathesis run` through the guarded client: name this module in SCHEMATHESIS_HOOKS.

    whopwatch contract export -o whop.json
    export WHOP_BASE_URL=... WHOP_API_KEY=... WHOP_COMPANY_ID=...
    SCHEMATHESIS_HOOKS=suites.generated.hooks \\
      schemathesis --config-file suites/generated/schemathesis.toml run whop.json --url "$WHOP_BASE_URL"

After Schemathesis has loaded it, its process sends only documented GETs to that target, at most WHOPWATCH_BUDGET of
them (default 600). The checks of single responses are registered, and the document gets links between its reads.
Schemathesis itself never gets the key. Its own reports quote responses: store them like the data.
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
from whopwatch.usage.impact import choose_profile

checks.use_profile(choose_profile(None, None))
BUDGET = int(os.environ.get("WHOPWATCH_BUDGET", "600"))
NAME = target_name(None, os.environ)
if NAME == SIMULATOR:
    raise UsageError(
        "schemathesis needs the URL of an API.",
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
    """Keep the reads only, and link them: the guard would reject everything else."""
    reads = [operation.id for operation in load().reads]
    raw_schema["paths"] = document.reads(document.linked(load(), TARGET), reads)["paths"]


@schemathesis.hook
def map_headers(_: schemathesis.HookContext, headers: dict[str, Any] | None) -> dict[str, Any]:
    """Set the placeholder that the client replaces with the target's key."""
    return {**(headers or {}), "Authorization": KEY_PLACEHOLDER}


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Use the company that the key belongs to instead of a generated id."""
    known = document.given(TARGET)
    return {name: known.get(name, value) for name, value in query.items()} if query else query
