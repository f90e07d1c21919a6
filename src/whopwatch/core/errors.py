"""Every error that whopwatch raises on purpose.

An error tells a person what is wrong, where, what was expected, what was there instead and what to do about it.
Its text never holds a key or a value out of a response.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_CLEAN = 0
EXIT_DRIFT = 1
EXIT_USAGE = 2
EXIT_COULD_NOT_CHECK = 3
EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells count it: 128 and the number of the signal."""


class WhopwatchError(Exception):
    """Something a person has to put right; `exit_code` is what the command ends with."""

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
        """One fact a line: what, where, expected, got, what to do."""
        facts = [
            ("where", self.where),
            ("expected", self.expected),
            ("got", self.got),
            ("what to do", self.hint),
        ]
        return "\n".join([self.what, *(f"  {label}: {fact}" for label, fact in facts if fact)])


class UsageError(WhopwatchError):
    """An option, argument or environment variable that cannot be used as it stands."""


class ConfigError(WhopwatchError):
    """A configuration file that says something it cannot mean."""


class ContractError(WhopwatchError):
    """A contract that is missing, damaged or not what its digests say."""


class SourceError(WhopwatchError):
    """A source of the contract (an SDK package, a registry client) that is missing or not the pinned one."""


class UnreachableSourceError(SourceError):
    """A source that could not be asked for: no registry client, no network, or no such release."""

    exit_code = EXIT_COULD_NOT_CHECK


class UnsafeRequestError(WhopwatchError):
    """A request that the target's mode forbids; it did not leave the process."""


class BudgetExhaustedError(WhopwatchError):
    """The run has sent as many requests as it was given."""


class TargetError(WhopwatchError):
    """The target could not be checked at all: unreachable, refused, or not the API."""

    exit_code = EXIT_COULD_NOT_CHECK


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A suggestion for a misspelt `name` out of the `known` ones, or None where nothing is close."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None
