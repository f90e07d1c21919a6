"""Ask a target about API versions: which it supports, and to which the key and the webhooks are pinned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.contract.answered_version import supported_versions
from whopwatch.contract.loader import editions, is_version, version_at_or_before, version_order
from whopwatch.core.exchange import Exchange
from whopwatch.diff.result import compare_contracts
from whopwatch.http import Client, Transport
from whopwatch.run.abort import abort_reason
from whopwatch.run.api_version import request_first_page, request_supported_versions
from whopwatch.run.options import COMPARED, bundled_contracts, observe_version

SURVEY_BUDGET = 12
"""Requests that the questions take at most."""
_WEBHOOK_VERSION = re.compile(r"v\d{1,2}")


@dataclass(frozen=True)
class VersionSurvey:
    """What a target says about versions.

    `supported` are the versions that it lists, the oldest first, empty if it lists none. `key_version` is the version
    that answers requests without a version header, `key_evidence` how that is known (`key`, `header`, `responses`);
    both are None if it is not known. `webhooks` maps the id of each webhook to its version; `webhooks_listed` says
    whether the target listed them. `sent` counts the requests. `reason` says why the target could not be surveyed, None
    if it could.
    """

    supported: tuple[str, ...] = ()
    key_version: str | None = None
    key_evidence: str | None = None
    webhooks: Mapping[str, str] = field(default_factory=dict)
    webhooks_listed: bool = False
    sent: int = 0
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the survey as JSON, with the bundled editions."""
        return {
            "supported": list(self.supported),
            "key": {"version": self.key_version, "evidence": self.key_evidence},
            "webhooks": dict(self.webhooks),
            "webhooks_listed": self.webhooks_listed,
            "editions": [
                {"version": edition.version, "release": edition.release, "date": edition.date} for edition in editions()
            ],
            "requests": self.sent,
            **({"reason": self.reason} if self.reason else {}),
        }


@dataclass(frozen=True)
class VersionMove:
    """What a move from one bundled contract to a newer one changes: places by drift class, the most frequent first."""

    old: str
    new: str
    classes: Mapping[str, int]

    @property
    def command(self) -> str:
        """Return the command that lists the changes."""
        return f"whopwatch diff {self.old} {self.new}"

    def to_json(self) -> dict[str, Any]:
        """Return the move as JSON."""
        return {"from": self.old, "to": self.new, "classes": dict(self.classes), "command": self.command}


def newest_move(version: str | None) -> VersionMove | None:
    """Return what changes from the bundled contract that is nearest to `version` to the newest; None if nothing can."""
    contracts = {contract.version: contract for contract in bundled_contracts() if contract.version}
    old, new = version_at_or_before(version, contracts) if version else None, max(contracts, key=version_order)
    if old is None or old == new:
        return None
    places = compare_contracts(contracts[old], contracts[new]).places
    counts = Counter(place.finding.drift_class for place in places)
    return VersionMove(old, new, dict(counts.most_common()))


def survey_versions(
    contract: Contract, default: Contract, target: Target, transport: Transport | None = None
) -> VersionSurvey:
    """Ask `target` about versions, with at most SURVEY_BUDGET GET requests.

    `contract` is the newest one: it knows the operations that describe keys and webhooks. `default` is the contract to
    compare responses with if nothing else shows the version of the key.
    """
    plain = replace(target, api_version_date=None)
    seen: list[Exchange] = []
    budget = SURVEY_BUDGET - COMPARED
    with Client(plain, contract, budget=budget, transport=transport, on_exchange=seen.append) as client:
        supported = _supported(client, contract, default, target)
        newest = supported[-1] if supported else None
        key_version = _version_of_key(client, contract, target, newest)
        listed = _listed(client, contract, target, "webhooks", newest)
        sent = client.sent
    evidence = "key" if key_version else None
    reason = None
    if key_version is None:
        found = observe_version(default, target, transport)
        sent += found.sent
        answer = found.api_version
        if answer is not None and answer.version is not None:
            key_version, evidence = answer.version, str(answer.evidence)
        else:
            reason = (
                abort_reason(seen, has_key=target.api_key is not None) or (found.unusable and found.stopped) or None
            )
    has_listed = listed is not None and listed.ok
    return VersionSurvey(supported, key_version, evidence, _versions_of_webhooks(listed), has_listed, sent, reason)


def _supported(client: Client, contract: Contract, default: Contract, target: Target) -> tuple[str, ...]:
    """Return the versions that the API lists in the response to one that does not exist."""
    call = request_supported_versions(contract, target.company_id, default)
    return (supported_versions(client.send(call)) if call else None) or ()


def _version_of_key(client: Client, contract: Contract, target: Target, version: str | None) -> str | None:
    """Return the version that the list of keys shows for the key in use, found by its last characters."""
    if target.api_key is None:
        return None
    secret = target.api_key.reveal()
    found = [
        version
        for item in _items(_listed(client, contract, target, "keys", version))
        if (version := _shown_version(item.get("api_version_date")))
        and _is_end_of(item.get("obfuscated_secret_key"), secret)
    ]
    return found[0] if len(found) == 1 else None


def _is_end_of(shown: Any, secret: str) -> bool:
    tail = str(shown or "").rpartition("*")[2].rpartition(".")[2].rpartition("…")[2]
    return len(tail) >= 4 and secret.endswith(tail)


def _versions_of_webhooks(listed: Exchange | None) -> dict[str, str]:
    return {
        item["id"]: _shown_version(item.get("api_version_date")) or _shown_version(item.get("api_version")) or "unknown"
        for item in _items(listed)
        if isinstance(item.get("id"), str)
    }


def _shown_version(value: Any) -> str | None:
    """Return a value of a response if it has the form of a version: nothing else of a response may be printed."""
    return value if isinstance(value, str) and (is_version(value) or _WEBHOOK_VERSION.fullmatch(value)) else None


def _listed(client: Client, contract: Contract, target: Target, what: str, version: str | None) -> Exchange | None:
    """Return the first page of the list that shows the versions of keys or webhooks; None if the contract has none."""
    operation = contract.operations.get(contract.behaviour.pins.get(what, ""))
    return client.send(request_first_page(operation, contract, target.company_id, version)) if operation else None


def _items(exchange: Exchange | None) -> Iterator[Mapping[str, Any]]:
    value = exchange.json if exchange is not None and exchange.ok else None
    data = value.get("data") if isinstance(value, dict) else None
    yield from (item for item in data or () if isinstance(item, dict))
