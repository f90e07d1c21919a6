"""The version that an API says it answers with, and the versions that it says it supports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import version_order
from whopwatch.core.exchange import Exchange

NO_VERSION = "0001-01-01"
"""A version that no API supports: a request for it is rejected with the list of supported ones."""
MAX_SUPPORTED = 500
"""Supported versions that are read from one response, the newest ones."""
_VERSION = re.compile(r"\b\d{4}-\d\d-\d\d(?:-\d+)?\b")


class VersionEvidence(StrEnum):
    """What shows the version that answers, the surest first."""

    REJECTED = "rejected"
    """The API returned 400 for the version that was requested."""
    HEADER = "header"
    """The responses name their version."""
    RESPONSES = "responses"
    """The responses match the schemas of one version."""
    UNKNOWN = "unknown"
    """Nothing showed it."""


@dataclass(frozen=True, slots=True)
class AnsweredVersion:
    """The version that answers.

    `requested` is the value of the header that was sent, None if none was sent. `version` is the version that answers,
    None if it is not known. `supported` are the versions that the API listed, if it did. `matches` says whether the
    contract is of that version; without evidence it is assumed to be.
    """

    requested: str | None
    version: str | None = None
    evidence: VersionEvidence = VersionEvidence.UNKNOWN
    supported: tuple[str, ...] = ()
    matches: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the record as the JSON report has it."""
        return {
            "requested": self.requested,
            "answered": self.version,
            "evidence": str(self.evidence),
            "supported": list(self.supported),
        }


def supported_versions(exchange: Exchange) -> tuple[str, ...] | None:
    """Return the versions that a 400 about the version header lists, the oldest first; None for anything else."""
    if exchange.status != 400 or str(exchange.error.get("param")).lower() != VERSION_HEADER.lower():
        return None
    found = _VERSION.findall(exchange.body.decode("utf-8", "replace"))
    known = sorted({version for version in found if version != NO_VERSION}, key=version_order)
    return tuple(known[-MAX_SUPPORTED:])
