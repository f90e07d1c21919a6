"""Move a contract to another release of the SDK, as a change that can be reviewed.

What a person has to decide afterwards is listed with the file, the key, and an example of the entry.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from whopwatch.contract import Contract
from whopwatch.contract.bundle import APIS
from whopwatch.contract.edition import EDITION
from whopwatch.contract.loader import editions, forget_contracts, read_edition
from whopwatch.contract_build.build import Documents, dated_document, documents, exact_model, render
from whopwatch.contract_build.coverage import count
from whopwatch.contract_build.dated import DECLARED
from whopwatch.contract_build.files import read_yaml, writing_to
from whopwatch.contract_build.merge import Disagreement
from whopwatch.contract_build.official import OFFICIAL, facts_that_hold, read_official
from whopwatch.contract_build.overlay import AppliedAction, OverlayAction
from whopwatch.contract_build.releases import Release, fetch_release, file_of, published_versions
from whopwatch.contract_build.sdk_model import SdkModel
from whopwatch.contract_build.sources import (
    FOLLOWED_FILE,
    PREFIX_FILE,
    REFERENCE_FILE,
    Package,
    Sources,
    has_reference,
    read_prefixes,
    release_changes,
)
from whopwatch.contract_build.verify import Problem, verify
from whopwatch.core.documents import parse_yaml_document
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Finding
from whopwatch.core.pointers import escape_pointer, mappings, unescape_pointer
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import read_side

_HEAD = (
    "# What release {version} of the SDK has beyond the API reference, and what it no longer has.\n"
    "# Made by `whopwatch contract sync`. `undecided` are places where the two SDKs disagree: Python's is taken until\n"
    "# an entry of conflicts.yaml settles them.\n"
)
_FACTS_HEAD = (
    "# Facts read off Whop's own OpenAPI document that this release does not contradict; the most trusted source.\n"
)
_OF_ONE_KIND = (REFERENCE_FILE, FOLLOWED_FILE, "simulator.toml", DECLARED, OFFICIAL)
"""Files that not every edition has: they go if the contract moves to a release of the other kind."""
_EDITION = '# Which version of the API this folder describes.\nrelease = "{release}"\n'
_OVERLAY = ("overlay.yaml", "actions")
_OF_QUERIES = {"queries", "filters", "order"}
"""Checks of what a query parameter does: behaviour.toml declares it."""


@dataclass(frozen=True, slots=True)
class LeftToDo:
    """One decision: what is wrong and where, and the entry (`key` of `file`, such as `example`) that settles it."""

    check: str
    where: str
    what: str
    file: str
    key: str
    example: str

    def lines(self) -> Iterable[str]:
        """Yield it as text."""
        yield f"{self.where}: {self.what}"
        yield f"  file     {self.file}, key {self.key}"
        yield f"  example  {self.example}"


def of_problem(problem: Problem) -> LeftToDo:
    """Return what settles a problem of `contract verify`."""
    word = problem.what.rpartition(" ")[2]
    if "undeclared prefix" in problem.what:
        entry = ("id_prefixes.yaml", "resources or others", f"{word.rstrip('_')}: [{word}]")
    elif problem.check == "counts":
        entry = ("sources.toml", f"counts.{problem.where}", f"{problem.where} = {word}")
    elif problem.check == "official":
        entry = ("official.yaml", "facts", f"delete the entry of {problem.where}")
    elif problem.check == "conflicts":
        entry = ("conflicts.yaml", "conflicts", f"delete or correct the entry {problem.where}")
    elif problem.check in ("reference", "edition"):
        entry = (f"{problem.check}.{'yaml' if problem.check == 'reference' else 'toml'}", problem.where, problem.what)
    else:
        entry = (*_OVERLAY, _overlay_entry(problem.where))
    return LeftToDo(problem.check, problem.where, problem.what, *entry)


def of_disagreement(found: Disagreement) -> LeftToDo:
    """Return what settles a place where the two SDKs disagree; until then the contract has Python's reading."""
    readings = f"{{source: Python SDK, says: {json.dumps(found.python)}}}"
    readings += f", {{source: TypeScript SDK, says: {json.dumps(found.typescript)}}}"
    example = (
        f"- {{id: {_name(found.location)}, subject: ..., operations: [], settles: [{json.dumps(found.location)}], "
        f"readings: [{readings}], takes: {json.dumps(found.python)}, why: ...}}"
    )
    what = f"{found.python} in the Python SDK, {found.typescript} in the TypeScript SDK"
    return LeftToDo("sources", found.location, what, "conflicts.yaml", "conflicts", example)


