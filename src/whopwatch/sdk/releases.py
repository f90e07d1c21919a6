"""Releases of the official SDKs: named, installed into a folder of their own, and how to start each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from whopwatch.contract_build.releases import Release, named_release, unnamed
from whopwatch.contract_build.writing import CACHE_HINT, writing_to
from whopwatch.core.errors import SourceError

DRIVERS = Path(__file__).parent / "drivers"
NAMES = {"sdk": "whop-sdk", "npm": "@whop/sdk"}
SECONDS = 300


def parse_release(text: str) -> Release:
    """What `named_release` reads, or a version alone for the Python SDK; raises UsageError for anything else."""
    release = named_release(text if ":" in text else f"sdk:{text}")
    if release is None:
        raise unnamed(text)
    return release


def installed(release: Release, cache: Path) -> Path:
    """The folder that `release` and what it needs are installed in, below `cache`; raises SourceError without it."""
    folder = cache.resolve() / "installed" / f"{release.registry}-{release.version}"
    if not folder.is_dir():
        with writing_to(cache, "Releases of the SDK cannot be installed there.", CACHE_HINT):
            _install(release, folder)
    return folder


def _install(release: Release, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made beside it and moved, so that an installation is there whole or not at all.
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        fresh = Path(made) / "release"
        fresh.mkdir()
        _run(_installing(release, fresh), release, fresh)
        with suppress(OSError):  # Another run was first.
            fresh.rename(folder)


def start(release: Release, folder: Path, url: str, token: str) -> tuple[Sequence[str], Mapping[str, str]]:
    """The command that runs the driver of `release`, and its environment."""
    # Early releases want an app's id to be given, and use it for nothing that is asked here.
    environ = {"WHOP_APP_ID": "app_relay"}
    if release.registry == "sdk":
        command = [sys.executable, "-s", str(DRIVERS / "driver.py"), url, token]
        return command, {**environ, "PYTHONPATH": str(folder)}
    driver = folder / "driver.mjs"
    if not driver.exists():
        # Node looks for packages beside the program that imports them.
        shutil.copyfile(DRIVERS / "driver.mjs", driver)
    return [_found("node"), str(driver), url, token], environ


def refuse_other(release: Release, started: str) -> None:
    """Raise SourceError where the release that was started is not the one that was asked for."""
    if started != release.version:
        raise SourceError("Another release of the SDK was started.", expected=str(release), got=started[:40])


def _installing(release: Release, folder: Path) -> list[str]:
    name = NAMES[release.registry]
    if release.registry == "sdk":
        options = ["--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]
        return [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), f"{name}=={release.version}"]
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module"}), encoding="utf-8")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    return [_found("npm"), "install", *options, f"{name}@{release.version}"]


def _run(command: list[str], release: Release, folder: Path) -> None:
    try:
        subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        lines = str(error.stderr or "no answer in time").strip().splitlines()
        raise SourceError(
            f"{NAMES[release.registry]} {release.version} cannot be installed.",
            got=lines[-1][:200] if lines else None,
            hint="is there such a release, and can the registry be reached?",
        ) from None


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SourceError(f"{program} is needed and was not found.", expected=f"{program} on the PATH")
    return path
