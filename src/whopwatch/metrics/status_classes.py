"""Status classes as label values: a closed set, whatever three digits a server sends."""

from __future__ import annotations

CODE_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
INVALID_STATUS_CLASS = "5xx"
"""The class of a status outside 100 to 599 (RFC 9110, section 15)."""


def code_class(status: int) -> str:
    """Return the class that `status` is counted under."""
    name = f"{status // 100}xx"
    return name if name in CODE_CLASSES else INVALID_STATUS_CLASS