def of_finding(finding: Finding, contract: Contract) -> LeftToDo:
    """Return what settles a finding that `check` has at the simulator of the new contract."""
    operation = contract.operations.get(finding.operation)
    name = finding.location.removeprefix("param:")
    if finding.check in _OF_QUERIES and name != finding.location:
        key = f'operations."{finding.operation}"'
        entry = ("behaviour.toml", key, f'{name.removesuffix("[]")} = {{ field = "path.of.the.field" }}')
    else:
        place = f"/paths/{escape_pointer(operation.path)}/{operation.method.lower()}" if operation else "/webhooks"
        entry = (*_OVERLAY, _overlay_entry(f"v1{place}"))
    return LeftToDo(finding.check, f"{finding.operation} {finding.location}", finding.message, *entry)


def _overlay_entry(where: str) -> str:
    """Return an overlay action for a place that `contract verify` names: an API and a JSON pointer."""
    steps = where.partition("/")[2].split("/") if "/" in where else []
    path = "".join(f"['{unescape_pointer(step)}']" for step in steps if step)
    return f'- {{target: "${path}", description: why, update: {{...}}}}'


def _name(location: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in location).strip("-").lower()[:60]


@dataclass(frozen=True)
class ContractMove:
    """A move: the files that it changes, what moved by class, and the decisions that no longer apply.

    `idle` are overlay actions that find nothing any more, `closed` conflicts whose operations are gone; both are taken
    out. `disagreements` are places where the TypeScript SDK says something else than the Python SDK, whose reading the
    contract has. `left` is what a person has to decide.
    """

    version: str
    files: tuple[str, ...]
    comparison: Comparison
    idle: tuple[OverlayAction, ...]
    closed: tuple[str, ...]
    disagreements: tuple[LeftToDo, ...]
    left: tuple[LeftToDo, ...]

    def to_json(self, tool_version: str) -> dict[str, Any]:
        """Return the move as JSON: the comparison's report, and the state of each decision."""
        return {
            **self.comparison.to_json(tool_version),
            "release": self.version,
            "files": list(self.files),
            "idle_overlay_actions": [{"number": action.number, "target": action.target} for action in self.idle],
            "closed_conflicts": list(self.closed),
            "undecided": [place.where for place in self.disagreements],
            "disagreements": [asdict(place) for place in self.disagreements],
            "left_to_do": [asdict(problem) for problem in self.left],
        }


def move_contract(
    contracts: Path, version: str, cache_dir: Path, target: Path, *, registry: str = "sdk"
) -> ContractMove:
    """Move the contract in `contracts` to a release and write the result to `target`, which may be the same folder.

    The release is that of Python, with what TypeScript adds to it; with `registry` npm, that of TypeScript alone.
    Nothing is written before the new contract is complete. Raise `SourceError` if the release cannot be had or read,
    `UsageError` if `target` holds something else.
    """
    if target.exists() and not (target / "sources.toml").exists() and any(target.iterdir()):
        raise UsageError(
            "The new contract cannot be written there.",
            where=str(target),
            expected="a contract folder, an empty folder, or none yet",
        )
    release = Release(registry, version)
    packages = _packages(Sources.read(contracts), release, cache_dir)
    files = {name: cache_dir / package.file for name, package in packages.items() if package.is_published}
    model, disagreements = exact_model(files.get("python"), files.get("typescript"))
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(shutil.copytree(_declarations(contracts, model), Path(scratch) / "contracts"))
        still_open = _undecided(work, disagreements)
        if has_reference(work):
            undecided = {"undecided": [found.location for found in still_open]}
            changes = {**release_changes(read_yaml(work / REFERENCE_FILE), model), **undecided}
            _write_yaml(work / FOLLOWED_FILE, changes, _HEAD.format(version=model.version))
        else:
            packages.pop("typescript", None)
            _keep_true_facts(work, model)
        made = documents(work, model)
        idle = _drop_idle(work, made)
        closed = _close_conflicts(work, made)
        declare_prefixes(work, made.v1)
        _write_contract(work, made, packages, model, release)
        left = tuple(map(of_problem, verify(work)))
        # What `diff` and `contract watch` compare, so that all of them report the same changes.
        comparison = compare_sides(read_side(str(contracts), cache_dir), read_side(str(release), cache_dir))
        with writing_to(target, "The new contract cannot be written there.", "name another folder with --output"):
            changed = tuple(_copy(work, target))
    forget_contracts()
    return ContractMove(model.version, changed, comparison, idle, closed, tuple(map(of_disagreement, still_open)), left)


