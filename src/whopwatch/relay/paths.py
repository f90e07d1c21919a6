"""What a concrete path says: which of an operation's templates it is of, and what stands in its places."""

from __future__ import annotations

import re
from urllib.parse import unquote

from whopwatch.contract import Operation


def filled(operation: Operation, path: str) -> tuple[str, dict[str, str]]:
    """The template that `path` (below the base URL) fills, and its parameters, decoded.

    Raises ValueError where it fills none.
    """
    for template in (operation.path, *operation.alternate_paths):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/?#]+)", re.escape(template))
        if match := re.fullmatch(pattern, path):
            return template, {name: unquote(value) for name, value in match.groupdict().items()}
    raise ValueError(f"{operation.id} has another path")
