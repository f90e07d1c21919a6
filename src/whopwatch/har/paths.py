"""Which documented path a URL is, and what stands in the place of its parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from whopwatch.contract import Operation


def read_path(operation: Operation, path: str) -> tuple[str, dict[str, str]]:
    """The template of `operation` that `path` (below the base URL) was made from, and its parameters.

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