def _declarations(contracts: Path, model: SdkModel) -> Path:
    """Return the edition whose hand-written files fit a release: `contracts`, or else the bundled one of its kind.

    A release that sends a dated version is described by the SDK alone, an earlier one by the API reference as well.
    """
    if has_reference(contracts) != bool(model.api_version):
        return contracts
    dated = [edition.folder for edition in editions() if has_reference(edition.folder) != bool(model.api_version)]
    return dated[-1]


def _undecided(work: Path, disagreements: list[Disagreement]) -> list[Disagreement]:
    """Return the places where the SDKs disagree and no conflict says which of them is right."""
    entries = read_yaml(work / "conflicts.yaml")["conflicts"]
    settled = {location for entry in entries for location in entry.get("settles", ())}
    return sorted((one for one in disagreements if one.location not in settled), key=lambda one: one.location)


def _keep_true_facts(work: Path, model: SdkModel) -> None:
    """Take the facts of the official document out that are not of this release: they were read off another version."""
    if read_edition(work).release == f"sdk:{model.version}":
        return
    kept: dict[str, dict[str, Any]] = {}
    for fact in facts_that_hold(dated_document(work, model), read_official(work)):
        kept.setdefault(fact.where, {})[fact.pointer] = dict(fact.says)
    _write_yaml(work / OFFICIAL, {"facts": kept}, _FACTS_HEAD)


def _packages(sources: Sources, release: Release, cache_dir: Path) -> dict[str, Package]:
    """Return the release in each language that the edition names; TypeScript may have none of that version."""
    version = release.version
    if release.registry == "npm":
        declared = release.package()
        return {"typescript": fetch_release(declared.registry, declared.name, version, cache_dir)}
    python, typescript = sources.python, sources.packages.get("typescript")
    found = {"python": fetch_release(python.registry, python.name, version, cache_dir)}
    if typescript is None:
        return found
    is_cached = (cache_dir / file_of(typescript.registry, typescript.name, version)).exists()
    if is_cached or version in published_versions(typescript.registry, typescript.name):
        found["typescript"] = fetch_release(typescript.registry, typescript.name, version, cache_dir)
    else:
        found["typescript"] = Package(typescript.registry, typescript.name, "", "", "")
    return found


def _drop_idle(work: Path, made: Documents) -> tuple[OverlayAction, ...]:
    """Take the overlay actions out that find nothing; those of v2 do not depend on the SDK."""
    idle: list[AppliedAction] = [item for item in made.applied if not item.matches]
    numbers = {item.action.number for item in idle}
    path = work / "overlay.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(without_entries(text, "actions", lambda number, _: number not in numbers), encoding="utf-8")
    return tuple(item.action for item in idle)


def declare_prefixes(work: Path, document: dict[str, Any]) -> None:
    """Add the prefixes to id_prefixes.yaml that only a document names."""
    known = {prefix for group in read_prefixes(work).values() for prefix in group}
    for schema in mappings(document):
        for prefix in schema.get("x-id-prefix", ()):
            if prefix not in known:
                known.add(prefix)
                with (work / PREFIX_FILE).open("a", encoding="utf-8") as file:
                    file.write(f"  of_{prefix.rstrip('_')}: [{prefix}]  # named by the document\n")


