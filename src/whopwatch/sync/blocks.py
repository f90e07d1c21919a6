"""Entries taken out of a YAML file that is written by hand, its comments and everything else left as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml


def without_entries(text: str, key: str, is_wanted: Callable[[int, dict[str, Any]], bool]) -> str:
    """`text` without those entries of the list under `key` that are not wanted; numbers count from 1."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    entries = next(value for name, value in root.value if name.value == key)
    loaded = yaml.safe_load(text)[key]
    lines = text.splitlines(keepends=True)
    for index in reversed(range(len(loaded))):
        if not is_wanted(index + 1, loaded[index]):
            first, last = entries.value[index].start_mark.line, _end(entries.value[index], lines)
            del lines[first:last]
    return "".join(lines)


def _end(node: yaml.Node, lines: list[str]) -> int:
    """The line after the entry; comments before the next one belong to that."""
    # A block ends where the next thing begins, one in brackets in its own last line.
    is_block = node.end_mark.column <= node.start_mark.column
    last: int = node.end_mark.line if is_block else node.end_mark.line + 1
    while last > node.start_mark.line + 1 and not _is_content(lines[last - 1]):
        last -= 1
    return last


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
