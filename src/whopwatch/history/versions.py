"""Versions of the API: which appear and disappear from night to night, and a baseline made with another contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from whopwatch.contract import Contract
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence
from whopwatch.contract.loader import version_order
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity, Source
from whopwatch.core.wording import plural
from whopwatch.diff.result import compare_contracts
from whopwatch.history.records import Records, VersionRecord
from whopwatch.run.options import bundled_contracts

PUBLISHED_CHECK = "version-published"
RETIRED_CHECK = "version-retired"
MAX_VERSION_FINDINGS = 20
"""Findings of a kind that one night reports, about the newest versions. All versions are recorded."""
MAX_VERSIONS = 1000
"""Versions that a baseline keeps, the newest ones."""


def find_version_changes(records: Records, answer: AnsweredVersion | None, started_at: str) -> list[Finding]:
    """Return a finding for each version that is supported now and was not, or the reverse; update `records`.

    The first list of a baseline shows no change. A retired version that is in use is reported on every night.
    """
    if answer is None or not answer.supported:
        return []
    listed, known = frozenset(answer.supported), records.versions
    published = listed - known.keys() if known else frozenset()
    back = {version for version in listed & known.keys() if not known[version].is_listed}
    gone = {version for version, record in known.items() if record.is_listed} - listed
    in_use = {version for version in _in_use(answer) if version in known} - listed
    found = [
        *(_published(version, started_at) for version in _newest(published | back)),
        *(_retired(version, known[version], started_at, version in gone, answer) for version in _newest(gone | in_use)),
    ]
    for version in listed:
        known.setdefault(version, VersionRecord(started_at)).is_listed = True
    for version in gone:
        known[version].is_listed = False
    for version in sorted(known, key=version_order)[:-MAX_VERSIONS]:
        del known[version]
    return found


def _in_use(answer: AnsweredVersion) -> Collection[str | None]:
    """Return the version that was requested, and the one that a header names: responses alone fit several versions."""
    return answer.requested, answer.version if answer.evidence is VersionEvidence.HEADER else None


def _newest(versions: Collection[str]) -> Iterable[str]:
    return sorted(versions, key=version_order)[-MAX_VERSION_FINDINGS:]


def _published(version: str, started_at: str) -> Finding:
    words = "the versions of earlier nights", f"version {version}", f"The API supports a new version: {version}."
    return _finding(PUBLISHED_CHECK, Severity.INFO, version, FindingState.NEW, started_at, words)


def _retired(version: str, record: VersionRecord, started_at: str, is_new: bool, answer: AnsweredVersion) -> Finding:
    """Return the finding about a version that is no longer supported; `is_new`: the previous list still had it."""
    is_used = version in _in_use(answer)
    severity = Severity.HIGH if is_used else Severity.INFO
    state = FindingState.NEW if is_new else FindingState.KNOWN
    use = " This run uses it: move to a supported version." if is_used else ""
    words = (
        f"version {version} (listed since {record.first_seen[:10]} or earlier)",
        f"not listed; the newest version is {answer.supported[-1]}",
        f"The API no longer lists version {version} as supported.{use}",
    )
    return _finding(RETIRED_CHECK, severity, version, state, started_at, words)


def _finding(
    check: str, severity: Severity, version: str, state: FindingState, started_at: str, words: tuple[str, str, str]
) -> Finding:
    expected, observed, message = words
    return Finding(
        drift_class="D21",
        check=check,
        severity=severity,
        operation="all",
        location=f"version:{version}",
        expected=expected,
        observed=observed,
        message=message,
        confidence=Confidence.CONFIRMED,
        source=Source.LIVE_LIVE,
        state=state,
        first_seen=started_at,
    )


def restart_for_contract(records: Records, contract: Contract, verified: Collection[str]) -> str | None:
    """Make `records` a history of `contract`; return one sentence if the comparison restarts or the contract changed.

    The history of an operation is dropped if the contracts differ in it, or if the earlier contract is not at hand; but
    not before a night verifies the operation with the new contract: `verified` are the operations of this night.
    """
    if not verified:
        return None
    earlier, records.contract = records.contract or str(contract.edition), str(contract.edition)
    contracts = _contracts_of_history(records, contract, earlier)
    gone = contracts.keys() - contract.operations.keys() if earlier != records.contract else set()
    dropped = {id for id in contracts if id in verified or id in gone or id not in records.operations}
    for id, record in records.operations.items():
        record.contract = contracts.get(id, "")
    records.drop_operations(dropped)
    if not dropped and earlier == records.contract:
        return None
    restart = (
        f"restarts for {plural(len(dropped), 'operation')} that the contracts describe differently"
        if dropped
        else "goes on"
    )
    if not contracts:
        restart += ", no operation differs"
    elif not dropped:
        restart += " until a night verifies an operation that the contracts describe differently"
    names = " and ".join(sorted({contracts[id] for id in dropped} or {earlier}))
    return f"Earlier nights used the contract {names}, this one uses {records.contract}: the comparison {restart}."


def _contracts_of_history(records: Records, contract: Contract, earlier: str) -> dict[str, str]:
    """Return the contract of the history of each operation that `contract` describes differently."""
    waiting = {id: record.contract for id, record in records.operations.items() if record.contract}
    if earlier == records.contract:
        return waiting  # they were compared when the contract changed
    ids = {*records.operations, *(finding.finding.operation for finding in records.findings.values())}
    origins = {id: waiting.get(id, earlier) for id in ids}
    differing: dict[str, Collection[str]] = {records.contract: ()}
    for name in {*origins.values()} - differing.keys():
        old = next((one for one in bundled_contracts() if str(one.edition) == name), None)
        differing[name] = {*_differing(old, contract), *(ids - contract.operations.keys())} if old else ids
    return {id: name for id, name in origins.items() if id in differing[name]}


def _differing(old: Contract, new: Contract) -> Iterator[str]:
    """Yield the operations that differ between two contracts, and the ones that only the new one has."""
    for place in compare_contracts(old, new).places:
        yield place.finding.operation
    yield from new.operations.keys() - old.operations.keys()
