"""The errors that whopwatch raises on purpose, and the words that they share.

An error says what is wrong, where, what was expected, what was found and what to do. It shows the user's own input,
and never a key or a value of a response.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import TypeVar

from whopwatch.core.redaction import sanitize

Entry = TypeVar("Entry")

EXIT_CLEAN = 0
EXIT_DRIFT = 1
EXIT_USAGE = 2
EXIT_COULD_NOT_CHECK = 3
INTERRUPTED = "interrupted before the run was complete"
"""Why a run ended that Ctrl-C or SIGTERM stopped."""
EXIT_INTERRUPTED = 130
"""The exit code of shells after Ctrl-C: 128 plus the number of the signal."""
_LIKE_A_KEY = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_\-+/=]{20,}|(?:apik|whsec|sk|pk|ghp|xox.)[_-].*", re.DOTALL)
EXTRAS = {
    "httpx2": ("mcp",),
    "hypothesis": ("generate",),
    "jsonpath_rfc9535": ("build",),
    "mcp": ("mcp",),
    "mcp_types": ("mcp",),
    "opentelemetry": ("otel",),
    "openapi_spec_validator": ("build",),
    "prometheus_client": ("probe", "webhook"),
    "pytest": ("pytest",),
    "requests": ("generate",),
    "schemathesis": ("generate",),
    "tree_sitter": ("build",),
    "tree_sitter_typescript": ("build",),
    "urllib3": ("generate",),
}
"""The import name of each optional package, and the extras that install it."""


class WhopwatchError(Exception):
    """A problem that a person has to fix; the command exits with `exit_code`."""

    exit_code = EXIT_USAGE

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.hint = hint

    def __str__(self) -> str:
        """Return one fact per line: what, where, expected, got, what to do."""
        facts = [
            ("where", self.where),
            ("expected", self.expected),
            ("got", self.got),
            ("what to do", self.hint),
        ]
        return "\n".join([sanitize(self.what), *(f"  {label}: {sanitize(fact)}" for label, fact in facts if fact)])


class UsageError(WhopwatchError):
    """An unusable option, argument or environment variable."""


class ConfigError(WhopwatchError):
    """An invalid configuration file."""


class ContractError(WhopwatchError):
    """A contract that is missing, damaged or does not match its digests."""


class SourceError(WhopwatchError):
    """A source of the contract (an SDK package, a registry client) that is missing or is not the pinned one."""


class UnreachableSourceError(SourceError):
    """A source that could not be fetched: no registry client, no network, or no such release."""

    exit_code = EXIT_COULD_NOT_CHECK


class UnsafeRequestError(WhopwatchError):
    """A request that the mode of the target forbids; it was not sent."""


class BudgetExhaustedError(WhopwatchError):
    """The run has used up its request budget."""

    exit_code = EXIT_COULD_NOT_CHECK


class ResponsesTooLargeError(BudgetExhaustedError):
    """The responses of the run take as much memory as it may use."""


class TimeLimitReachedError(BudgetExhaustedError):
    """The run may take no more time."""


class TargetError(WhopwatchError):
    """The target could not be checked: it is unreachable, rejects the key, or is not the API."""

    exit_code = EXIT_COULD_NOT_CHECK


def quoted_input(value: str) -> str:
    """Return the user's input in quotes, at most 60 characters, and without a value that looks like a key.

    A key that was given in the wrong place would otherwise be in the log of every CI run.
    """
    if any(_LIKE_A_KEY.fullmatch(part) for part in re.split(r"[\s/@:?&#]+", value)):
        return f"a value of {len(value)} characters that may contain a key"
    return repr(value if len(value) <= 60 else f"{value[:57]}...")


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a suggestion for the misspelt `name` from the `known` names, or None if none is close."""
    from difflib import get_close_matches  # slow, and few runs need it

    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None


def entry_named(name: str, table: Mapping[str, Entry], kind: str) -> Entry:
    """Return the entry of `table` called `name`. Raise UsageError, with a suggestion, for an unknown `kind`."""
    if name not in table:
        raise UsageError(
            f"Unknown {kind} {name!r}.",
            expected=f"one of {', '.join(table)}",
            got=repr(name),
            hint=did_you_mean(name, table),
        )
    return table[name]


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
    named = f"'whopwatch[{extra}]'"
    # Name this interpreter: another pip would install into another environment. Environments of uv have no pip.
    python = shlex.quote(sys.executable)
    hint = f"{python} -m pip install {named}"
    if find_spec("pip") is None:
        hint = (
            f"uv pip install --python {shlex.quote(sys.executable)} {named}, or with uvx: uvx --from {named} whopwatch"
        )
    return MissingExtraError(
        f"This needs the extra {extra!r} of whopwatch: the package {module} is not installed.",
        hint=hint,
    )
