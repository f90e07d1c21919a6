"""The output files of a run. Whether they can be written is checked before the first request."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import redact

STDOUT = "-"
PRIVATE_KINDS = frozenset({"har"})
"""Kinds of output that can be confidential: a recording shows what an account has, although no value of it."""
REPORT = "A report cannot be written."


class Outputs:
    """Where each kind of report goes: file name by kind, `-` for stdout, None for nowhere.

    Raise UsageError for a file that cannot be written, and for two kinds with the same file.
    """

    def __init__(self, files: Mapping[str, str | None], folder: Path | None, names: Mapping[str, str]) -> None:
        self._places = [(kind, file) for kind, file in files.items() if file is not None]
        if any(not file.strip() for _, file in self._places):
            raise UsageError(REPORT, expected="the name of a file, or - for stdout", got="none")
        if folder is not None:
            _make_folder(folder)
            self._places += [(kind, str(folder / name)) for kind, name in names.items()]
        if self.use_stdout and len([file for _, file in self._places if file == STDOUT]) > 1:
            raise UsageError("Only one report can go to stdout.", expected="one option with the value -")
        paths = [Path(file) for _, file in self._places if file != STDOUT]
        for path in paths:
            refuse_unwritable_file(path)
        _refuse_same(paths)

    @property
    def use_stdout(self) -> bool:
        """Return whether a report goes to stdout, which then carries nothing else."""
        return any(file == STDOUT for _, file in self._places)

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds of report to write."""
        return frozenset(kind for kind, _ in self._places)

    def write(self, texts: Mapping[str, str]) -> list[str]:
        """Write `texts` (by kind) to their files, each atomically; return the files written.

        If some files cannot be written, raise the UsageError of the first, after the others are written.
        """
        written, errors = [], []
        for kind, file in self._places:
            if file == STDOUT:
                sys.stdout.write(texts[kind])
                continue
            try:
                write_whole(Path(file), texts[kind], is_private=kind in PRIVATE_KINDS)
                written.append(file)
            except UsageError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return written


def write_whole(path: Path, text: str, what: str = REPORT, *, is_private: bool = False) -> None:
    """Write `text`, without secrets, to `path` atomically: a reader sees the old file or the new one.

    A new file has the permissions that the umask leaves, a private one is for its owner alone. An existing file keeps
    its permissions. Raise UsageError with the message `what` if that fails.
    """
    text = redact(text)
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.chmod(name, _mode(path, is_private))
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise _unwritable(path, error, what) from None


def _mode(path: Path, is_private: bool) -> int:
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)  # can only be read by setting it
    os.umask(umask)
    return (0o600 if is_private else 0o666) & ~umask


def refuse_unwritable_file(path: Path, what: str = REPORT) -> None:
    """Raise UsageError with the message `what` if `write_whole` could not write to `path`."""
    try:
        if path.is_dir():
            raise UsageError(what, where=str(path), expected="a file", got="a folder")
        if not path.parent.is_dir():
            raise UsageError(
                what,
                where=str(path),
                expected="a file in a folder that exists",
                hint=f"create the folder {str(path.parent)!r}",
            )
        if path.exists() and not os.access(path, os.W_OK):
            raise UsageError(what, where=str(path), got="no permission to write there")
        is_replaceable = path.is_file() or not path.exists()
    except OSError as error:
        raise _unwritable(path, error, what) from None
    if is_replaceable:
        _try_folder(path, what)


def _try_folder(path: Path, what: str) -> None:
    """Create a file beside `path`: some file systems accept no file whatever the permissions say."""
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        got = f"a folder that accepts no new file: {error.strerror}"
        raise UsageError(what, where=str(path), expected="a writable folder", got=got) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error, REPORT) from None


def _refuse_same(paths: Sequence[Path]) -> None:
    """Raise UsageError for two reports with one file, where the last would replace the others. Devices are allowed."""
    seen: dict[object, Path] = {}
    for path in paths:
        if path.exists() and not path.is_file():
            continue
        entry = path.stat() if path.exists() else None
        identity = (entry.st_dev, entry.st_ino) if entry else os.path.realpath(path)
        if identity in seen:
            raise UsageError(
                "Two reports have the same file.",
                where=" and ".join(dict.fromkeys(map(str, (seen[identity], path)))),
                expected="a file for each",
            )
        seen[identity] = path


def _unwritable(path: Path, error: OSError, what: str) -> UsageError:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free disk space, or write to another disk, then run the command again" if is_full else None
    return UsageError(what, where=str(path), got=error.strerror or "an error", hint=hint)
