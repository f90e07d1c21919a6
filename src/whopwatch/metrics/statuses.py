"""Classes of status, as labels: a closed set, whatever three digits a server sends."""

from __future__ import annotations

CODE_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
NO_CLASS = "5xx"
"""What a status outside of 100 to 599 counts as (RFC 9110, section 15)."""


def code_class(status: int) -> str:
    """The class that `status` is counted under."""
    name = f"{status // 100}xx"
    return name if name in CODE_CLASSES else NO_CLASS
