"""Package archives opened in memory: nothing is unpacked, installed or executed."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from whopwatch.core.errors import SourceError


def read_texts(archive: Path, suffix: str) -> dict[str, str]:
    """Return the text of every file in `archive` whose name ends with `suffix`, by its path inside.

    Accepts a wheel or zip, and a gzipped tarball. Raises `SourceError` if it is neither.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            names = [name for name in bundle.namelist() if name.endswith(suffix)]
            return {name: bundle.read(name).decode("utf-8") for name in sorted(names)}
    if tarfile.is_tarfile(archive):
        texts = {}
        with tarfile.open(archive) as tarball:
            for member in tarball.getmembers():
                handle = tarball.extractfile(member) if member.name.endswith(suffix) else None
                if handle is not None:
                    texts[member.name] = handle.read().decode("utf-8")
        return dict(sorted(texts.items()))
    raise SourceError(
        f"{archive.name} cannot be read",
        where=str(archive),
        expected="a wheel (zip) or a gzipped tarball",
        got="another kind of file",
        hint="delete it and build again to fetch it anew",
    )