def _close_conflicts(work: Path, made: Documents) -> tuple[str, ...]:
    """Take the conflicts out that are about operations which there are no longer."""
    known = {
        operation["operationId"]
        for document in filter(None, (made.v1, made.v2))
        for section in ("paths", "webhooks")
        for item in document.get(section, {}).values()
        for operation in item.values()
    }
    path = work / "conflicts.yaml"
    closed: list[str] = []

    def is_open(_: int, entry: dict[str, Any]) -> bool:
        if set(entry["operations"]) <= known:
            return True
        closed.append(entry["id"])
        return False

    path.write_text(without_entries(path.read_text(encoding="utf-8"), "conflicts", is_open), encoding="utf-8")
    return tuple(reversed(closed))


def _write_contract(
    work: Path, made: Documents, packages: dict[str, Package], model: SdkModel, release: Release
) -> None:
    for path in (work / "v1").glob("*.yaml"):
        path.unlink()
    for name, text in render(made).items():
        (work / name).write_text(text, encoding="utf-8", newline="\n")
    (work / "sources.toml").write_text(sources_text(packages, count(made.v1, made.v2)), encoding="utf-8")
    (work / EDITION).write_text(_edition_text(model, release), encoding="utf-8")


def _edition_text(model: SdkModel, release: Release) -> str:
    lines = [_EDITION.format(release=release)]
    if model.api_version:
        lines += [f'version = "{model.api_version}"\ndate = "{model.api_version[:10]}"\n']
    return "".join(lines)


def _write_yaml(path: Path, content: dict[str, Any], head: str) -> None:
    body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(head + body, encoding="utf-8")


def _copy(work: Path, target: Path) -> Iterator[str]:
    """Copy the content of `work` to `target`; return the names of the files that changed, were added or removed."""
    names = {path.relative_to(work) for path in work.rglob("*") if path.is_file()}
    for name in sorted(names):
        new, old = work / name, target / name
        if not old.exists() or old.read_bytes() != new.read_bytes():
            old.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(new, old)
            yield str(name)
    made = [path for api in APIS for path in (target / api).glob("*.yaml")]
    for path in sorted([*made, *(target / name for name in _OF_ONE_KIND)]):
        if path.relative_to(target) not in names and path.exists():
            path.unlink()
            yield str(path.relative_to(target))
    for folder in (target / api for api in APIS):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


_SOURCES_HEAD = (
    "# The SDK packages that the contract is built from, fetched by name from their registries and pinned by digest.\n"
)
_NONE = "# There is no such release in this language.\n"
_COUNTS = "# Counts of the documents made from these releases; `contract verify` compares them.\n"


def sources_text(packages: Mapping[str, Package], counts: Mapping[str, int]) -> str:
    """Return the text of `sources.toml` for these packages and counts."""
    tables = [_SOURCES_HEAD]
    for language, package in packages.items():
        lines = "".join(f'{key} = "{value}"\n' for key, value in asdict(package).items())
        tables.append(f"{'' if package.is_published else _NONE}[sdk.{language}]\n{lines}")
    numbers = "".join(f"{name} = {number}\n" for name, number in counts.items())
    return "\n".join([*tables, f"{_COUNTS}[counts]\n{numbers}"])


def without_entries(text: str, key: str, is_wanted: Callable[[int, dict[str, Any]], bool]) -> str:
    """Return `text` without the unwanted entries of the list under `key`; numbers count from 1."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    entries = next(value for name, value in root.value if name.value == key)
    loaded = parse_yaml_document(text)[key]
    lines = text.splitlines(keepends=True)
    for index in reversed(range(len(loaded))):
        if not is_wanted(index + 1, loaded[index]):
            first, last = entries.value[index].start_mark.line, _end(entries.value[index], lines)
            del lines[first:last]
    return "".join(lines)


def _end(node: yaml.Node, lines: list[str]) -> int:
    """Return the number of the line after the entry; comments before the next entry belong to that one."""
    # A block ends where the next thing begins, one in brackets in its own last line.
    is_block = node.end_mark.column <= node.start_mark.column
    last: int = node.end_mark.line if is_block else node.end_mark.line + 1
    while last > node.start_mark.line + 1 and not _is_content(lines[last - 1]):
        last -= 1
    return last


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
