"""Releases of the official SDKs as a person names them: `sdk:VERSION` for Python, `npm:VERSION` for TypeScript."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from whopwatch.contract import edition_dir
from whopwatch.contract.loader import NEWEST
from whopwatch.contract_build.fetch import published_versions, version_key
from whopwatch.contract_build.sources import Package, Sources
from whopwatch.core.errors import SourceError, UsageError

LANGUAGES = {"sdk": "Python", "npm": "TypeScript"}
"""What a release is called by, and the language whose SDK it is."""

_NAMED = re.compile(r"(sdk|npm):(.+)")
_VERSION = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True, slots=True)
class Release:
    """One release: `sdk` (Python) or `npm` (TypeScript), and its version or `newest`."""

    registry: str
    version: str

    def __str__(self) -> str:
        """Return the name as on the command line."""
        return f"{self.registry}:{self.version}"

    @property
    def language(self) -> str:
        """The language it is for."""
        return LANGUAGES[self.registry]

    @property
    def is_newest(self) -> bool:
        """Whether it is whatever release is the newest, and only the registry knows which that is."""
        return self.version == NEWEST

    def package(self) -> Package:
        """Return where releases of its language come from."""
        return Sources.read(edition_dir()).packages[self.language.lower()]


def named_release(text: str) -> Release | None:
    """Return the release that `text` names (`latest` is `newest`), None if it does not begin with `sdk:` or `npm:`.

    Raises UsageError where what follows is no version.
    """
    match = _NAMED.fullmatch(text)
    if match is None:
        return None
    version = NEWEST if match[2] in (NEWEST, "latest") else match[2]
    if version != NEWEST and not _VERSION.fullmatch(version):
        raise no_such_release(text)
    return Release(match[1], version)


def no_such_release(text: str) -> UsageError:
    """Return the error for a string that should name a release."""
    return UsageError(
        "This names no release of an SDK.",
        expected="sdk:VERSION or npm:VERSION, where a version is such as 0.0.23, or newest",
        got=repr(text[:60]),
    )


def resolve_newest(release: Release) -> Release:
    """Return `release` with its version; for the newest release, ask the registry.

    Raise SourceError if the registry does not respond, or lists no version.
    """
    if not release.is_newest:
        return release
    package = release.package()
    known = published_versions(package.registry, package.name)
    if not known:
        raise SourceError(f"the registry lists no release of {package.name}", where=package.registry)
    return replace(release, version=max(known, key=version_key))
