"""Install a release of an official SDK in its own folder, and run its driver as a separate program."""

from __future__ import annotations

import json
import math
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

from whopwatch.config.targets_file import is_api_version
from whopwatch.contract_build.files import CACHE_HINT, writing_to
from whopwatch.contract_build.releases import Release, named_release, no_such_release
from whopwatch.core.errors import SourceError, TargetError, UsageError
from whopwatch.relay import Containment, Relay

DRIVERS_FOLDER = Path(__file__).parent / "drivers"
LOCKS_FOLDER = Path(__file__).parent / "locks"
_PACKAGES = {"sdk": "whop-sdk", "npm": "@whop/sdk"}
_PYTHON_CLIENT = "whop_sdk/client.py"
_REQUESTED_VERSION = re.compile(r'\bapi_version_date: typing\.Optional\[str\] = "([0-9-]+)"')
_LOCK_SUFFIXES = {"sdk": ".txt", "npm": ".json"}
_INSTALL_SECONDS = 300
_RESPONSE_SECONDS = 60.0
_MAX_LINE_BYTES = 64 << 20
_INHERITED_VARIABLES = ("PATH", "HOME", "SYSTEMROOT", "LANG", "TMPDIR")


def parse_release(text: str) -> Release:
    """Parse a release as `named_release` does, or a bare version of the Python SDK. Raise UsageError otherwise."""
    release = named_release(text if ":" in text else f"sdk:{text}")
    if release is None:
        raise no_such_release(text)
    return release


def lock_of(release: Release, given: Path | None = None) -> Path | None:
    """Return the lock file with the hashes of `release` and its dependencies: the given one, or a bundled one.

    It is a requirements file with hashes for the Python SDK, a package-lock.json for npm. Raise UsageError if the
    given file does not exist.
    """
    if given is not None and not given.is_file():
        raise UsageError("The lock file does not exist.", where="option --lock", got=str(given))
    bundled = LOCKS_FOLDER / f"{release.registry}-{release.version}{_LOCK_SUFFIXES[release.registry]}"
    return given or (bundled if bundled.exists() else None)


def install_release(release: Release, cache: Path, lock: Path | None = None) -> Path:
    """Return the folder below `cache` with `release` and its dependencies; install it if it is not there.

    With `lock` only packages with the hashes in that file are installed. Raise SourceError if the installation fails.
    """
    digest = f"-{sha256(lock.read_bytes()).hexdigest()[:12]}" if lock else ""
    folder = cache.resolve() / "installed" / f"{release.registry}-{release.version}{digest}"
    if not folder.is_dir():
        with writing_to(cache, "Releases of the SDK cannot be installed there.", CACHE_HINT):
            _install(release, folder, lock)
    return folder


def _install(release: Release, folder: Path, lock: Path | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Installed in a temporary folder and renamed, so that a half-finished installation is never used.
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        fresh = Path(made) / "release"
        fresh.mkdir()
        _run(_install_command(release, fresh, lock), release, fresh)
        with suppress(OSError):  # another run was faster
            fresh.rename(folder)


def requested_version(folder: Path) -> str | None:
    """Return the API version that the release installed in `folder` requests by default; None if it requests none.

    Its client is read, not imported. Releases for npm request none.
    """
    try:
        found = _REQUESTED_VERSION.search((folder / _PYTHON_CLIENT).read_text(encoding="utf-8"))
    except OSError:
        return None
    return found[1] if found and is_api_version(found[1]) else None


def driver_command(release: Release, folder: Path, url: str, token: str) -> tuple[Sequence[str], Mapping[str, str]]:
    """Return the command that runs the driver of `release`, and its environment."""
    # Early releases require an app ID, and do not use it in any read.
    environ = {"WHOP_APP_ID": "app_relay"}
    if release.registry == "sdk":
        command = [sys.executable, "-s", str(DRIVERS_FOLDER / "driver.py"), url, token]
        return command, {**environ, "PYTHONPATH": str(folder)}
    driver = folder / "driver.mjs"
    if not driver.exists():
        # Node searches packages next to the program that imports them.
        shutil.copyfile(DRIVERS_FOLDER / "driver.mjs", driver)
    return [_find_program("node"), str(driver), url, token], environ


def require_release(release: Release, started: str) -> None:
    """Raise SourceError if the driver started another release than the requested one."""
    if started != release.version:
        raise SourceError("The driver started another release of the SDK.", expected=str(release), got=started[:40])


def _install_command(release: Release, folder: Path, lock: Path | None) -> list[str]:
    name = _PACKAGES[release.registry]
    if release.registry == "sdk":
        options = ["--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]
        wanted = ["--require-hashes", "-r", str(lock.resolve())] if lock else [f"{name}=={release.version}"]
        return [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), *wanted]
    package: dict[str, object] = {"private": True, "type": "module"}
    if lock:
        package["dependencies"] = {name: release.version}
        shutil.copyfile(lock, folder / "package-lock.json")
    (folder / "package.json").write_text(json.dumps(package), encoding="utf-8")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    wanted = ["ci"] if lock else ["install", f"{name}@{release.version}"]
    return [_find_program("npm"), *wanted, *options]


def _run(command: list[str], release: Release, folder: Path) -> None:
    try:
        subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_SECONDS)  # noqa: S603
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        lines = str(error.stderr or "no response in time").strip().splitlines()
        raise SourceError(
            f"{_PACKAGES[release.registry]} {release.version} cannot be installed.",
            got=lines[-1][:200] if lines else None,
            hint="check that the release exists and that the registry is reachable",
        ) from None


