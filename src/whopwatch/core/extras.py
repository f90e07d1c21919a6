"""Which extra installs a package that the base installation lacks."""

from __future__ import annotations

import shlex
import sys

from whopwatch.core.errors import UsageError

EXTRAS = {
    "anyio": ("simulator", "mcp"),
    "httpx": ("simulator", "webhook"),
    "httpx2": ("mcp",),
    "hypothesis": ("generate",),
    "jsonpath_rfc9535": ("build",),
    "mcp": ("mcp",),
    "mcp_types": ("mcp",),
    "openapi_spec_validator": ("build",),
    "prometheus_client": ("probe", "webhook"),
    "pytest": ("pytest",),
    "requests": ("generate",),
    "schemathesis": ("generate",),
    "starlette": ("simulator", "webhook", "mcp"),
    "tree_sitter": ("build",),
    "tree_sitter_typescript": ("build",),
    "urllib3": ("generate",),
    "uvicorn": ("simulator", "webhook", "mcp"),
}
"""The import name of each optional package, and the extras that install it."""


class MissingExtraError(UsageError):
    """A package that the command needs is not installed."""


def missing_extra(error: ModuleNotFoundError, wanted: str = "") -> MissingExtraError | None:
    """Return the error that names the extra to install, or None if `error` is about another module.

    If several extras install the module, the one called `wanted` is named, else the first.
    """
    module = (error.name or "").partition(".")[0]
    extras = EXTRAS.get(module)
    if extras is None:
        return None
    extra = wanted if wanted in extras else extras[0]
    # Name this interpreter: another pip would install into another environment.
    return MissingExtraError(
        f"This needs the extra {extra!r} of whopwatch: the package {module} is not installed.",
        hint=f"{shlex.quote(sys.executable)} -m pip install 'whopwatch[{extra}]'",
    )
