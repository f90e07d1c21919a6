"""Find out which dated version of the API answers, before anything is judged.

Three things tell it, in this order: a 400 that names the version header, an echo of the header in the responses, and
the responses themselves, which match the schemas of one version and not those of another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from whopwatch.contract import Contract
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import version_order
from whopwatch.core.exchange import Exchange

ENOUGH_RESPONSES = 4
"""Responses with content after which they decide, if no header does."""
JUDGED_ITEMS = 100
"""Items of a page that are compared with a schema to tell versions apart."""
STRUCTURAL = 3
"""Places of one response that break its schema. A fault breaks one or two; another version breaks many."""
OtherContracts = Callable[[], Sequence[Contract]]
_VERSION = re.compile(r"\b\d{4}-\d\d-\d\d(?:-\d+)?\b")


def no_others() -> Sequence[Contract]:
    """Return no contract: the version of the run's own contract is the only one at hand."""
    return ()


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
    if exchange.status != 400 or not isinstance(exchange.json, dict):
        return None
    error = exchange.json.get("error")
    if not isinstance(error, dict) or str(error.get("param", "")).lower() != VERSION_HEADER.lower():
        return None
    found = _VERSION.findall(exchange.body.decode("utf-8", "replace"))
    return tuple(sorted(dict.fromkeys(found), key=version_order))


def schema_places(contract: Contract, exchange: Exchange) -> int | None:
    """Return how many places of a response break the schema in `contract`; None if it has no schema to compare.

    The operation is looked up by method and path, because operations have other names in other versions. A body
    without items shows nothing.
    """
    value, problem = exchange.parsed
    if problem is not None or not exchange.ok or not _has_content(value):
        return None
    operation = contract.operations.get(exchange.operation)
    if operation is None or operation.path != _path_template(exchange, operation.path):
        operation = contract.match(exchange.method, _path_below_base(exchange))
    if operation is None or operation.success.schema is None:
        return None
    validator = contract.validator(operation.success.pointer, operation.api)
    if validator.is_valid(value):
        return 0
    return len({violation.location for violation in validator.violations(_shortened(value))})


