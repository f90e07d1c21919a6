"""Find out which dated version of the API answers, before anything is judged.

Three things show it, in this order: a 400 that names the version header, an echo of the header in the responses, and
the responses themselves, which match the schemas of one version and not those of another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from whopwatch.contract import Contract, Operation
from whopwatch.contract.answered_version import NO_VERSION, AnsweredVersion, VersionEvidence, supported_versions
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version, version_order
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call

ENOUGH_RESPONSES = 4
"""Responses with content after which they decide, if no header does."""
JUDGED_ITEMS = 20
"""Items of a page that are compared with a schema to distinguish versions."""
STRUCTURAL = 3
"""Places of one response that break its schema. A fault breaks one or two; another version breaks many."""
ENOUGH_OPERATIONS = 2
"""Operations whose responses another contract has to fit better."""
OtherContracts = Callable[[], Sequence[Contract]]


def no_others() -> Sequence[Contract]:
    """Return no contract: the version of the run's own contract is the only one at hand."""
    return ()


def request_first_page(operation: Operation, contract: Contract, company: str | None, version: str | None) -> Call:
    """Return the request for the first page of a list of the account `company`, with the header for `version`."""
    names = {contract.account.id_field, "resource_id"} & {parameter.name for parameter in operation.in_("query")}
    query = tuple((name, company) for name in sorted(names) if company)
    headers = ((VERSION_HEADER, version),) if version else ()
    return Call(operation, Purpose.LIST, query=query, headers=headers)


def request_supported_versions(contract: Contract, company: str | None, other: Contract | None = None) -> Call | None:
    """Return the request whose rejection lists the supported versions; None if the contract has no list to request.

    A path that `other` has, too, is preferred: an API of its version may not know the rest.
    """
    lists = sorted(
        (one for one in contract.lists if "{" not in one.path),
        key=lambda one: other is not None and other.match("GET", one.path) is None,
    )
    operation = next(iter(lists), None)
    return request_first_page(operation, contract, company, NO_VERSION) if operation else None


def schema_places(contract: Contract, exchange: Exchange) -> int | None:
    """Return how many places of a response break the schema in `contract`; None if it has no schema to compare.

    The operation is looked up by method and path, because operations have other names in other versions. A body
    without items shows nothing.
    """
    value, problem = exchange.parsed
    if problem is not None or not exchange.ok or not _has_content(value):
        return None
    operation = _operation_of(contract, exchange)
    if operation is None or operation.success.schema is None:
        return None
    validator = contract.validator(operation.success.pointer, operation.api)
    if validator.is_valid(value):
        return 0
    explained = schemas_of(contract).of(operation).to_explain(_shortened(value))
    return len({violation.location for violation in validator.violations(explained)})


def mismatches_with(contract: Contract, exchange: Exchange) -> int | None:
    """Return in how many ways a response does not fit `contract`; None if it shows nothing.

    Places that break the schema count, undocumented fields, and a path that is documented and not there, or the
    reverse. A 400 that names a parameter which the operation does not have counts as another version.
    """
    operation = _operation_of(contract, exchange)
    if named := _rejected_parameter(exchange):
        known = {one.name.removesuffix("[]") for one in operation.parameters} if operation else set()
        return 0 if named in known else STRUCTURAL
    if exchange.status in (404, 405) and not exchange.path_params:
        return int(operation is not None and "{" not in operation.path)
    value, problem = exchange.parsed
    if problem is not None or not exchange.ok or not _has_content(value):
        return None
    if operation is None:
        return STRUCTURAL
    violations = schema_places(contract, exchange)
    if violations is None:
        return None
    found = schemas_of(contract).of(operation).undocumented(_shortened(value))
    return violations + len({tuple("*" if isinstance(step, int) else step for step in path) for path, _ in found})


def _rejected_parameter(exchange: Exchange) -> str | None:
    """Return the parameter that the rejection (400) of a read is about, None if it names none."""
    named = exchange.error.get("param") if exchange.status == 400 and exchange.method == "GET" else None
    return re.split(r"[.\[]", named, maxsplit=1)[0] if isinstance(named, str) else None


