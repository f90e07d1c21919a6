"""Parts of sentences in reports, alerts and help texts: counts, lists that are cut, addresses of the documentation."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

DOCUMENTATION_VARIABLE = "WHOPWATCH_DOCS_URL"
"""The environment variable with the address of a copy of the documentation, for networks that reach no other."""


def plural(count: int, noun: str) -> str:
    """Return `3 findings`, `1 finding` or `no findings`."""
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def and_more(rest: int) -> str:
    """Return ` and 3 more` for what a list leaves out, an empty string if it leaves out nothing."""
    return f" and {rest} more" if rest > 0 else ""


def first_few(values: Iterable[object], most: int) -> str:
    """Return `a, b, c and 4 more`: at most `most` of the values, and the number of the others."""
    texts = [str(value) for value in values]
    return ", ".join(texts[:most]) + and_more(len(texts) - most)


def documentation_page(path: str, anchor: str = "") -> str:
    """Return the address of a page: `docs/reference/metrics.md` is a file of the repository.

    The site has the folders of the repository, so that a page has the same path in both.
    """
    base = os.environ.get(DOCUMENTATION_VARIABLE) or _published()
    return f"{base.rstrip('/')}/{path.removesuffix('.md')}/" + (f"#{anchor}" if anchor else "")


@cache
def _published() -> str:
    from importlib.metadata import metadata  # slow, and a run without findings prints no link

    urls: dict[str, str] = dict(entry.split(", ", 1) for entry in metadata("whopwatch").get_all("Project-URL") or ())
    return urls.get("Documentation", "")
