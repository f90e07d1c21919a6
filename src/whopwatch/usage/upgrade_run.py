"""Run the user's own tests at the old and the new version, before and after the suggested edits."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whopwatch.contract import Contract
from whopwatch.core.errors import WhopwatchError
from whopwatch.usage.command_run import CommandResult, run_at_simulator
from whopwatch.usage.scan import IGNORED_FOLDERS, MAX_SOURCE_FILES, MAX_TOTAL_BYTES


@dataclass(frozen=True)
class UpgradeRun:
    """One run of the user's tests: at which version, and whether the suggested edits were made.

    `problem` is why there is no result.
    """

    version: str
    is_edited: bool = False
    result: CommandResult | None = None
    problem: str = ""

    @property
    def words(self) -> str:
        """Return `at 2026-10-15-1 with the suggested edits: failed (exit code 1, 40 requests)`."""
        edits = " with the suggested edits" if self.is_edited else ""
        return f"at {self.version}{edits}: {self.result.words if self.result else f'not run: {self.problem}'}"

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON."""
        result = self.result.to_json() if self.result else None
        return {"version": self.version, "with_edits": self.is_edited, "result": result, "problem": self.problem}


class _CopyRefusedError(Exception):
    """The working folder is not copied; the message says why."""


def run_before_and_after(
    words: list[str], old: Contract, new: Contract, sources: Sequence[Path], edited: Mapping[str, str]
) -> tuple[UpgradeRun, ...]:
    """Run a command at a simulator of `old`, at one of `new`, and there again with the suggested edits.

    The edits are made in a copy of the working folder. `edited` maps the files that they change to their new text.
    """
    runs = [
        _run(words, contract, UpgradeRun(contract.version or name))
        for contract, name in ((old, "the old version"), (new, "the new version"))
    ]
    if edited:
        run = UpgradeRun(runs[1].version, is_edited=True)
        with tempfile.TemporaryDirectory(prefix="whopwatch-", ignore_cleanup_errors=True) as scratch:
            try:
                copy = _edited_copy(Path(scratch) / Path.cwd().name, edited)
            except _CopyRefusedError as error:
                return (*runs, replace(run, problem=str(error)))
            except (OSError, ValueError) as error:
                return (*runs, replace(run, problem=f"the working folder cannot be copied ({_reason(error)})"))
            there = [_program(words[0], copy), *words[1:]]
            runs.append(_run(there, new, run, python_path=_import_roots(sources, copy), folder=copy))
    return tuple(runs)


def _run(
    words: list[str], contract: Contract, run: UpgradeRun, python_path: Sequence[Path] = (), folder: Path | None = None
) -> UpgradeRun:
    """Return `run` with its result, or with why there is none: the worklist is printed without it."""
    try:
        return replace(run, result=run_at_simulator(words, contract, python_path=python_path, folder=folder))
    except (OSError, ValueError, WhopwatchError) as error:
        return replace(run, problem=f"the command cannot be executed ({_reason(error)})")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _program(name: str, copy: Path) -> str:
    """Return the program for a run in the copy: one with a relative path that the copy lacks is the original."""
    if not os.path.dirname(name) or (copy / name).exists():
        return name
    return os.path.abspath(name)  # not resolve(): the python of a virtual environment is a link


def _edited_copy(copy: Path, edited: Mapping[str, str]) -> Path:
    """Copy the working folder and make the edits in the copy. Libraries become links to the original."""
    here = Path.cwd()
    outside = next((name for name in edited if Path(name).is_absolute() or ".." in Path(name).parts), None)
    if outside is not None:
        raise _CopyRefusedError(f"{outside} is not below the working folder")
    files = size = 0
    for place, folders, names in os.walk(here):
        target = copy / Path(place).relative_to(here)
        target.mkdir(parents=True, exist_ok=True)
        for name in list(folders):
            source = Path(place, name)
            is_library = name in IGNORED_FOLDERS or name.startswith(".") or (source / "pyvenv.cfg").exists()
            if is_library or source.is_symlink():
                folders.remove(name)
                if name != "__pycache__":
                    (target / name).symlink_to(source)
        for name in names:
            source = Path(place, name)
            if source.is_symlink() and _is_linked(source, target / name, here, copy):
                continue
            if not source.is_file():
                continue
            files, size = files + 1, size + source.stat().st_size
            if files > MAX_SOURCE_FILES or size > MAX_TOTAL_BYTES:
                raise _CopyRefusedError("the working folder is too large to copy")
            shutil.copy2(source, target / name)
    original = next((name for name in edited if not (copy / name).resolve().is_relative_to(copy.resolve())), None)
    if original is not None:
        raise _CopyRefusedError(f"{original} is in a folder that is not copied")
    for name, text in edited.items():
        (copy / name).write_text(text, encoding="utf-8", newline="")
    return copy


def _is_linked(source: Path, target: Path, here: Path, copy: Path) -> bool:
    """Link to the counterpart of what a link below `here` points to; False for a file elsewhere, which is copied."""
    try:
        real = source.resolve()
    except RuntimeError:  # a loop of links
        return True
    if not real.is_relative_to(here):
        return False
    target.symlink_to(copy / real.relative_to(here))
    return True


def _import_roots(sources: Sequence[Path], copy: Path) -> list[Path]:
    """Return what the copy's PYTHONPATH starts with: its counterparts of source folders and of the own PYTHONPATH."""
    here = Path.cwd()
    own = [Path(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    roots = [source for source in sources if source.is_dir() and not (source / "__init__.py").exists()]
    found = [path.resolve() for path in (*own, *roots)]
    return [copy / path.relative_to(here) for path in dict.fromkeys(found) if path.is_relative_to(here)]
