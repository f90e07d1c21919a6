"""Find and load a contract: a bundled edition, a contract folder, or an OpenAPI document.

`bundle.json` of a contract folder holds its documents in one file, with the digest of every YAML file that it was made
from. While these digests match, the bundle is loaded (milliseconds). After an edit of a YAML file, the YAML files are
read instead (seconds), so an edit takes effect at once and a bundle is never stale.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from whopwatch.contract.bundle import APIS, bundle
from whopwatch.contract.edition import EDITION, Edition, read_toml
from whopwatch.contract.model import Contract
from whopwatch.core.documents import is_readable, read_bounded
from whopwatch.core.errors import ContractError, UsageError, did_you_mean

BUNDLE = "bundle.json"
BUNDLE_FORMAT = 2
DEFAULT_VERSION = "2025-01-01"
"""The edition that is used if none is named."""
NEWEST = "newest"

VERSION_PATTERN = re.compile(r"\d{4}-\d\d-\d\d(?:-\d{1,4})?", re.ASCII)


def data_dir(name: str) -> Path:
    """Return the data folder `name` (`contracts`, `probes`): in the installed package, or at the root of a checkout."""
    installed = Path(__file__).parents[1] / "data" / name
    return installed if installed.is_dir() else Path(__file__).parents[3] / name


def contracts_dir() -> Path:
    """Return the folder of the bundled editions, one folder each."""
    return data_dir("contracts")


def editions() -> tuple[Edition, ...]:
    """Return the bundled editions, the oldest first, without their digests."""
    found = (read_edition(path.parent) for path in contracts_dir().glob(f"*/{EDITION}"))
    return tuple(sorted(found, key=lambda edition: version_order(edition.version or "")))


def version_order(version: str) -> tuple[int, ...]:
    """Return what dated versions are sorted by: `2026-10-09` < `2026-10-09-2` < `2026-10-13-1`."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def is_version(text: str) -> bool:
    """Check that `text` has the form of a version: a date, with or without a number (`2026-10-15-1`)."""
    return VERSION_PATTERN.fullmatch(text) is not None


def newer_versions(version: str | None, listed: Iterable[str] = ()) -> list[str]:
    """Return the known versions that are newer than `version`, the oldest first: bundled, known to a release, `listed`.

    Without `version` nothing is known to be newer.
    """
    if version is None:
        return []
    bundled = editions()
    known = {
        *listed,
        *(one.version for one in bundled if one.version),
        *(one for two in bundled for one in two.versions),
    }
    return sorted((one for one in known if version_order(one) > version_order(version)), key=version_order)


def describe_contract(contract: Contract, listed: Iterable[str] = (), *, of_events: bool = False) -> dict[str, Any]:
    """Return the contract as the JSON report has it. `listed` are versions that the API says it supports.

    `operations` are those of the versioned API; those of v2, which has no dated versions, are counted beside it. A
    report of webhook events has their number, too.
    """
    in_v2 = sum(operation.api == "v2" for operation in contract.operations.values())
    in_v1 = len(contract.operations) - in_v2
    return _description(contract.edition, in_v1, in_v2, listed, len(contract.events) if of_events else None)


def describe_edition(edition: Edition) -> dict[str, Any]:
    """Return the contract of `edition` like `describe_contract`, by its declared counts, without loading it."""
    return _description(edition, edition.counts["operations"], edition.counts.get("operations_v2", 0))


def _description(
    edition: Edition, in_v1: int, in_v2: int, listed: Iterable[str] = (), events: int | None = None
) -> dict[str, Any]:
    newer = newer_versions(edition.version, listed)
    return {
        **edition.to_json(in_v1),
        **({"operations_v2": in_v2} if in_v2 else {}),
        **({} if events is None else {"events": events}),
        "newer_versions": len(newer),
        "newest_known": newer[-1] if newer else edition.version,
    }


def version_at_or_before(version: str, known: Iterable[str]) -> str | None:
    """Return `version` if it is `known`, else the nearest older known version, else None."""
    older = [one for one in known if version_order(one) <= version_order(version)]
    return max(older, key=version_order, default=None)


def closest_version(version: str, known: Iterable[str]) -> str | None:
    """Return the known version whose date is closest to that of `version`, older or newer; None if none is known."""
    wanted = date.fromisoformat(version[:10])
    return min(
        known,
        key=lambda one: (one != version, abs(date.fromisoformat(one[:10]) - wanted), version_order(one)),
        default=None,
    )


