"""The content of a recording: its exchanges, what was ignored, and the facts of the run that wrote it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from whopwatch.contract import Operation
from whopwatch.core.exchange import Exchange

EXTENSION_KEY = "_whopwatch"
"""The key of what whopwatch adds to an archive: HAR reserves names with an underscore for extensions."""


@dataclass(frozen=True)
class Facts:
    """The facts that whopwatch writes into a recording: the base URLs of the target, and the run's observation."""

    base_url: str
    v2_base_url: str
    run: Mapping[str, Any]


@dataclass(frozen=True)
class Recording:
    """The exchanges of an archive with documented operations, in their order.

    `ignored` counts entries that say nothing about it, by the reason; `unmatched` those at its address that no
    documented operation matches, as `GET /things/*`. `facts` is None for an archive that no run of ours wrote.
    """

    exchanges: tuple[Exchange, ...]
    ignored: Counter[str]
    unmatched: Counter[str]
    facts: Facts | None = None


def match_path(operation: Operation, path: str) -> tuple[str, dict[str, str]]:
    """Return the path template of `operation` that matches `path` (without the base URL), and its parameters.

    Raises ValueError where it was made from none of them.
    """
    for template in (operation.path, *operation.alternate_paths):
        found = _pattern(template).fullmatch(path)
        if found:
            return template, {name: unquote(text) for name, text in found.groupdict().items()}
    raise ValueError("not a path of this operation")


@lru_cache(maxsize=512)
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    fixed, names = map(re.escape, parts[::2]), parts[1::2]
    groups = [f"(?P<{name}>[^/]+)" for name in names]
    return re.compile("".join(text + group for text, group in zip(fixed, [*groups, ""], strict=True)))