def _shortened(value: Any) -> Any:
    """Return a page with its first items only: each error of the validator takes a kilobyte."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return {**value, "data": value["data"][:JUDGED_ITEMS]}
    return value


def _operation_of(contract: Contract, exchange: Exchange) -> Operation | None:
    operation = contract.operations.get(exchange.operation)
    if operation is None or operation.path != _path_template(exchange, operation.path):
        operation = contract.match(exchange.method, _path_below_base(exchange))
    return operation


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


@dataclass(frozen=True, slots=True)
class _Seen:
    """The first response of an operation: its mismatches with the contract, and how many of them are violations."""

    exchange: Exchange
    mismatches: int
    violations: int


class VersionDetector:
    """Collect the first response of each operation of a run and say which version they are of.

    `contract` is the contract of the run. `others` returns the contracts of the other versions at hand; it is called
    only if responses do not match `contract`. `requested` is the header that is sent. `is_decided` says that nothing
    will change `answer` any more, `has_enough` that the responses so far suffice for an answer.
    """

    def __init__(self, contract: Contract, others: OtherContracts = no_others, *, requested: str | None = None) -> None:
        self._contract = contract
        self._others = others
        self._requested = requested
        self._seen: dict[str, _Seen] = {}
        self._fit_of: dict[Contract, list[int]] = {}
        self._echoes: dict[str, str] = {}
        self.answer = AnsweredVersion(requested)
        self.is_decided = False

    def record(self, exchange: Exchange) -> None:
        """Take in one exchange; does nothing once the version is decided."""
        if self.is_decided or exchange.credential != "key" or _rejects_key(exchange):
            return
        supported = supported_versions(exchange)
        if supported is not None:
            listed = tuple(version for version in supported if version != self._requested)
            self._decide(None, VersionEvidence.REJECTED, matches=False, supported=listed)
            return
        echoed = _echoed(exchange)
        if echoed is not None and echoed == self._contract.version:
            self._decide(echoed, VersionEvidence.HEADER, matches=True)
            return
        if echoed is None and exchange.operation in self._seen:
            return
        violations = schema_places(self._contract, exchange)
        if echoed is not None and self._is_sure(echoed, exchange.operation, violations):
            self._decide(echoed, VersionEvidence.HEADER, matches=False)
        elif exchange.operation not in self._seen:
            mismatches = mismatches_with(self._contract, exchange)
            if mismatches is not None and (mismatches or exchange.ok):
                self._seen[exchange.operation] = _Seen(exchange, mismatches, violations or 0)
                self._decide_by_responses()

    @property
    def has_enough(self) -> bool:
        """Return whether the version is decided, or enough operations responded to recognise another one."""
        return self.is_decided or len(self._seen) >= ENOUGH_RESPONSES

    def conclude(self) -> None:
        """Decide by what was seen: no more responses will come, so every response has to match another version."""
        total = sum(seen.mismatches for seen in self._seen.values())
        if self.is_decided or not total or (len(self._seen) < ENOUGH_RESPONSES and not self._is_foreign()):
            return
        exact = [other for other, fit in self._fits().items() if not sum(fit)]
        if exact:
            self._decide(_newest(exact), VersionEvidence.RESPONSES, matches=False)

    def _is_sure(self, echoed: str, operation: str, own: int | None) -> bool:
        """Check that a header is more than a slip of one operation: the body agrees, or another operation does."""
        self._echoes[operation] = echoed
        return own is None or own >= STRUCTURAL or list(self._echoes.values()).count(echoed) > 1

    def _is_foreign(self) -> bool:
        """Check that two thirds of the responses break the contract in many places."""
        broken = sum(seen.violations >= STRUCTURAL for seen in self._seen.values())
        return broken * 3 >= len(self._seen) * 2

    def _fits(self) -> dict[Contract, list[int]]:
        """Return the mismatches of each response with each other contract, in the order of the responses."""
        for other in self._others():
            if other.version != self._contract.version:
                fit = self._fit_of.setdefault(other, [])
                left = list(self._seen.values())[len(fit) :]
                fit += [mismatches_with(other, seen.exchange) or 0 for seen in left]
        return self._fit_of

    def _decide(
        self, version: str | None, evidence: VersionEvidence, *, matches: bool, supported: tuple[str, ...] = ()
    ) -> None:
        self.answer = AnsweredVersion(self._requested, version, evidence, supported, matches)
        self.is_decided = True

    def _decide_by_responses(self) -> None:
        """Decide for another version if it explains the responses better; the own one is never final."""
        own = [seen.mismatches for seen in self._seen.values()]
        fits = self._fits() if sum(own) >= STRUCTURAL else {}
        better = {other: sum(fit) for other, fit in fits.items() if _explains_better(fit, own)}
        least = min(better.values(), default=None)
        if least is not None:
            best = [other for other, mismatches in better.items() if mismatches == least]
            self._decide(_newest(best), VersionEvidence.RESPONSES, matches=False)
        elif len(own) == ENOUGH_RESPONSES and self._is_foreign():
            self._decide(None, VersionEvidence.RESPONSES, matches=False)
        elif len(own) == ENOUGH_RESPONSES:
            self.answer = AnsweredVersion(
                self._requested, self._contract.version, VersionEvidence.RESPONSES, matches=True
            )


def _explains_better(fit: Sequence[int], own: Sequence[int]) -> bool:
    """Check that another contract fits several responses that the own one does not, and hardly any worse."""
    better = sum(other < mine for other, mine in zip(fit, own, strict=True))
    worse = sum(other > mine for other, mine in zip(fit, own, strict=True))
    return better >= ENOUGH_OPERATIONS and worse * 4 <= better and sum(fit) * 3 <= sum(own)


def _newest(contracts: Iterable[Contract]) -> str | None:
    """Return the newest version: a version that is too new misses fields, one that is too old only knows fewer."""
    return max((contract.version or "" for contract in contracts), key=version_order) or None


def detected_version(
    contract: Contract, exchanges: Iterable[Exchange], others: Sequence[Contract]
) -> AnsweredVersion | None:
    """Return the version of responses to requests of other contracts, None if none shows it.

    Such requests are made if every request of `contract` failed: its paths may belong to another version.
    """
    for exchange in exchanges:
        echoed = _echoed(exchange)
        fits = {other: mismatches_with(other, exchange) for other in others if exchange.ok}
        known = {other: fit for other, fit in fits.items() if fit is not None}
        if echoed is None and known:
            echoed = _newest(other for other, fit in known.items() if fit == min(known.values()))
        if echoed is not None and echoed != contract.version:
            evidence = VersionEvidence.HEADER if _echoed(exchange) else VersionEvidence.RESPONSES
            return AnsweredVersion(None, echoed, evidence, matches=False)
    return None


def answered_by_other_version(
    contract: Contract, exchanges: Iterable[Exchange], others: Sequence[Contract] = ()
) -> Mapping[int, str]:
    """Return the exchanges that another version than the contract's answered: the version by position in `exchanges`.

    A response is of another version if it breaks the contract in many places, and its header names another version or
    it matches the schema of one of `others` exactly. A header alone is a finding of the `deprecation` check.
    """
    found = ((number, _other_version(contract, exchange, others)) for number, exchange in enumerate(exchanges))
    return {number: version for number, version in found if version is not None}


def changed_in_the_middle(contract: Contract, exchanges: Sequence[Exchange], others: Sequence[Contract]) -> str | None:
    """Return the version that answers from some request on, None if there is none.

    After the first response that fits another contract alone, hardly any may fit `contract` alone; before it at least
    one has to. Responses of single operations that have another version are spread over the run.
    """
    foreign_contracts = [other for other in others if other.version != contract.version]
    own = [mismatches_with(contract, exchange) for exchange in exchanges] if foreign_contracts else []
    for other in foreign_contracts:
        theirs = [
            mismatches_with(other, one) if mine is not None else None for mine, one in zip(own, exchanges, strict=True)
        ]
        pairs = list(enumerate(zip(own, theirs, strict=True)))
        foreign = [number for number, (mine, fit) in pairs if mine and fit == 0]
        kept = [number for number, (mine, fit) in pairs if mine == 0 and fit]
        if len({exchanges[number].operation for number in foreign}) < ENOUGH_OPERATIONS:
            continue
        after = sum(number > foreign[0] for number in kept)
        if after < len(kept) and after * 4 <= len(foreign):
            return other.version
    return None


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


def _rejects_key(exchange: Exchange) -> bool:
    """Return whether the response is a 401. The version of such a response is the API's own choice, not the key's."""
    return exchange.status == 401


def _echoed(exchange: Exchange) -> str | None:
    """Return the version that the response's header names, None if it names none or the API rejected the key."""
    if _rejects_key(exchange):
        return None
    value = (exchange.header(VERSION_HEADER) or "").strip()
    return value if is_version(value) else None


