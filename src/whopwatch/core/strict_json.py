"""Parse the JSON body of a response strictly and within bounds."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from itertools import chain
from typing import Any, Literal

import jiter

MAX_BODY_LEVELS = 64
"""Levels that arrays and objects may nest. Documented responses need fewer than ten."""

MAX_BODY_VALUES = 100_000
"""Values of a body, members and items counted. A full page of 100 items has some 6,000.

A parsed value takes up to 200 bytes, and the checks read each: a page of 100,000 items took 6.7 GB and two minutes.
"""

MAX_MEMBERS = 2_000
"""Members of one object. Each error of a validator repeats its object, so that a larger one takes hundreds of MB."""
BYTES_PER_VALUE = 64
"""What a value counts beside its text: parsed it takes 100 to 200 bytes, as measured with pages of the simulator."""

_WINDOW = 65_536  # bytes that are split at once
_CONTAINERS = frozenset({dict, list})


class BodyProblem(StrEnum):
    """Why a complete body is not a JSON document."""

    EMPTY = "empty"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_A_NUMBER = "nan-or-infinity"
    DUPLICATE_KEY = "duplicate-key"
    TOO_DEEP = "too-deep"
    TOO_MANY_VALUES = "too-many-values"


def parse_json(body: bytes, *, shares_strings: bool = False) -> tuple[Any, BodyProblem | None]:
    """Parse `body` strictly into `(value, None)` or `(None, problem)`; never raises.

    With `shares_strings` equal short strings of all bodies are one object: for a process that keeps many responses.
    """
    if has_more_values_than(MAX_BODY_VALUES, body):
        is_deep = nests_deeper_than(MAX_BODY_LEVELS, body)
        return None, BodyProblem.TOO_DEEP if is_deep else BodyProblem.TOO_MANY_VALUES
    try:
        cached: Literal["all", "keys"] = "all" if shares_strings else "keys"
        value = jiter.from_json(body, allow_inf_nan=False, cache_mode=cached)
    except ValueError:
        return None, _why_unreadable(body)
    signs = _outside_strings(body, b":[{")
    members = signs.count(b":")
    sizes, levels = _sizes_and_levels(value, len(signs) - members)
    # A duplicate name makes an object smaller than it is written. To count is twice as fast as to look for duplicates.
    if sum(sizes) != members:
        return None, _why_unreadable(body)
    if levels > MAX_BODY_LEVELS:
        return None, BodyProblem.TOO_DEEP
    if max(sizes, default=0) > MAX_MEMBERS:
        return None, BodyProblem.TOO_MANY_VALUES
    return value, None


def _sizes_and_levels(value: Any, containers: int) -> tuple[list[int], int]:
    """Return the number of members of every object in `value`, and how many levels its arrays and objects nest.

    Of the `containers` that are written, those below a duplicate name are missing. When all are found, the values of
    the deepest level, most of a page, need no search.
    """
    sizes: list[int] = []
    levels = 0
    level = [value] if type(value) in _CONTAINERS else []
    while level:
        objects = [node for node in level if type(node) is dict]
        arrays = [node for node in level if type(node) is list]
        sizes += map(len, objects)
        levels += 1
        containers -= len(level)
        if not containers:
            break
        parts = chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(arrays))
        level = [part for part in parts if type(part) in _CONTAINERS]
    return sizes, levels


def _why_unreadable(body: bytes) -> BodyProblem:
    """Return why `body` is not JSON, found with a slower parser that continues after the first problem."""
    if not body.strip():
        return BodyProblem.EMPTY
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return BodyProblem.NOT_UTF8
    problems: list[BodyProblem] = []

    def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            problems.append(BodyProblem.DUPLICATE_KEY)
        return value

    def no_constant(_: str) -> None:
        problems.append(BodyProblem.NOT_A_NUMBER)

    try:
        value = json.loads(text, object_pairs_hook=unique_keys, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return BodyProblem.TOO_DEEP if nests_deeper_than(MAX_BODY_LEVELS, body) else BodyProblem.NOT_JSON
    if nests_deeper_than(MAX_BODY_LEVELS, body):
        return BodyProblem.TOO_DEEP
    if not problems and _has_lone_surrogate(body, value):
        return BodyProblem.NOT_UTF8
    return problems[0] if problems else BodyProblem.NOT_JSON


def _has_lone_surrogate(body: bytes, value: Any) -> bool:
    """Return whether a string contains half of a surrogate pair, such as `\\ud800`, which UTF-8 cannot encode."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def nests_deeper_than(depth: int, body: bytes) -> bool:
    """Return whether the arrays and objects of the JSON document `body` nest deeper than `depth`.

    Reads only the brackets outside strings, so it also works on a document that no parser accepts. Removing innermost
    pairs empties a shallow document within as many passes as it has levels, at the speed of bytes.replace; only a deep
    or malformed document is counted bracket by bracket.
    """
    brackets = rest = _outside_strings(body, b"[]{}")
    if len(brackets) <= depth:
        return False
    for _ in range(min(depth, 16)):
        if not rest:
            return False
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    level = 0
    for bracket in brackets if rest else b"":
        level += 1 if bracket in b"[{" else -1
        if level > depth:
            return True
    return False


def has_more_values_than(most: int, body: bytes) -> bool:
    """Return whether the JSON document `body` has more than `most` values, without parsing it.

    Every value but the first follows a comma, a bracket or a brace; those inside strings make the quick count too high.
    An empty array or object counts as two values.
    """
    signs = (b",", b"[", b"{")
    if len(body) < most or sum(map(body.count, signs)) < most:  # each sign is one byte
        return False
    return sum(map(_outside_strings(body, b",[{").count, signs)) >= most


def memory_weight(body: bytes) -> int:
    """Return about half of the bytes of memory that a response takes once it is parsed."""
    return len(body) + BYTES_PER_VALUE * sum(map(body.count, (b",", b"[", b"{")))


def _outside_strings(body: bytes, signs: bytes) -> bytes:
    """Return those bytes of `body` outside strings that are among `signs`."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    text = body.translate(None, _all_but(signs + b'"')).replace(b'""', b"")
    if b'"' not in text:
        return text
    outside = bytearray()
    inside = 0
    for start in range(0, len(text), _WINDOW):
        parts = text[start : start + _WINDOW].split(b'"')
        outside += b"".join(parts[inside::2])
        inside = (inside + len(parts) - 1) % 2
    return bytes(outside)


@cache
def _all_but(kept: bytes) -> bytes:
    return bytes(byte for byte in range(256) if byte not in kept)
