"""Fetches the pinned SDK packages with the ordinary clients of their registries."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from whopwatch.authoring.declared import Package
from whopwatch.errors import SourceError

_SECONDS = 120


def pinned(package: Package, cache_dir: Path, archive: Path | None = None) -> Path:
    """Return the archive of `package`: the given one, the cached one, or one fetched into `cache_dir`.

    Raises `SourceError` if it cannot be fetched or its digest is not the pinned one.
    """
    path = archive or cache_dir / package.file
    if archive is None and not path.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        _run(_command(package, cache_dir), package, cache_dir)
    if not path.exists():
        raise SourceError(
            f"the archive of {package.name} {package.version} is missing",
            where=str(path),
            expected=package.file,
            hint="check `file` in sources.toml against what the registry serves",
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SourceError(
            f"{package.name} {package.version} is not the pinned package",
            where=str(path),
            expected=f"sha256 {package.sha256}",
            got=f"sha256 {found}",
            hint="delete the file and build again; if the registry serves another file, that is a finding",
        )
    return path


def _command(package: Package, cache_dir: Path) -> list[str]:
    wanted = f"{package.name}=={package.version}"
    if package.registry == "pypi":
        options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
        return [sys.executable, "-m", "pip", "download", *options, "--dest", str(cache_dir), wanted]
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError(
            f"npm is needed to fetch {package.name} and was not found",
            expected="npm on the PATH",
            hint="install Node.js with npm, or give the archive itself",
        )
    return [npm, "pack", "--silent", "--pack-destination", str(cache_dir), wanted.replace("==", "@")]


def _run(command: list[str], package: Package, cache_dir: Path) -> None:
    try:
        # The command is fixed but for the names declared in sources.toml, and no shell reads it.
        subprocess.run(  # noqa: S603
            command, check=True, cwd=cache_dir, capture_output=True, text=True, timeout=_SECONDS
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(error.stderr or "").strip().splitlines()
        raise SourceError(
            f"{package.name} {package.version} could not be fetched from its registry",
            where=package.registry,
            got=said[-1] if said else type(error).__name__,
            hint="check the network, or give the archive itself",
        ) from None
