"""Releases of the official SDKs: as a person names them (`sdk:VERSION`, `npm:VERSION`), and as archives.

Packages, pinned or by version, are fetched with the clients of their registries.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from whopwatch.contract import edition_dir
from whopwatch.contract.loader import NEWEST
from whopwatch.contract_build.files import CACHE_HINT, writing_to
from whopwatch.contract_build.sources import Package, Sources
from whopwatch.core.errors import SourceError, UnreachableSourceError, UsageError

LANGUAGES = {"sdk": "Python", "npm": "TypeScript"}
"""What a release is called by, and the language whose SDK it is."""

_NAMED = re.compile(r"(sdk|npm):(.+)")
_VERSION = re.compile(r"\d+(\.\d+)+")
_SECONDS = 120
MAX_UNPACKED_BYTES = 200_000_000
"""Source files of a release, unpacked; the largest one so far has 20 MB."""

_NO_SUCH_RELEASE = ("No matching distribution found", "code ETARGET", "code E404")
"""What pip and npm print if the registry responds and has no such release."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release: `sdk` (Python) or `npm` (TypeScript), and its version or `newest`."""

    registry: str
    version: str

    def __str__(self) -> str:
        """Return the name as on the command line."""
        return f"{self.registry}:{self.version}"

    @property
    def language(self) -> str:
        """The language it is for."""
        return LANGUAGES[self.registry]

    @property
    def is_newest(self) -> bool:
        """Whether it is whatever release is the newest, and only the registry knows which that is."""
        return self.version == NEWEST

    def package(self) -> Package:
        """Return where releases of its language come from."""
        return Sources.read(edition_dir()).packages[self.language.lower()]


def named_release(text: str) -> Release | None:
    """Return the release that `text` names (`latest` is `newest`), None if it does not begin with `sdk:` or `npm:`.

    Raise UsageError where what follows is no version.
    """
    match = _NAMED.fullmatch(text)
    if match is None:
        return None
    version = NEWEST if match[2] in (NEWEST, "latest") else match[2]
    if version != NEWEST and not _VERSION.fullmatch(version):
        raise no_such_release(text)
    return Release(match[1], version)


def no_such_release(text: str) -> UsageError:
    """Return the error for a string that should name a release."""
    return UsageError(
        "This names no release of an SDK.",
        expected="sdk:VERSION or npm:VERSION, where a version is such as 0.0.23, or newest",
        got=repr(text[:60]),
    )


def resolve_newest(release: Release) -> Release:
    """Return `release` with its version; for the newest release, ask the registry.

    Raise SourceError if the registry does not respond, or lists no version.
    """
    if not release.is_newest:
        return release
    package = release.package()
    known = published_versions(package.registry, package.name)
    if not known:
        raise SourceError(f"the registry lists no release of {package.name}", where=package.registry)
    return replace(release, version=max(known, key=version_key))


def pinned_archive(package: Package, cache_dir: Path, archive: Path | None = None) -> Path:
    """Return the archive of `package`: the given one, the cached one, or one fetched into `cache_dir`.

    Raise `SourceError` if it cannot be fetched or its digest is not the pinned one.
    """
    path = archive or cache_dir / package.file
    if archive is None and not path.exists():
        _fetch(package, cache_dir)
    if not path.exists():
        raise _missing(package, path)
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


def fetch_release(registry: str, name: str, version: str, cache_dir: Path) -> Package:
    """Fetch one release into `cache_dir`, unless it is there, and return it with the digest that it has.

    Raise `SourceError` if the registry does not respond or has no such release.
    """
    if not _VERSION.fullmatch(version):
        raise SourceError(f"{version!r} is no version of a release", where=name, expected="a version such as 0.0.23")
    file = file_of(registry, name, version)
    package = Package(registry, name, version, file, "")
    if not (cache_dir / file).exists():
        _fetch(package, cache_dir)
    if not (cache_dir / file).exists():
        raise _missing(package, cache_dir / file)
    return replace(package, sha256=hashlib.sha256((cache_dir / file).read_bytes()).hexdigest())


def file_of(registry: str, name: str, version: str) -> str:
    """Return the name of the archive of a release in the registry."""
    if registry == "pypi":
        return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return f"{name.lstrip('@').replace('/', '-')}-{version}.tgz"


