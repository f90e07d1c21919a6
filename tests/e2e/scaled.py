"""The files of Prometheus and Alertmanager with all durations divided by one factor: minutes become seconds.

Names, thresholds and everything else stay, so the tested rules are the shipped ones with another clock.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

FACTOR = 60
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"\b(\d+)(ms|s|m|h|d)\b")
_WINDOW = re.compile(r"\[[^\]]*\]|\boffset\s+\d+(?:ms|s|m|h|d)\b")
TIMES = frozenset(
    {"for", "interval", "scrape_interval", "evaluation_interval", "group_wait", "group_interval", "repeat_interval"}
)
"""Keys whose value is a duration."""


def faster(text: str) -> str:
    """Return `text` with every duration divided by the factor, in milliseconds."""
    return _DURATION.sub(lambda match: f"{max(int(match[1]) * _MILLISECONDS[match[2]] // FACTOR, 1)}ms", text)


def scaled(node: Any) -> Any:
    """Return a YAML document with every duration divided: the values of TIMES, and the windows of expressions."""
    if isinstance(node, dict):
        return {key: faster(part) if key in TIMES else scaled(part) for key, part in node.items()}
    if isinstance(node, list):
        return [scaled(part) for part in node]
    return _WINDOW.sub(lambda match: faster(match[0]), node) if isinstance(node, str) else node


def read(path: Path) -> Any:
    """Return the scaled document of the file at `path`."""
    return scaled(yaml.safe_load(path.read_text(encoding="utf-8")))


def write(path: Path, document: Any) -> Path:
    """Write `document` as YAML to `path`."""
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=1000), encoding="utf-8")
    return path