def supported_sentence(versions: Sequence[str]) -> str:
    """Return the sentence about the versions that an API lists, empty if it lists none."""
    if len(versions) < 2:
        return f"It supports {versions[0]}." if versions else ""
    return f"It supports {len(versions)} versions, the newest is {versions[-1]}."


def mismatch_sentence(answer: AnsweredVersion, contract: Contract) -> str:
    """Return one sentence about a version that is not the contract's, with the commands that resolve it."""
    own = contract.version or str(contract.edition)
    if answer.evidence is VersionEvidence.REJECTED:
        choice = answer.supported[-1] if answer.supported else "newest"
        facts = (f"The API rejects version {answer.requested} (400).", supported_sentence(answer.supported))
        fix = f"Use `--api-version {choice}` with `--contract {choice}`, or `--contract auto`."
        return " ".join(filter(None, (*facts, fix)))
    answered = f"version {answer.version}" if answer.version else "another version, which no contract at hand matches"
    sure = "" if answer.evidence is VersionEvidence.HEADER else ", judged by its responses"
    if answer.version:
        fix = f"Use `--contract {answer.version}` to check it as it is, or `--api-version {own}` to request {own}."
    else:
        fix = f"Use `--api-version {own}` to request {own}, or `--contract auto` to use the nearest contract."
    return f"The API answers {answered}{sure}; the contract is of {own}. {fix}"
