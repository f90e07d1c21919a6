"""Read and write the files of a contract folder; the same document always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, StringIO
from itertools import takewhile
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


_DIVIDED = ((), ("paths",), ("webhooks",), ("components",), ("components", "schemas"))


class _Dumper(yaml.CSafeDumper):
    """Writes every value where it stands: a reader of a diff must not chase anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(document: dict[str, Any], title: str) -> str:
    """Return a document as YAML, in its own order, under a comment that says who made it."""
    head = f"# {title}. Made by `whopwatch contract build`: change the sources, not this file.\n"
    text, written = StringIO(head), tuple[str, ...]()
    text.seek(0, SEEK_END)
    for keys, part in _entries(document):  # part by part: PyYAML needs 1 KB for each value of what it writes at once
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(keys, written, strict=False)))
        for key in reversed(keys):
            part = {key: part}
        piece = yaml.dump(part, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
        text.write(piece.split("\n", known)[-1])
        written = keys
    return text.getvalue()


def is_yaml_of(path: Path, document: dict[str, Any]) -> bool:
    """Return whether a file is what `yaml_text` makes of a document. Another layout of the same content is not."""
    text = path.read_text(encoding="utf-8")
    return text.partition("\n")[2] == yaml_text(document, "").partition("\n")[2]


def _entries(part: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the entries of a document with their keys: each path, event and shared schema is one of its own."""
    if part and keys in _DIVIDED:
        for key, value in part.items():
            yield from _entries(value, (*keys, key))
    else:
        yield keys, part


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
