"""Read files, and JSON, YAML and TOML documents, that a person names, within stated bounds.

Every bound is counted here and none is left to a parser: parsers recurse, and each ends differently on deep input.
"""

from __future__ import annotations

import errno
import json
import os
import re
import select
import time
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from whopwatch.core.strict_json import has_more_values_than, nests_deeper_than

MAX_FILE_BYTES = 64 << 20
MAX_LEVELS = 300
"""Levels that a document may nest, aliases followed; an API description has some twenty."""
MAX_DOCUMENT_VALUES = 2_000_000
"""Values that a document may have, aliases followed: each takes up to 1 KB of memory until a contract is made of it.

The largest public API description known (47 MB, 22,000 operations) has 1.5 million.
"""
MAX_PIPE_SECONDS = 60
"""Time within which a pipe has to give all of its content."""

_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.)*(?:"|\Z)|'[^']*(?:'|\Z)""", re.DOTALL)


class DocumentError(ValueError):
    """A document that cannot be parsed. The message gives the reason and the place, and quotes nothing."""


def is_readable(path: Path) -> bool:
    """Return whether `path` is a file, a pipe or a device."""
    return path.exists() and not path.is_dir()


def read_bounded(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a file, a pipe or a device. Raise OSError, also for more than `most` bytes."""
    if path.is_fifo():
        content = _read_pipe(path, most + 1)
    else:
        with path.open("rb") as file:
            content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 20} MiB")
    return content


def _read_pipe(path: Path, most: int) -> bytes:
    """Return at most `most` bytes of a pipe. Raise OSError if it does not end within MAX_PIPE_SECONDS."""
    content = bytearray()
    deadline = time.monotonic() + MAX_PIPE_SECONDS
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else a pipe without a writer waits here already
    try:
        while len(content) < most:
            ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise OSError(errno.ETIMEDOUT, f"a pipe that does not end within {MAX_PIPE_SECONDS} seconds")
            part = os.read(descriptor, most - len(content))
            if not part:
                break
            content += part
    finally:
        os.close(descriptor)
    return bytes(content)


def packaged_toml(package: str, file: str) -> dict[str, Any]:
    """Return the tables of a TOML file that is part of `package`: our own data, which needs no limits."""
    return tomllib.loads(files(package).joinpath(file).read_text(encoding="utf-8"))


def parse_document(text: str) -> Any:
    """Return the value of `text`: JSON if it starts with a brace, else YAML. Raise `DocumentError`."""
    if text.lstrip().startswith("{"):
        if has_more_values_than(MAX_DOCUMENT_VALUES, text.encode("utf-8", "surrogatepass")):
            raise DocumentError(f"more than {MAX_DOCUMENT_VALUES:,} values")
        return parse_json_document(text)
    return parse_yaml_document(text)


def parse_toml_document(text: str) -> dict[str, Any]:
    """Return the tables of the TOML document `text`. Raise `DocumentError`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(str(error)) from None
    except RecursionError:
        raise DocumentError("too many levels") from None
    except ValueError:
        raise DocumentError("a date or number that does not exist, or has too many digits") from None


def parse_json_document(text: str) -> Any:
    """Return the value of the JSON document `text`. Raise `DocumentError`."""
    if nests_deeper_than(MAX_LEVELS, text.encode("utf-8", "surrogatepass")):
        raise DocumentError(f"more than {MAX_LEVELS} levels")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"{error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError:
        raise DocumentError("a number with too many digits") from None


def parse_yaml_document(text: str) -> Any:
    """Return the value of the YAML document `text`; only plain data types are constructed. Raise `DocumentError`."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML has it: ten times faster
    try:
        _check_bounds(text, loader)
        return yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DocumentError(f"not valid YAML{place}") from None
    except DocumentError:
        raise
    except (ValueError, OverflowError):  # a date such as 2026-13-45, an integer of 5,000 digits
        raise DocumentError("a date or number that does not exist, or has too many digits") from None


class _Collection:
    """A list or mapping that is being parsed: its values and levels, both with aliases followed."""

    def __init__(self, anchor: str | None) -> None:
        self.anchor = anchor
        self.values = 1
        self.levels = 1

    def add(self, values: int, levels: int) -> None:
        self.values += values
        self.levels = max(self.levels, levels + 1)
        if self.values > MAX_DOCUMENT_VALUES:
            raise DocumentError(f"more than {MAX_DOCUMENT_VALUES:,} values once its aliases are followed")
        if levels > MAX_LEVELS:
            raise DocumentError(f"more than {MAX_LEVELS} levels")


def _check_bounds(text: str, loader: Any) -> None:
    """Count the levels and values of the YAML document `text` before any of it is constructed."""
    import yaml

    open_ones: list[_Collection] = [_Collection(None)]
    sizes: dict[str | None, tuple[int, int]] = {}
    end = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            end = event.end_mark.index if event.end_mark else end
            if isinstance(event, yaml.CollectionStartEvent):
                open_ones.append(_Collection(event.anchor))
                if len(open_ones) > MAX_LEVELS + 1:
                    raise DocumentError(f"more than {MAX_LEVELS} levels")
            elif isinstance(event, yaml.CollectionEndEvent):
                done = open_ones.pop()
                if done.anchor:
                    sizes[done.anchor] = done.values, done.levels
                open_ones[-1].add(done.values, done.levels)
            elif isinstance(event, yaml.AliasEvent):
                if any(one.anchor == event.anchor for one in open_ones):
                    raise DocumentError("an alias of a collection that contains it")
                open_ones[-1].add(*sizes.get(event.anchor, (1, 0)))
            elif isinstance(event, yaml.ScalarEvent):
                open_ones[-1].add(1, 0)
    except yaml.YAMLError as error:
        # A scanner reads up to 1,024 characters ahead, and may give up there before it gives us the first bracket.
        mark = getattr(error, "problem_mark", None)
        if mark and len(open_ones) - 1 + _unclosed_brackets(text[end : mark.index]) > MAX_LEVELS:
            raise DocumentError(f"more than {MAX_LEVELS} levels") from None
        raise


def _unclosed_brackets(text: str) -> int:
    """Return how many brackets outside quotes are open at once, at most, in the piece `text` of a flow collection."""
    level = most = 0
    for sign in _QUOTED.sub("", text):
        if sign in "[{":
            level += 1
            most = max(most, level)
        elif sign in "]}":
            level -= 1
    return most
