"""Build the files of a contract from its declared sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract.loader import BUNDLE, BUNDLE_FORMAT, documents_sha256
from whopwatch.contract_build.assemble import Assembler, annotate, assemble_v2
from whopwatch.contract_build.dated import DECLARED, DatedAssembler, reference_of
from whopwatch.contract_build.files import json_text, read_yaml, sha256_of, split, writing_to, yaml_text
from whopwatch.contract_build.merge import Disagreement, merge_readings, single_source
from whopwatch.contract_build.official import apply_official, read_official
from whopwatch.contract_build.overlay import AppliedAction, apply_overlay, read_overlay
from whopwatch.contract_build.presence import settle_presence
from whopwatch.contract_build.readers.python import read_python_sdk
from whopwatch.contract_build.readers.typescript import read_typescript_sdk
from whopwatch.contract_build.releases import pinned_archive
from whopwatch.contract_build.sdk_model import SdkModel
from whopwatch.contract_build.sources import (
    ApiReference,
    Sources,
    read_prefixes,
    read_release_changes,
    removed_resources,
)
from whopwatch.core.errors import SourceError


@dataclass(frozen=True)
class Documents:
    """The documents, and what the overlays did to them; `v2` is None if the edition has none."""

    v1: dict[str, Any]
    v2: dict[str, Any] | None
    applied: tuple[AppliedAction, ...]


@dataclass(frozen=True)
class BuildResult:
    """The built files by path in the contract folder; `changed` are the paths whose content changed."""

    files: dict[str, str]
    changed: tuple[str, ...]


def build(
    contracts: Path,
    *,
    cache_dir: Path,
    python_archive: Path | None = None,
    typescript_archive: Path | None = None,
) -> BuildResult:
    """Build the contract again and write what changed.

    The SDK packages are fetched into `cache_dir` unless an archive is given; either way their digests must be the
    pinned ones. Raise `SourceError` if a source is missing, is not the pinned one, contradicts another without a
    declared decision, or if an action of the overlay finds nothing.
    """
    packages = {name: package for name, package in Sources.read(contracts).packages.items() if package.is_published}
    given = {"python": python_archive, "typescript": typescript_archive}
    archives = {name: pinned_archive(package, cache_dir, given[name]) for name, package in packages.items()}
    model, disagreements = exact_model(archives.get("python"), archives.get("typescript"))
    entries = read_yaml(contracts / "conflicts.yaml")["conflicts"]
    settled = {location for entry in entries for location in entry.get("settles", ())}
    if len(archives) > 1:  # one reading alone neither contradicts nor confirms what a conflict settles
        require_settled(disagreements, settled | set(read_release_changes(contracts).get("undecided", ())))
    made = documents(contracts, model)
    require_used_actions(list(made.applied))
    files = render(made)
    changed = tuple(path for path, text in files.items() if _is_new(contracts / path, text))
    for path in changed:
        with writing_to(contracts, "The contract cannot be written there.", "name another folder with --contracts"):
            (contracts / path).parent.mkdir(parents=True, exist_ok=True)
            (contracts / path).write_text(files[path], encoding="utf-8", newline="\n")
    return BuildResult(files, changed)


def exact_model(python: Path | None, typescript: Path | None) -> tuple[SdkModel, list[Disagreement]]:
    """Return the model of one or both archives, and where they disagree.

    What one language does not say stays open: presence without TypeScript, integers and dates without Python.
    """
    if python is None:
        assert typescript is not None
        return read_typescript_sdk(typescript), []
    model = read_python_sdk(python)
    if typescript is not None:
        return merge_readings(model, read_typescript_sdk(typescript))
    return single_source(model), []


def documents(contracts: Path, model: SdkModel) -> Documents:
    """Return the documents of the exact schema `model` and the declared facts in `contracts`."""
    prefixes = read_prefixes(contracts)
    if (contracts / DECLARED).exists():
        return _dated_documents(contracts, model, prefixes)
    reference = ApiReference.read(contracts)
    v1 = Assembler(model, reference).document()
    v2 = assemble_v2(reference)
    applied = [
        *apply_overlay(v1, read_overlay(contracts / "overlay.yaml")),
        *apply_overlay(v2, read_overlay(contracts / "v2" / "overlay.yaml")),
    ]
    annotate(v1, prefixes, removed_resources(contracts))
    annotate(v2, prefixes)
    return Documents(v1, v2, tuple(applied))


def dated_document(contracts: Path, model: SdkModel) -> dict[str, Any]:
    """Return what the SDK alone says of a dated version, before the facts of the official document."""
    declared = read_yaml(contracts / DECLARED)
    model = settle_presence(model)
    return DatedAssembler(model, reference_of(model, declared), declared, read_prefixes(contracts)).document()


def _dated_documents(contracts: Path, model: SdkModel, prefixes: dict[str, list[str]]) -> Documents:
    """Return the document of a dated version: made from the SDK alone, then corrected by the official facts."""
    v1 = dated_document(contracts, model)
    apply_official(v1, read_official(contracts))
    applied = apply_overlay(v1, read_overlay(contracts / "overlay.yaml"))
    annotate(v1, prefixes, prefixes.keys() - {tag["name"] for tag in v1["tags"]})
    return Documents(v1, None, tuple(applied))


def render(made: Documents) -> dict[str, str]:
    """Return the text of every file of a contract by its path in the contract folder."""
    files = {f"v1/{name}": yaml_text(part, f"Whop API v1, {name}") for name, part in split(made.v1).items()}
    documents = {"v1": made.v1}
    if made.v2 is not None:
        files["v2/openapi.yaml"] = yaml_text(made.v2, "Whop API v2, openapi.yaml")
        documents["v2"] = made.v2
    return with_bundle(files, documents)


def with_bundle(files: dict[str, str], documents: dict[str, Any]) -> dict[str, str]:
    """Return `files` and the bundle that has their documents and digests."""
    digests = {path: sha256_of(text) for path, text in files.items()}
    stored = {"format": BUNDLE_FORMAT, **documents, "files": digests, "sha256": documents_sha256(documents)}
    return {**files, BUNDLE: json_text(stored)}


def require_used_actions(applied: list[AppliedAction]) -> None:
    """Raise `SourceError` if an action of an overlay found nothing: what it decides about is no longer there."""
    idle = [item.action for item in applied if not item.matches]
    if idle:
        raise SourceError(
            f"overlay action {idle[0].number} finds nothing in the document",
            where=idle[0].target,
            expected="at least one match",
            hint="correct its target, or delete the action if the sources no longer need it",
        )


def require_settled(disagreements: list[Disagreement], settled: set[str]) -> None:
    """Raise `SourceError` unless conflicts settle exactly the disagreements of the SDKs."""
    still_open = [found for found in disagreements if found.location not in settled]
    if still_open:
        first = still_open[0]
        raise SourceError(
            f"the two SDKs disagree in {len(still_open)} places that no conflict settles",
            where=f"{first.location}, the first of them",
            expected="one reading of both",
            got=f"{first.python} in Python, {first.typescript} in TypeScript",
            hint="name the location under `settles` of an entry in conflicts.yaml; where TypeScript is right, "
            "correct the document in overlay.yaml",
        )
    stale = sorted(settled - {found.location for found in disagreements})
    if stale:
        raise SourceError(
            "a conflict settles a disagreement of the SDKs that there is not",
            where=stale[0],
            hint="delete the location from conflicts.yaml",
        )


def _is_new(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text
