"""Send requests: the only module that opens connections to a target.

Names are imported on first use, so that code that needs only Call does not load the HTTP library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whopwatch.http.call import Call, url_of
    from whopwatch.http.client import Attempts, Client
    from whopwatch.http.limits import Limits, Rate, RunBudget, SharedBudget
    from whopwatch.http.sender import Guard
    from whopwatch.http.wire import Transport

_MODULES = {
    "Attempts": "client",
    "Call": "call",
    "Client": "client",
    "Guard": "sender",
    "Limits": "limits",
    "Rate": "limits",
    "RunBudget": "limits",
    "SharedBudget": "limits",
    "Transport": "wire",
    "url_of": "call",
}

__all__ = ["Attempts", "Call", "Client", "Guard", "Limits", "Rate", "RunBudget", "SharedBudget", "Transport", "url_of"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