def edition_dir(name: str | Path | None = None) -> Path:
    """Return the folder of an edition. `name` is a version, `newest`, a release (`sdk:2.6.0`) or a folder.

    Without a name, return the folder of the default edition. Raise UsageError if nothing has this name.
    """
    if isinstance(name, Path):
        return _edition_in(name)
    if name is None or name == DEFAULT_VERSION:
        return contracts_dir() / DEFAULT_VERSION
    known = editions()
    if name == NEWEST:
        return known[-1].folder
    for edition in known:
        if name in (edition.version, edition.release):
            return edition.folder
    if Path(name).is_dir():
        return _edition_in(Path(name))
    if is_readable(Path(name)):
        raise UsageError(
            "This command needs a contract folder: an OpenAPI file has no sources, rules or declarations beside it.",
            where="option --contract",
            expected="a version, newest, a release such as sdk:2.6.0, or a contract folder",
            got=repr(name),
        )
    names = [name for edition in known for name in (edition.version, edition.release) if name]
    raise UsageError(
        f"Unknown contract {name!r}.",
        expected="a version, newest, a release such as sdk:2.6.0, a contract folder, or an OpenAPI file",
        hint=did_you_mean(name, [NEWEST, *names]) or f"bundled contracts: {', '.join(names)}",
    )


def read_edition(folder: Path) -> Edition:
    """Return what `edition.toml` of a folder says; without that file, the version is not known."""
    path = folder / EDITION
    if not path.exists():
        return Edition(folder)
    facts = read_toml(path)
    try:
        return Edition(folder, **facts)
    except TypeError:
        raise ContractError(
            "The contract cannot be read.",
            where=str(path),
            expected="the keys version, release, date and versions",
            got=", ".join(facts),
        ) from None


def load(name: str | Path | None = None) -> Contract:
    """Load the contract that `name` says (see `edition_dir`) or the OpenAPI file, by default the edition `2025-01-01`.

    Each is loaded once in a process. Raise ContractError if the folder or file holds no contract, or a damaged one.
    """
    if name is not None and is_readable(Path(name)):
        return _load_file(Path(name))
    return _load(edition_dir(name))


def forget_contracts() -> None:
    """Release the loaded contracts: what is loaded next is read again."""
    _load.cache_clear()
    _load_file.cache_clear()


@cache
def _load_file(path: Path) -> Contract:
    from whopwatch.contract.openapi_adapter import contract_of  # bundled editions do not need it
    from whopwatch.contract.openapi_file import read_openapi_file

    document = read_openapi_file(path)
    return contract_of(path, document, nearest_edition(document))


def nearest_edition(document: Mapping[str, Any]) -> Contract:
    """Return the bundled edition that shares most operations with an OpenAPI document; of several, the one next to it.

    That is the newest one that is not newer than the document.
    """
    from whopwatch.contract.openapi_adapter import shared_operations
    from whopwatch.contract.openapi_file import version_of

    order = version_order(version_of(document) or "")
    contracts = [_load(edition.folder) for edition in editions()]
    shared = [shared_operations(document, contract) for contract in contracts]
    nearest = [contract for contract, count in zip(contracts, shared, strict=True) if count == max(shared)]
    older = [contract for contract in nearest if version_order(contract.version or "") <= order]
    return older[-1] if older else nearest[0]


@cache
def _load(folder: Path) -> Contract:
    found = _bundled(folder)
    if found is None:
        documents = bundle(folder)
        found = documents, documents_sha256(documents)
    documents, sha256 = found
    return Contract(documents, replace(read_edition(folder), sha256=sha256))


def documents_sha256(documents: Mapping[str, Any]) -> str:
    """Return the digest that identifies documents, whatever the order of their keys."""
    canonical = json.dumps(documents, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()


def _edition_in(folder: Path) -> Path:
    """Return `folder`, or the default edition in it if `folder` holds editions."""
    inner = folder / DEFAULT_VERSION
    return inner if inner.is_dir() and not (folder / EDITION).exists() else folder


def _bundled(folder: Path) -> tuple[dict[str, Any], str] | None:
    """Return the documents in the folder's bundle and their digest; None if the bundle is missing or out of date."""
    try:
        stored = json.loads(read_bounded(folder / BUNDLE))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(
            "The contract's bundle is damaged.",
            where=str(folder / BUNDLE),
            expected="a JSON document",
            got=getattr(error, "strerror", None) or str(error),
            hint="restore the file, or delete it: the YAML files beside it are the contract",
        ) from None
    files = stored.get("files") if isinstance(stored, dict) and stored.get("format") == BUNDLE_FORMAT else None
    if not isinstance(files, dict) or files != file_digests(folder, files):
        return None
    return {api: stored[api] for api in APIS if api in stored}, stored["sha256"]


def file_digests(folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    """Return the sha256 of each of the files `names` below `folder`, without the missing ones."""
    paths = ((name, folder / name) for name in names)
    return {name: hashlib.sha256(read_bounded(path)).hexdigest() for name, path in paths if path.is_file()}