def _shortened(value: Any) -> Any:
    """Return a page with its first items only: each error of the validator takes a kilobyte."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return {**value, "data": value["data"][:JUDGED_ITEMS]}
    return value


def _has_content(value: Any) -> bool:
    if isinstance(value, dict) and isinstance(value.get("data"), list) and "page_info" in value:
        return bool(value["data"])
    return isinstance(value, dict)


def _path_below_base(exchange: Exchange) -> str:
    path = urlsplit(exchange.url).path
    _, _, rest = path.partition("/v1/")
    return f"/{rest}" if rest else path


def _path_template(exchange: Exchange, template: str) -> str | None:
    """Return `template` if the path of the exchange fits it, None if not."""
    pattern = re.sub(r"\\\{[^{}]*\\\}", "[^/]+", re.escape(template))
    return template if re.fullmatch(f".*{pattern}", urlsplit(exchange.url).path) else None


class VersionDetector:
    """Collect the first responses of a run and say which version they are of.

    `contract` is the contract of the run. `others` returns the contracts of the other versions at hand; it is called
    only if responses do not match `contract`. `requested` is the header that is sent.
    """

    def __init__(self, contract: Contract, others: OtherContracts = no_others, *, requested: str | None = None) -> None:
        self._contract = contract
        self._others = others
        self._requested = requested
        self._places: list[dict[str | None, int]] = []
        self._echoes: dict[str, str] = {}
        self.answer = AnsweredVersion(requested)
        self.is_decided = False

    def record(self, exchange: Exchange) -> None:
        """Take in one exchange; does nothing once the version is decided."""
        if self.is_decided or exchange.credential != "key":
            return
        supported = supported_versions(exchange)
        if supported is not None:
            self._decide(None, VersionEvidence.REJECTED, matches=False, supported=supported)
            return
        echoed = _echoed(exchange)
        if echoed is not None and echoed == self._contract.version:
            self._decide(echoed, VersionEvidence.HEADER, matches=True)
            return
        own = schema_places(self._contract, exchange)
        if echoed is not None and self._is_sure(echoed, exchange.operation, own):
            self._decide(echoed, VersionEvidence.HEADER, matches=False)
        elif own is not None:
            self._places.append(self._compared(exchange, own))
            if len(self._places) >= ENOUGH_RESPONSES:
                self._decide_by_responses()

    def conclude(self) -> None:
        """Decide by fewer responses than usual, if they all match another contract at hand: no more will come."""
        own = self._contract.version
        if self.is_decided or not self._places or any(places[own] < STRUCTURAL for places in self._places):
            return
        fits = {min(places, key=lambda version: places[version]) for places in self._places}
        if len(fits) == 1 and fits != {own} and all(min(places.values()) * 3 <= places[own] for places in self._places):
            self._decide(fits.pop(), VersionEvidence.RESPONSES, matches=False)

    def _is_sure(self, echoed: str, operation: str, own: int | None) -> bool:
        """Check that a header is more than a slip of one operation: the body agrees, or another operation does."""
        self._echoes[operation] = echoed
        return own is None or own >= STRUCTURAL or list(self._echoes.values()).count(echoed) > 1

    def _compared(self, exchange: Exchange, own: int) -> dict[str | None, int]:
        """Return the broken places of a response by version; other contracts only if it does not match ours."""
        places: dict[str | None, int] = {self._contract.version: own}
        for other in self._others() if own >= STRUCTURAL else ():
            found = schema_places(other, exchange)
            if found is not None and other.version != self._contract.version:
                places[other.version] = found
        return places

    def _decide(
        self, version: str | None, evidence: VersionEvidence, *, matches: bool, supported: tuple[str, ...] = ()
    ) -> None:
        self.answer = AnsweredVersion(self._requested, version, evidence, supported, matches)
        self.is_decided = True

    def _decide_by_responses(self) -> None:
        """Decide for another version only if most responses break the contract in many places."""
        own = self._contract.version
        foreign = [places for places in self._places if places[own] >= STRUCTURAL]
        if len(foreign) * 3 < len(self._places) * 2:
            self._decide(own, VersionEvidence.RESPONSES, matches=True)
            return
        fits = Counter[str | None]()
        for places in foreign:
            best = min(places, key=lambda version: places[version])
            fits[best if places[best] * 3 <= places[own] else None] += 1
        version = fits.most_common(1)[0][0]
        self._decide(version, VersionEvidence.RESPONSES, matches=False)


def answered_by_other_version(
    contract: Contract, exchanges: Iterable[Exchange], others: Sequence[Contract] = ()
) -> Mapping[int, str]:
    """Return the exchanges that another version than the contract's answered: the version by position in `exchanges`.

    A response is of another version if it breaks the contract in many places, and its header names another version or
    it matches the schema of one of `others` exactly. A header alone is a finding of the `deprecation` check.
    """
    found = ((number, _other_version(contract, exchange, others)) for number, exchange in enumerate(exchanges))
    return {number: version for number, version in found if version is not None}


def _other_version(contract: Contract, exchange: Exchange, others: Sequence[Contract]) -> str | None:
    echoed = _echoed(exchange)
    if not others and echoed in (None, contract.version):
        return None
    if (schema_places(contract, exchange) or 0) < STRUCTURAL:
        return None
    if echoed is not None:
        return echoed if echoed != contract.version else None
    matching = (other.version for other in others if schema_places(other, exchange) == 0)
    return next((version for version in matching if version != contract.version), None)


def _echoed(exchange: Exchange) -> str | None:
    """Return the version that the response's header names, None if it names none."""
    value = (exchange.header(VERSION_HEADER) or "").strip()
    return value if _VERSION.fullmatch(value) else None


def mismatch_sentence(answer: AnsweredVersion, contract: Contract) -> str:
    """Return one sentence about a version that is not the contract's, with the commands that resolve it."""
    own = contract.version or str(contract.edition)
    if answer.evidence is VersionEvidence.REJECTED:
        newest = f", the newest is {answer.supported[-1]}" if answer.supported else ""
        listed = f" It supports {len(answer.supported)} versions{newest}." if answer.supported else ""
        choice = answer.supported[-1] if answer.supported else "newest"
        return (
            f"The API rejects version {answer.requested} (400).{listed} "
            f"Use `--api-version {choice}` with `--contract {choice}`, or `--contract auto`."
        )
    answered = f"version {answer.version}" if answer.version else "another version, which no contract at hand matches"
    sure = "" if answer.evidence is VersionEvidence.HEADER else ", judged by its responses"
    if answer.version:
        fix = f"Use `--contract {answer.version}` to check it as it is, or `--api-version {own}` to request {own}."
    else:
        fix = f"Use `--api-version {own}` to request {own}, or `--contract auto` to use the nearest contract."
    return f"The API answers {answered}{sure}; the contract is of {own}. {fix}"
