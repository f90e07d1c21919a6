"""What is kept of a value: its kind. Nothing here returns a value, a part of one, or anything one could be made of."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import blake2b
from math import floor, log10
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
ID = re.compile(r"([a-z][a-z0-9]{0,11}(?:_[a-z]{1,8})?_)[A-Za-z0-9]{6,64}")
DECIMAL = re.compile(r"-?\d{1,18}\.(\d{1,9})")
LENGTHS = (0, 8, 32, 128, 1024)
"""Upper bounds of the classes of a text's length, in characters."""
SIZES = (0, 1, 10, 100)
"""Upper bounds of the classes of an array's size."""


class Digests:
    """Keyed digests: equal things have equal ones within one baseline, and in no other."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def of(self, text: str) -> str:
        """12 hex digits."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6, key=self._salt).hexdigest()


def traits(value: Any) -> list[str]:
    """The traits of a value that is not null, each `kind` or `kind:detail`: format, precision."""
    if isinstance(value, str):
        return [*_filled(value), *_of_text(value)]
    if isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return ["fraction"] if value % 1 else []
    return _filled(value)


def _filled(value: Any) -> list[str]:
    return ["filled"] if value else []


def beginning(value: Any, prefixes: Collection[str], digests: Digests) -> list[str]:
    """The trait of what an id begins with; one that is not documented anywhere is kept as a digest."""
    match = ID.fullmatch(value) if isinstance(value, str) else None
    return [f"prefix:{match[1] if match[1] in prefixes else '#' + digests.of(match[1])}"] if match else []


def _of_text(text: str) -> list[str]:
    if not text or not (text[0].isdigit() or text[0] == "-"):
        return []
    if match := TIME.fullmatch(text):
        zone = match[2] if match[2] in ("Z", "+00:00") else "offset"
        return [f"time:{_digits(match[1])}{zone}"]
    if DATE.fullmatch(text):
        return ["time:date"]
    if match := DECIMAL.fullmatch(text):
        return [f"decimals:{len(match[1])}"]
    return []


def _digits(fraction: str | None) -> int:
    """The precision of a time in decimals: none, milli-, micro- or nanoseconds. Zeros at the end may be left out."""
    return 0 if fraction is None else 3 * ((len(fraction) + 2) // 3)


def magnitude(value: float) -> int:
    """The power of ten of a number that is not 0: 1 for 10 to 99."""
    try:
        return floor(log10(abs(value)))
    except (OverflowError, ValueError):
        return 999


def size_class(size: int, bounds: tuple[int, ...]) -> str:
    """The class of a length or size: `0`, `1-8`, ..., `1025+`."""
    low = 0
    for bound in bounds:
        if size <= bound:
            return f"{low}-{bound}" if low < bound else str(bound)
        low = bound + 1
    return f"{low}+"
