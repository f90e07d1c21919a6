"""Makes the contract's files from its declared sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract_build.annotate import annotate
from whopwatch.contract_build.assemble import Assembler
from whopwatch.contract_build.declared import Reference, Sources, read_prefixes
from whopwatch.contract_build.fetch import pinned
from whopwatch.contract_build.followed import read_followed
from whopwatch.contract_build.layout import split
from whopwatch.contract_build.merge import Disagreement, alone, merge
from whopwatch.contract_build.model import SdkModel
from whopwatch.contract_build.overlay import Applied, apply, read_overlay
from whopwatch.contract_build.python_sdk import read_python_sdk
from whopwatch.contract_build.texts import read_yaml
from whopwatch.contract_build.typescript_sdk import read_typescript_sdk
from whopwatch.contract_build.v2 import assemble_v2
from whopwatch.contract_build.write import as_json, as_yaml, digest
from whopwatch.contract_build.writing import writing_to
from whopwatch.core.errors import SourceError


@dataclass(frozen=True)
class Documents:
    """The two documents, whole, and what the overlays did to them."""

    v1: dict[str, Any]
    v2: dict[str, Any]
    applied: tuple[Applied, ...]


@dataclass(frozen=True)
class BuildResult:
    """The files of a build by their path in the contract folder, and which of them the build changed."""

    files: dict[str, str]
    changed: tuple[str, ...]


def build(
    contracts: Path,
    *,
    cache_dir: Path,
    python_archive: Path | None = None,
    typescript_archive: Path | None = None,
) -> BuildResult:
    """Make the contract again and write what changed.

    The SDK packages are fetched into `cache_dir` unless an archive is given; either way their digests must be the
    pinned ones. Raises `SourceError` if a source is missing, is not the pinned one, contradicts another without a
    declared decision, or if an action of the overlay finds nothing.
    """
    packages = Sources.read(contracts).packages
    model, disagreements = exact_model(
        pinned(packages["python"], cache_dir, python_archive),
        pinned(packages["typescript"], cache_dir, typescript_archive) if packages["typescript"].is_published else None,
    )
    entries = read_yaml(contracts / "conflicts.yaml")["conflicts"]
    settled = {location for entry in entries for location in entry.get("settles", ())}
    refuse_open(disagreements, settled | set(read_followed(contracts).get("undecided", ())))
    made = documents(contracts, model)
    refuse_idle(list(made.applied))
    files = render(made)
    changed = tuple(path for path, text in files.items() if _is_new(contracts / path, text))
    for path in changed:
        with writing_to(contracts, "The contract cannot be written there.", "name another folder with --contracts"):
            (contracts / path).parent.mkdir(parents=True, exist_ok=True)
            (contracts / path).write_text(files[path], encoding="utf-8", newline="\n")
    return BuildResult(files, changed)


def exact_model(python: Path, typescript: Path | None) -> tuple[SdkModel, list[Disagreement]]:
    """The exact schema that the archives tell, and where they disagree; Python alone leaves some things open."""
    model = read_python_sdk(python)
    return merge(model, read_typescript_sdk(typescript)) if typescript is not None else (alone(model), [])


def documents(contracts: Path, model: SdkModel) -> Documents:
    """Return the documents of the exact schema `model` and the declared facts in `contracts`."""
    prefixes = read_prefixes(contracts)
    reference = Reference.read(contracts)
    v1 = Assembler(model, reference).document()
    v2 = assemble_v2(reference)
    applied = [
        *apply(v1, read_overlay(contracts / "overlay.yaml")),
        *apply(v2, read_overlay(contracts / "v2" / "overlay.yaml")),
    ]
    for document in (v1, v2):
        annotate(document, prefixes)
    return Documents(v1, v2, tuple(applied))


def render(made: Documents) -> dict[str, str]:
    """Return the text of every file of a contract by its path in the contract folder."""
    files = {f"v1/{name}": as_yaml(part, f"Whop API v1, {name}") for name, part in split(made.v1).items()}
    files["v2/openapi.yaml"] = as_yaml(made.v2, "Whop API v2, openapi.yaml")
    digests = {path: digest(text) for path, text in files.items()}
    return {**files, "bundle.json": as_json({"format": 1, "v1": made.v1, "v2": made.v2, "files": digests})}


def refuse_idle(applied: list[Applied]) -> None:
    """Raise `SourceError` if an action of an overlay found nothing: what it decides about is no longer there."""
    idle = [item.action for item in applied if not item.matches]
    if idle:
        raise SourceError(
            f"overlay action {idle[0].number} finds nothing in the document",
            where=idle[0].target,
            expected="at least one match",
            hint="correct its target, or delete the action if the sources no longer need it",
        )


def refuse_open(disagreements: list[Disagreement], settled: set[str]) -> None:
    """Raise `SourceError` unless the disagreements of the SDKs are exactly those that conflicts settle."""
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
