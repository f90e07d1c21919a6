"""Addresses of pages of the documentation, for reports, alerts and help texts."""

from __future__ import annotations

import os
from functools import cache

DOCUMENTATION_VARIABLE = "WHOPWATCH_DOCS_URL"
"""The environment variable with the address of a copy of the documentation, for networks that reach no other."""


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
