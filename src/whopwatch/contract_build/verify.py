"""Whether a contract folder is whole, valid, and what its declarations say it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from whopwatch.contract_build import verify_declarations as declarations
from whopwatch.contract_build import verify_documents as documents
from whopwatch.contract_build.folder import Folder, Problem

CHECKS: tuple[Callable[[Folder], Iterator[Problem]], ...] = (
    documents.digests,
    documents.bundled,
    documents.references,
    documents.valid,
    documents.keywords,
    documents.counts,
    declarations.documented,
    declarations.summary,
    declarations.overlays,
    declarations.conflicts,
    declarations.identifications,
)


def verify(contracts_dir: Path) -> list[Problem]:
    """Return everything that is wrong with the contract in a folder; an empty list if nothing is.

    Raises `SourceError` if a file that the checks stand on is missing or unreadable.
    """
    folder = Folder(contracts_dir)
    return [problem for check in CHECKS for problem in check(folder)]
