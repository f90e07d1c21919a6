"""The two sides of a comparison, as a person names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract import load
from whopwatch.contract_build.fetch import fetch_release
from whopwatch.contract_build.releases import Release, named_release, resolve_newest
from whopwatch.core.documents import DocumentError, parse_document
from whopwatch.core.errors import ContractError, UsageError
from whopwatch.diff.model import Api
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.read_sdk import read_sdk

ACCEPTED = "a contract folder, an OpenAPI 3 file, an SDK archive, sdk:VERSION or npm:VERSION"
MAX_BYTES = 100_000_000

_ARCHIVES = (".whl", ".zip", ".tgz", ".tar.gz")


@dataclass(frozen=True)
class Side:
    """One side: the promises that it holds, by API version; every kind of source but a contract has v1 alone."""

    name: str
    apis: dict[str, Api]


def read_side(text: str, cache_dir: Path) -> Side:
    """The side that `text` names; SDK releases are fetched into `cache_dir`.

    Raises `UsageError` if it names nothing, `SourceError` or `ContractError` if what it names cannot be read.
    """
    release = named_release(text)
    if release:
        return Side(text, {"v1": _of_release(resolve_newest(release), cache_dir)})
    path = Path(text)
    if path.is_dir():
        contract = load(path.resolve())
        return Side(text, {version: read_openapi(it, text) for version, it in contract.documents.items()})
    if not path.is_file():
        raise UsageError(
            f"There is nothing to compare at {text!r}.",
            expected=ACCEPTED,
            hint="a release is named by its package and version: sdk:0.0.23",
        )
    if text.endswith(_ARCHIVES):
        return Side(text, {"v1": _of_archive(path, text)})
    return Side(text, {"v1": read_openapi(_document(path), text)})


def _of_release(release: Release, cache_dir: Path) -> Api:
    declared = release.package()
    package = fetch_release(declared.registry, declared.name, release.version, cache_dir)
    return _of_archive(cache_dir / package.file, str(release))


def _of_archive(path: Path, name: str) -> Api:
    from whopwatch.contract_build.readers.python import read_python_sdk

    if path.name.endswith(".tgz"):
        # The reader of TypeScript needs a parser that a comparison of Python releases does without.
        from whopwatch.contract_build.readers.typescript import read_typescript_sdk

        return read_sdk(read_typescript_sdk(path), name)
    return read_sdk(read_python_sdk(path), name)


def _document(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_BYTES:
        raise ContractError("The document is too large.", where=str(path), expected=f"at most {MAX_BYTES:,} bytes")
    try:
        document = parse_document(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ContractError(
            "The document cannot be read.",
            where=str(path),
            expected="JSON or YAML in UTF-8",
            got=str(error) if isinstance(error, DocumentError) else "text that is not UTF-8",
            hint=ACCEPTED,
        ) from None
    if isinstance(document, dict) and "openapi" not in document and "v1" in document:
        document = document["v1"]  # the bundle of a contract folder
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        declared = document.get("openapi", document.get("swagger")) if isinstance(document, dict) else None
        raise ContractError(
            "The file is no OpenAPI document.",
            where=str(path),
            expected="openapi: 3.0.x or 3.1.x",
            got=f"version {str(declared)[:20]}" if declared else "no version",
            hint="convert it first" if declared else ACCEPTED,
        )
    if any("$ref" in item for item in _mappings(document.get("paths"))):
        from whopwatch.contract.bundle import bundle_document

        return bundle_document(path.parent) if path.name == "openapi.yaml" else document
    return document


def _mappings(node: Any) -> list[dict[str, Any]]:
    return [item for item in node.values() if isinstance(item, dict)] if isinstance(node, dict) else []