def published_versions(registry: str, name: str) -> list[str]:
    """Return the releases that the registry has of a package, the oldest first.

    Raise `SourceError` if the registry does not respond.
    """
    package = Package(registry, name, "", "", "")
    if registry == "pypi":
        command = [sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check", name]
        found = re.search(r"^Available versions: (.*)$", _run(command, package, None), re.MULTILINE)
        listed = found[1].split(", ") if found else []
    else:
        listed = json.loads(_run([_npm(name), "view", "--json", name, "versions"], package, None))
    return sorted((version for version in listed if _VERSION.fullmatch(version)), key=version_key)


def version_key(version: str) -> tuple[int, ...]:
    """Return the sort key of a version: 0.0.9 comes before 0.0.10."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _missing(package: Package, path: Path) -> SourceError:
    return SourceError(
        f"the archive of {package.name} {package.version} is missing",
        where=str(path),
        expected=package.file,
        hint="check `file` in sources.toml against what the registry serves",
    )


def _fetch(package: Package, cache_dir: Path) -> None:
    with writing_to(cache_dir, "Fetched packages cannot be kept there.", CACHE_HINT):
        cache_dir.mkdir(parents=True, exist_ok=True)
        if not os.access(cache_dir, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    _run(_command(package, cache_dir), package, cache_dir)


def _command(package: Package, cache_dir: Path) -> list[str]:
    wanted = f"{package.name}=={package.version}"
    if package.registry == "pypi":
        options = ["--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
        return [sys.executable, "-m", "pip", "download", *options, "--dest", str(cache_dir), wanted]
    return [_npm(package.name), "pack", "--silent", "--pack-destination", str(cache_dir), wanted.replace("==", "@")]


def _npm(name: str) -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError(
            f"npm is needed to fetch {name} and was not found",
            expected="npm on the PATH",
            hint="install Node.js with npm, or give the archive itself",
        )
    return npm


def _run(command: list[str], package: Package, cache_dir: Path | None) -> str:
    try:
        # The command is fixed but for names declared in sources.toml and a version, and no shell reads it.
        done = subprocess.run(  # noqa: S603
            command, check=True, cwd=cache_dir, capture_output=True, text=True, timeout=_SECONDS
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        text = str(error.stderr or "").strip()
        said = text.splitlines()
        if any(sign in text for sign in _NO_SUCH_RELEASE):
            raise SourceError(
                f"there is no release {package.version} of {package.name}",
                where=package.registry,
                hint="`whopwatch contract watch` lists the newest release; some versions were never published",
            ) from None
        raise UnreachableSourceError(
            " ".join(filter(None, (package.name, package.version, "could not be fetched from its registry"))),
            where=package.registry,
            got=said[-1] if said else type(error).__name__,
            hint="check the version and the network, or give the archive itself",
        ) from None
    return done.stdout


def read_texts(archive: Path, suffix: str) -> dict[str, str]:
    """Return the text of every file in `archive` whose name ends with `suffix`, by its path inside.

    Accepts a wheel or zip, and a gzipped tarball. Raise SourceError if it is neither, damaged or too large.
    """
    try:
        members = dict(_members(archive, suffix))
        return {name: content.decode("utf-8") for name, content in sorted(members.items())}
    # EOFError, zlib.error and OSError: the formats' modules raise them for damaged archives.
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise SourceError(
            f"{archive.name} cannot be read",
            where=str(archive),
            expected="a wheel (zip) or a gzipped tarball with files in UTF-8",
            got=f"a damaged archive ({type(error).__name__})",
            hint="delete it and build again to fetch it anew",
        ) from None


@contextmanager
def reading_sdk(archive: Path) -> Iterator[None]:
    """Turn what goes wrong in code of another form than the readers know into a SourceError about `archive`."""
    try:
        yield
    except (SyntaxError, ValueError, LookupError, TypeError, AttributeError, RecursionError, StopIteration) as error:
        place = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise SourceError(
            "the SDK in the archive is of a form that the reader does not know",
            where=str(archive),
            expected="a release of the official SDK",
            got=f"{type(error).__name__}{place}",
            hint="check that the archive is complete",
        ) from None


def single_match(pattern: str, text: str, archive: Path) -> str:
    """Return the group of `pattern` in a file of the SDK; raises `SourceError` if the layout is one without it."""
    found = re.search(pattern, text)
    if found is None:
        raise SourceError(
            "the SDK is of an unknown layout",
            where=archive.name,
            expected=f"a match for {pattern}",
            hint="the readers know Stainless, for Python 0.0.1 to 0.0.41, and Fern, for Python 1.0.11 and later",
        )
    return found[1]


def _members(archive: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the members with a suffix; a small archive that unpacks to gigabytes is an error."""
    left = MAX_UNPACKED_BYTES
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            for info in bundle.infolist():
                if info.filename.endswith(suffix):
                    with bundle.open(info) as member:
                        content = member.read(left + 1)
                    left = _fits(archive, left - len(content))
                    yield info.filename, content
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarball:
            for entry in tarball:
                handle = tarball.extractfile(entry) if entry.isfile() and entry.name.endswith(suffix) else None
                if handle is not None:
                    content = handle.read(left + 1)
                    left = _fits(archive, left - len(content))
                    yield entry.name, content
    else:
        raise tarfile.ReadError("neither a zip nor a tar archive")


def _fits(archive: Path, left: int) -> int:
    """Return the bytes that are left. Raise SourceError if there are none."""
    if left < 0:
        raise SourceError(
            f"{archive.name} is too large once it is unpacked",
            where=str(archive),
            expected=f"at most {MAX_UNPACKED_BYTES:,} bytes of source files",
        )
    return left
