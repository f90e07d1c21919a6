"""Make a contract folder from an OpenAPI document, with or without a release of the SDK that adds to it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from whopwatch.contract import Contract, load
from whopwatch.contract.edition import EDITION
from whopwatch.contract.loader import forget_contracts, nearest_edition
from whopwatch.contract.openapi_adapter import adapt
from whopwatch.contract.openapi_file import read_openapi_file, version_of
from whopwatch.contract.openapi_inference import ImportNote, not_understood, not_used
from whopwatch.contract_build.assemble import annotate
from whopwatch.contract_build.build import with_bundle
from whopwatch.contract_build.coverage import count
from whopwatch.contract_build.files import writing_to, yaml_text
from whopwatch.contract_build.overlay import apply_overlay, read_overlay
from whopwatch.contract_build.sources import OpenApiSource, read_prefixes
from whopwatch.core.documents import MAX_FILE_BYTES, is_readable
from whopwatch.core.errors import SourceError, UsageError
from whopwatch.core.wording import first_few
from whopwatch.sync.move import declare_prefixes

COPY = "source.json"
RELEASE_COPY = "release.json"
"""What the SDK release says that adds to the document."""
INFERRED = "inferred.yaml"
_SECONDS = 60
_SHOWN_NAMES = 10
"""Components that nothing refers to, named for each kind."""
_HAND_WRITTEN = ("behaviour.toml", "writes.toml", "mcp.toml", "simulator.toml", "probes.toml", "id_prefixes.yaml")
_OVERLAY = """\
# Decisions made by hand for this document, each with its reason (OpenAPI Overlay 1.0). They also correct inferred.yaml.
overlay: 1.0.0
info: {title: Corrections of the imported document, version: 1.0.0}
extends: v1/openapi.yaml
actions: []
"""
_INFERRED_HEAD = (
    "# What the import inferred and what it did not understand. Made by `whopwatch contract build`: to correct an\n"
    "# inference, add an action to overlay.yaml and run `whopwatch contract build` again.\n"
)


@dataclass(frozen=True)
class ImportedDocument:
    """What became of a document: operations and events, what was inferred, and what was not understood.

    `unused` are the names of the components by kind that nothing in the document refers to.
    `only_in_sdk` are the operations and events that the SDK release has and the document does not: they are not added.
    """

    folder: Path
    operations: int
    events: int
    inferred: tuple[ImportNote, ...]
    ignored: tuple[ImportNote, ...]
    unused: dict[str, list[str]]
    only_in_sdk: tuple[ImportNote, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "operations": self.operations,
            "events": self.events,
            "inferred": [asdict(note) for note in self.inferred],
            "not_understood": [asdict(note) for note in self.ignored],
            "not_used": self.unused,
            "only_in_sdk": [asdict(note) for note in self.only_in_sdk],
        }


def import_openapi(location: str, target: Path, pattern: Path | None = None) -> ImportedDocument:
    """Write an edition made from the OpenAPI document at `location` (a file or an https URL) to the folder `target`.

    `pattern` is an edition that adds what the document does not say, by default the bundled one next to its version.
    Raise SourceError or ContractError if the document cannot be had or read, UsageError if `target` has other files.
    """
    if target.exists() and any(target.iterdir()) and not (target / EDITION).exists():
        raise UsageError(
            "The new contract cannot be written there.",
            where=str(target),
            expected="a contract folder, or an empty one",
        )
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(location)
        if "://" in location:
            file = Path(scratch) / COPY
            file.write_bytes(_fetched(location))
        elif not is_readable(file):
            raise SourceError("There is no such OpenAPI document.", where=location, expected="a file or an https URL")
        document = read_openapi_file(file)
        known = load(pattern) if pattern else nearest_edition(document)
        forget_contracts()
        with writing_to(target, "The new contract cannot be written there.", "name another folder with --output"):
            (target / "v1").mkdir(parents=True, exist_ok=True)
            _write_declarations(known.edition.folder, target)
            text = json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
            (target / COPY).write_text(text, encoding="utf-8")
            (target / RELEASE_COPY).unlink(missing_ok=True)
            if pattern:
                added = json.dumps(known.documents["v1"], ensure_ascii=False, separators=(",", ":")) + "\n"
                (target / RELEASE_COPY).write_text(added, encoding="utf-8")
            return _write(document, known, location, target)


def rebuild_imported(folder: Path, source: OpenApiSource) -> ImportedDocument:
    """Build an imported edition again from the copy of the document in its folder, with the actions of its overlay.

    Raise SourceError if the copy is not the pinned one.
    """
    found = hashlib.sha256((folder / source.file).read_bytes()).hexdigest()
    if found != source.sha256:
        raise SourceError(
            "The copy of the OpenAPI document is not the pinned one.",
            where=str(folder / source.file),
            expected=f"sha256 {source.sha256}",
            got=f"sha256 {found}",
            hint=f"import it again: whopwatch contract build openapi:{source.location} --output {folder}",
        )
    document = read_openapi_file(folder / source.file)
    release = folder / RELEASE_COPY
    known = load(str(release)) if release.exists() else nearest_edition(document)
    return _write(document, known, source.location, folder)


def _fetched(location: str) -> bytes:
    """Return the bytes of a document at a URL: over https only, at most MAX_FILE_BYTES, without redirects."""
    if not location.startswith("https://"):
        raise UsageError("A document is fetched over https only.", expected="openapi:https://...", got=location[:60])

    class _NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """Follow no redirect: the user named the host that is trusted."""

    try:
        with urllib.request.build_opener(_NoRedirect).open(location, timeout=_SECONDS) as response:
            content: bytes = response.read(MAX_FILE_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "code", None) or getattr(error, "reason", None) or type(error).__name__
        raise SourceError(
            "The OpenAPI document cannot be fetched.",
            where=location,
            got=str(reason),
            hint="download it, and give the file",
        ) from None
    return content


def _write_declarations(pattern: Path, target: Path) -> None:
    """Copy the hand-written files that an edition needs and `target` does not have yet."""
    for name in _HAND_WRITTEN:
        if (pattern / name).exists() and not (target / name).exists():
            shutil.copyfile(pattern / name, target / name)
    for name, text in (("overlay.yaml", _OVERLAY), ("conflicts.yaml", "conflicts: []\nderived: {}\n")):
        if not (target / name).exists():
            (target / name).write_text(text, encoding="utf-8")


def _write(document: dict[str, Any], known: Contract, location: str, target: Path) -> ImportedDocument:
    made, inferred = adapt(document, known, location)
    _add_permissions(made, known)
    apply_overlay(made, read_overlay(target / "overlay.yaml"))
    annotate(made, read_prefixes(target))
    declare_prefixes(target, made)
    # One file: names of tags and references inside of components are not limited as those of an SDK are.
    files = with_bundle({"v1/openapi.yaml": yaml_text(made, "An imported API, openapi.yaml")}, {"v1": made})
    for path in (target / "v1").glob("*.yaml"):
        path.unlink()
    for name, text in files.items():
        (target / name).write_text(text, encoding="utf-8", newline="\n")
    digest = hashlib.sha256((target / COPY).read_bytes()).hexdigest()
    source = OpenApiSource(location, COPY, digest)
    (target / "sources.toml").write_text(_sources_text(source, count(made)), encoding="utf-8")
    (target / EDITION).write_text(_edition_text(version_of(document)), encoding="utf-8")
    imported = ImportedDocument(
        target,
        count(made)["operations"],
        len(made["webhooks"]),
        tuple(inferred),
        tuple(not_understood(document)),
        not_used(document),
        tuple(_only_in_sdk(made, known)) if (target / RELEASE_COPY).exists() else (),
    )
    (target / INFERRED).write_text(_INFERRED_HEAD + _notes_text(imported), encoding="utf-8")
    forget_contracts()
    return imported


def _add_permissions(made: dict[str, Any], known: Contract) -> None:
    """Take the permissions of the pattern where the document names none: SDK docstrings name them."""
    for operation in known.operations.values():
        ours = made["paths"].get(operation.path, {}).get(operation.method.lower())
        if ours is None or operation.api != "v1" or any(any(entry.values()) for entry in ours["security"]):
            continue
        if operation.raw.get("security"):
            ours["security"] = operation.raw["security"]
        if "x-scopes" in operation.raw:
            ours.setdefault("x-scopes", operation.raw["x-scopes"])


def _only_in_sdk(made: dict[str, Any], known: Contract) -> Iterator[ImportNote]:
    """Yield what only the release has. Whether the API still has it, or not yet, no source says."""
    for operation in known.operations.values():
        if operation.api == "v1" and operation.method.lower() not in made["paths"].get(operation.path, {}):
            yield ImportNote(f"{operation.method} {operation.path}", f"only the SDK has {operation.id}; not added")
    for event in sorted(known.events.keys() - made["webhooks"].keys()):
        yield ImportNote(event, "only the SDK has the event; not added")


def _sources_text(source: OpenApiSource, counts: dict[str, int]) -> str:
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in asdict(source).items())
    numbers = "".join(f"{name} = {number}\n" for name, number in counts.items())
    head = "# The OpenAPI document that the contract is made from, and the digest of the copy of it in this folder.\n"
    return f"{head}\n[openapi]\n{lines}\n# Checked by `contract verify`.\n[counts]\n{numbers}"


def _edition_text(version: str | None) -> str:
    head = "# Which version of the API this folder describes.\n"
    return f"{head}version = {json.dumps(version)}\ndate = {json.dumps(version[:10])}\n" if version else head


def _notes_text(imported: ImportedDocument) -> str:
    """Return the notes by operation as YAML."""
    content: dict[str, Any] = {
        "inferred": _by_operation(imported.inferred),
        "not_understood": _by_operation(imported.ignored),
    }
    if imported.unused:
        content["not_used"] = {f"components.{kind}": [counted(names)] for kind, names in imported.unused.items()}
    if imported.only_in_sdk:
        content["only_in_sdk"] = _by_operation(imported.only_in_sdk)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def counted(names: list[str]) -> str:
    """Return how many names there are, and the first of them."""
    return f"{len(names)}: {first_few((name[:60] for name in names), _SHOWN_NAMES)}"


def _by_operation(notes: Iterable[ImportNote]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for note in notes:
        found.setdefault(note.operation, []).append(note.what)
    return found
