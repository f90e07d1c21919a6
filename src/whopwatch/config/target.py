"""Target and Secret: what everything below the command line knows of configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from whopwatch.core.errors import UsageError

PRODUCTION_HOSTS = frozenset({"api.whop.com", "whop.com", "www.whop.com"})
"""Hosts of the live API. Nothing is ever written there, under whatever name a target goes."""


class Secret:
    """A key that shows itself only where it is asked to: `reveal()` is the one way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written to a file or sent to another process")


@dataclass(frozen=True)
class Target:
    """One API that can be checked.

    `base_url` ends with the version (`https://api.whop.com/api/v1`) and has no trailing slash. `rate` is in
    requests a second, None for unpaced. `known_ids` gives, by resource, an id to begin with where no list
    leads to one.
    Raises UsageError for a writable target on a production host.
    """

    name: str
    base_url: str
    v2_base_url: str
    api_key: Secret | None = None
    company_id: str | None = None
    writable: bool = False
    rate: float | None = None
    api_version_date: str | None = None
    known_ids: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.writable and self.is_production:
            raise UsageError(
                "Nothing is ever written to production.",
                where=f"target {self.name!r}",
                expected="a read-only target",
                hint="run the writing checks at the simulator or at the sandbox",
            )

    @property
    def is_production(self) -> bool:
        """Whether the target is the live API, whatever it is called."""
        return self.name == "production" or urlsplit(self.base_url).hostname in PRODUCTION_HOSTS