def _find_program(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SourceError(f"{program} was not found.", expected=f"{program} on the PATH")
    return path


class SdkProgram:
    """A running driver, which reads and writes one JSON object per line. `release` is the version it reports."""

    def __init__(self, process: subprocess.Popen[bytes], ends_at: float = math.inf) -> None:
        assert process.stdin
        assert process.stdout
        self._input, self._output = process.stdin, process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._buffer = b""
        self._ends_at = ends_at
        self.release = str(self._read_line().get("ready", ""))

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and return the driver's response. Raise TargetError if there is none by the time limit."""
        try:
            self._input.write(json.dumps(request).encode() + b"\n")
            self._input.flush()
        except OSError:
            raise _program_ended() from None
        return self._read_line()

    @property
    def is_late(self) -> bool:
        """Whether the time limit was reached."""
        return monotonic() >= self._ends_at

    def close(self) -> None:
        """Release the streams."""
        self._selector.close()

    def _read_line(self) -> dict[str, Any]:
        deadline = min(monotonic() + _RESPONSE_SECONDS, self._ends_at)
        while b"\n" not in self._buffer:
            if not self._selector.select(max(0.0, deadline - monotonic())):
                raise TargetError(
                    "The SDK did not respond in time.", expected=f"within {_RESPONSE_SECONDS:.0f} s, and --max-time"
                )
            chunk = os.read(self._output.fileno(), 1 << 16)
            if not chunk or len(self._buffer) > _MAX_LINE_BYTES:
                raise _program_ended()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            response = json.loads(line)
        except (ValueError, RecursionError):
            response = None
        if not isinstance(response, dict):
            raise TargetError("The SDK's program printed something other than a JSON object.")
        return response


@contextmanager
def run_program(command: Sequence[str], environ: Mapping[str, str], ends_at: float = math.inf) -> Iterator[SdkProgram]:
    """Run a driver while the context lasts; its environment has `environ` and a few system variables.

    Nothing waits for it longer than until `ends_at` of the monotonic clock. Its standard error is discarded: it can
    contain keys.
    """
    inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 (our driver and an interpreter that was found)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**inherited, **environ},
    )
    try:
        program = SdkProgram(process, ends_at)
        try:
            yield program
        finally:
            program.close()
    finally:
        process.kill()
        process.communicate()


@contextmanager
def run_driver(
    release: Release, folder: Path, relay: Relay, contained: Containment | None, ends_at: float = math.inf
) -> Iterator[SdkProgram]:
    """Run the driver of `release`, installed in `folder`, against `relay`, in the containment if there is one.

    Raise SourceError if it starts another release.
    """
    command, environ = driver_command(release, folder, relay.url, relay.token)
    if contained:
        command = contained.wrap(command, relay.port, readable=[folder, DRIVERS_FOLDER])
    with run_program(command, environ, ends_at) as program:
        require_release(release, program.release)
        yield program


def _program_ended() -> TargetError:
    return TargetError(
        "The SDK's program ended.",
        hint="check that the release runs with this interpreter: Python 3.11, or Node 20 for npm:VERSION",
    )
