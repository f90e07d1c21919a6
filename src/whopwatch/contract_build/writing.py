"""A folder that turns out not to be writable is a mistake to be told of, not a bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from whopwatch.core.errors import SourceError

CACHE_HINT = "name another folder with --cache-dir"


@contextmanager
def writing_to(folder: Path, what: str, hint: str) -> Iterator[None]:
    """What the block writes goes below `folder`; raises SourceError, which begins with `what`, where that fails."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            what,
            where=str(folder),
            expected="a folder that may be written",
            got=error.strerror or type(error).__name__,
            hint=hint,
        ) from None
