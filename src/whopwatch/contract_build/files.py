"""Read and write the files of a contract folder; the same document always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from whopwatch.core.errors import SourceError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: ten times faster


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; raises `SourceError` if it is missing or is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except FileNotFoundError:
        raise SourceError("a file of the contract is missing", where=str(path)) from None
    except yaml.YAMLError as error:
        raise SourceError("a file of the contract is no YAML", where=str(path), got=str(error)) from None


class _Dumper(yaml.CSafeDumper):
    """Writes every value where it stands: a reader of a diff must not chase anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(document: dict[str, Any], title: str) -> str:
    """Return a document as YAML, in its own order, under a comment that says who made it."""
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# {title}. Made by `whopwatch contract build`: change the sources, not this file.\n{body}"


def json_text(document: dict[str, Any]) -> str:
    """Return a document as compact JSON, in its own order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a string, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


CACHE_HINT = "name another folder with --cache-dir"


@contextmanager
def writing_to(folder: Path, what: str, hint: str) -> Iterator[None]:
    """Turn an error of writing below `folder` in the block into a SourceError that begins with `what`."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            what,
            where=str(folder),
            expected="a folder that may be written",
            got=error.strerror or type(error).__name__,
            hint=hint,
        ) from None
