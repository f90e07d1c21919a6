"""Single values that look like what their field holds. Which form a field has is declared in `values.toml`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from whopwatch.simulator.relations import data
from whopwatch.simulator.shape import Node

ALPHABETS = {
    "hex": "0123456789abcdef",
    "digits": "0123456789",
    "alnum": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
}
DAY_MS = 86_400_000
_LATER = re.compile(
    r"expires?_at|due_date|renewal_period_end|estimated_availability|delivery_estimate|needs_response_by"
)
_SLOT = re.compile(r"\{(\w+)(?::(\d+))?\}")

Filler = Callable[[random.Random, int], str]


def iso(milliseconds: int) -> str:
    """A moment as the API writes it: UTC with milliseconds."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def milliseconds(text: str) -> int:
    """The inverse of `iso`, for any date or date-time that Python reads; raises ValueError."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def random_text(alphabet: str, length: int, rng: random.Random) -> str:
    """`length` characters of one of the ALPHABETS."""
    characters = ALPHABETS[alphabet]
    return "".join([characters[int(rng.random() * len(characters))] for _ in range(length)])


def leaf(node: Node, name: str, n: int, created: int, rng: random.Random) -> Any:
    """A value of a string, number, boolean, map or free Node without enum; `created` in milliseconds."""
    if node.kind == "string":
        if node.format == "date-time":
            return _moment(name, created, rng)
        return iso(created)[:10] if node.format == "date" else _filler(name)(rng, n)
    if node.kind in ("integer", "number"):
        low, high = _range(name)
        whole = low + int(rng.random() * (high - low + 1))
        cents = (0.0, 0.5, 0.99)[int(rng.random() * 3)] if low < whole < high else 0.0
        return whole if node.kind == "integer" else whole + cents
    if node.kind == "boolean":
        return bool(n % 2) if name == "verified" else rng.random() < 0.5
    return {} if rng.random() < 0.3 else {"source": "import", "batch": int(rng.random() * 9)}


def _moment(name: str, created: int, rng: random.Random) -> str:
    if name in ("created_at", "provider_created_at"):
        return iso(created)
    days = 30 + rng.random() * 300 if _LATER.fullmatch(name) else rng.random() * 20
    return iso(created + int(days * DAY_MS))


@cache
def _declared() -> dict[str, Any]:
    return data("values.toml")


@cache
def _filler(name: str) -> Filler:
    form = next(entry["form"] for entry in _declared()["string"] if re.fullmatch(entry["name"], name))
    parts: list[Filler | str] = []
    end = 0
    for match in _SLOT.finditer(form):
        parts += [form[end : match.start()], _slot(match[1], match[2])]
        end = match.end()
    parts.append(form[end:])
    return lambda rng, n: "".join([part if isinstance(part, str) else part(rng, n) for part in parts])


def _slot(name: str, length: str | None) -> Filler:
    if name == "n":
        return lambda rng, n: str(n)
    if length is not None:
        return lambda rng, n: random_text(name, int(length), rng)
    words = _declared()["words"][name.lower()]
    if name[0].isupper():
        words = [word.upper() if name.isupper() else word.title() for word in words]
    return lambda rng, n: str(words[int(rng.random() * len(words))])


@cache
def _range(name: str) -> tuple[int, int]:
    entry = next(entry for entry in _declared()["number"] if re.fullmatch(entry["name"], name))
    return entry["low"], entry["high"]
