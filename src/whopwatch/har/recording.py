"""What an archive comes to: exchanges, what was left out of it, and what its run knew besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.core.exchange import Exchange

OWN = "_whopwatch"
"""The key of what whopwatch adds to an archive; HAR reserves names with an underscore for that."""


@dataclass(frozen=True)
class Facts:
    """What a run of ours knew beside its exchanges: the base URLs of its target, and of itself what JSON can hold."""

    base_url: str
    v2_base_url: str
    run: Mapping[str, Any]


@dataclass(frozen=True)
class Recording:
    """The exchanges of an archive that are about the API, in their order.

    `ignored` counts entries that say nothing about it, by the reason; `unmatched` those at its address that no
    documented operation matches, as `GET /things/*`. `facts` is None for an archive that no run of ours wrote.
    """

    exchanges: tuple[Exchange, ...]
    ignored: Counter[str]
    unmatched: Counter[str]
    facts: Facts | None = None
