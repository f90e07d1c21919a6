"""Start a foreign program so that it reaches the relay and nothing else.

On Linux it gets namespaces of its own (`unshare`): no network but the port of the relay, no other process, and only the
system, the interpreters and the files that belong to its command, all read-only. It cannot see the home folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from whopwatch.core.errors import UsageError

_SECRET_NAME = re.compile(r"(?:^|_)(?:API)?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_PR_SET_DUMPABLE = 4
_INSIDE = Path(__file__).with_name("inside.py")
_NAMESPACES = ("--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child")
_SYSTEM = tuple(
    map(
        Path,
        (
            *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"),
            *("/etc/ssl", "/etc/pki", "/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"),
        ),
    )
)
_CHECK_SECONDS = 20.0


def take_secrets(environ: MutableMapping[str, str] = os.environ, also: Collection[str] = ()) -> dict[str, str]:
    """Return a copy of `environ`, and remove its secrets from the environment of this process.

    Secret is a variable whose name says so, and the ones in `also`.

    Call it before a foreign program starts. On Linux other processes of the same user can no longer read the memory of
    this process, nor the environment that it was started with.
    """
    copy = dict(environ)
    secret = [name for name in copy if name in also or _SECRET_NAME.search(name)]
    for name in secret:
        del environ[name]
    _forbid_reading()
    _erase_initial_environment([copy[name] for name in secret])
    return copy


def _forbid_reading() -> None:
    """Make /proc/PID/mem and /proc/PID/environ of this process unreadable; no effect outside Linux."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _erase_initial_environment(values: list[str]) -> None:
    """Overwrite `values` in the environment block that the kernel shows as /proc/PID/environ, also to root."""
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        # Fields 50 and 51 of proc(5), counted from the third one.
        start, end = int(fields[47]), int(fields[48])
        block = ctypes.string_at(start, end - start)
        for value in values:
            encoded = value.encode("utf-8", "surrogateescape")
            at = block.find(b"=" + encoded + b"\0")
            if encoded and at >= 0:
                ctypes.memset(start + at + 1, ord("*"), len(encoded))


@dataclass(frozen=True, slots=True)
class Containment:
    """Where a contained program runs: `folder` holds its root and the `socket` of the relay."""

    folder: Path

    @property
    def socket(self) -> Path:
        """The UNIX socket at which the relay has to listen."""
        return self.folder / "relay.sock"

    def wrap(
        self, command: Sequence[str], port: int, readable: Iterable[Path] = (), folder: Path | None = None
    ) -> list[str]:
        """Return the command that runs `command` contained; it reaches the relay at `port` of 127.0.0.1.

        It can read `readable`, the installation of the program and the files that the command names. It starts in
        `folder`, which it can read unless that contains the home folder or the temporary files.
        """
        here = [folder] if folder and not _holds_home(folder) and folder not in self.folder.parents else []
        paths = _without_nested((*_SYSTEM, *_interpreters(), *readable, *_paths_of(command), *here))
        settings = {
            "root": str(self.folder / "root"),
            "readable": [str(path) for path in paths],
            "folder": str(folder or "/tmp"),  # noqa: S108 (of its own namespace)
            "port": port,
            "socket": str(self.socket),
        }
        start = [shutil.which("unshare") or "unshare", *_NAMESPACES, sys.executable, "-I", "-S", str(_INSIDE)]
        return [*start, json.dumps(settings), str(_program_of(command)), *command[1:]]


@contextmanager
def containment(*, trust: bool) -> Iterator[Containment | None]:
    """Yield the containment for one program, None if the user trusts it.

    Raise UsageError if this system allows no containment and the user did not say that the program is trusted.
    """
    if trust:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="whopwatch-") as name:
        made = Containment(Path(name))
        (made.folder / "root").mkdir()
        reason = why_not_contained(made)
        if reason:
            raise UsageError(
                "This system cannot contain a foreign program.",
                where="before the program was started",
                expected="Linux with user namespaces and the command unshare",
                got=reason,
                hint="use --trust to run it with your permissions: it could read your files and use your network",
            )
        yield made


def why_not_contained(made: Containment) -> str | None:
    """Return why this system does not allow the containment; None if it does."""
    if shutil.which("unshare") is None:
        return "no command unshare"
    command = made.wrap([shutil.which("true") or "true"], port=1)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_SECONDS)  # noqa: S603 (ours)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    lines = done.stderr.strip().splitlines()
    return None if done.returncode == 0 else (lines[-1][:200] if lines else f"exit code {done.returncode}")


def _interpreters() -> Iterator[Path]:
    for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix):
        yield Path(prefix)
        yield Path(prefix).resolve()


def _program_of(command: Sequence[str]) -> Path:
    return Path(shutil.which(command[0]) or command[0]).absolute()


def _paths_of(command: Sequence[str]) -> Iterator[Path]:
    """Yield the installation of the program, and the folders of the files that its arguments name."""
    for step in _links(_program_of(command)):
        yield _modules_of(step) or _installation(step)
    for word in command[1:]:
        file = Path(word)
        if word and file.exists():
            folder = file.absolute() if file.is_dir() else file.absolute().parent
            yield _modules_of(folder) or (file.absolute() if _holds_home(folder) else folder)


def _modules_of(path: Path) -> Path | None:
    """Return the outermost node_modules that contains `path`: a package of npm needs the packages next to it."""
    return next((folder for folder in (*reversed(path.parents), path) if folder.name == "node_modules"), None)


def _links(path: Path) -> Iterator[Path]:
    """Yield `path`, and what it points to as long as that is a symbolic link."""
    for _ in range(10):
        yield path
        if not path.is_symlink():
            return
        path = Path(path.parent, path.readlink())


def _installation(program: Path) -> Path:
    """Return the folder above bin, without which an interpreter does not start, or the program's own folder or file."""
    prefix = program.parent.parent
    if program.parent.name == "bin" and not _holds_home(prefix) and prefix.name != ".local":
        return prefix
    return program if _holds_home(program.parent) else program.parent


def _holds_home(folder: Path) -> bool:
    """Return whether `folder` is the home folder or one that contains it."""
    home = Path.home()
    return folder in (home, *home.parents)


def _without_nested(paths: Iterable[Path]) -> list[Path]:
    """Return the existing `paths` that are not inside another one, which would already show them."""
    existing = {path for path in paths if path.exists() and path != Path("/")}
    return sorted(path for path in existing if not existing.intersection(path.parents))
