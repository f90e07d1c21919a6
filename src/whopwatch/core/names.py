"""Names that come from a response: shown if they look like identifiers, else described, because a name can be data.

A map may be keyed by e-mail addresses or card numbers. Such a name is replaced by its shape (`{email}`), so that all
keys of one map have one location.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from whopwatch.core.redaction import first_secret, redact

LONGEST_NAME = 48
"""Characters of a name that is shown. The longest documented one has 42."""
MANY_NAMES = 20
"""Undocumented names of one object. An object with more of them is a map, whose keys are data."""
_MAX_DIGITS = 4
_MAX_WORD = 20
_LONG_PART = 12
"""Characters of a part of a name in which a digit between letters makes it a token."""

_IDENTIFIER = re.compile(r"[$@_]*[A-Za-z][A-Za-z0-9_-]*(?:\[\])?", re.ASCII)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KEY_PREFIX = re.compile(r"(?:apik|whsec|sk|pk|ghp|gho|xox.)[_-](?=.*\d|.{12})|eyJ", re.ASCII)

SHAPES: dict[str, tuple[str, str, str]] = {
    "email": ("an e-mail address", "e-mail addresses", "user{number}@example.com"),
    "url": ("a URL", "URLs", "https://example.com/{number}"),
    "time": ("a date", "dates", "2001-01-01 {number}"),
    "digits": ("a number", "numbers", "{number:08d}"),
    "token": ("an id or token", "ids or tokens", "t0k3n{number:06d}x"),
    "text": ("text", "text", "text {number}"),
    "name": ("a name", "names", "name"),
}
"""What a name looks like: in words for one and for several, and a placeholder of that shape for a recording."""
_TESTS = (
    ("email", re.compile(r".*[^@\s]@[^@\s]", re.DOTALL)),
    ("url", re.compile(r"[a-z]+://", re.IGNORECASE)),
    ("time", re.compile(r"\d{4}-\d\d-\d\d")),
    ("digits", re.compile(r"[\d\s.+()/-]*\d[\d\s.+()/-]*\Z", re.ASCII)),
    ("token", re.compile(r"[A-Za-z0-9_.+/=-]+\Z", re.ASCII)),
)

_documented: set[str] = set()


def document_names(names: Iterable[str]) -> None:
    """Show `names` whatever they look like: a contract documents them, so they are no data."""
    _documented.update(name for name in names if not _is_identifier(name))


def shape_of(name: str) -> str | None:
    """Return the shape of a name that must not be shown, None for one that may be."""
    if name in _documented:
        return None
    if len(name) <= LONGEST_NAME and _is_identifier(name) and redact(name, stop="") == name:
        return None
    return next((shape for shape, test in _TESTS if test.match(name[:200])), "text")


def shown_name(name: str) -> str:
    """Return `name`, or its shape in braces: `{email}`."""
    shape = shape_of(name)
    return name if shape is None else f"{{{shape}}}"


def name_token(name: str) -> str:
    """Return `name` as it is shown as a step of a JSON pointer (RFC 6901)."""
    return shown_name(name).replace("~", "~0").replace("/", "~1")


def describe_names(shape: str, names: Iterable[str]) -> str:
    """Return what the names of one object have in common: `a map with 312 keys like e-mail addresses`."""
    found = list(names)
    one, several, _ = SHAPES[shape]
    if len(found) > 1:
        return f"a map with {len(found)} keys like {several}"
    return f"a field whose name looks like {one}{_digest(found[0])}"


def placeholder(shape: str, number: int) -> str:
    """Return a name of `shape` that is no data; `number` tells names apart."""
    return SHAPES[shape][2].format(number=number)


def _digest(name: str) -> str:
    """Return a digest that tells names apart, keyed so that it cannot be looked up; nothing without a key."""
    key = first_secret()
    if key is None:
        return ""
    data = name.encode("utf-8", "surrogatepass")
    return f" (digest {blake2b(data, digest_size=4, key=blake2b(key.encode()).digest()).hexdigest()})"


def _is_identifier(name: str) -> bool:
    return len(name) <= 100 and _looks_like_identifier(name)


@lru_cache(maxsize=8192)
def _looks_like_identifier(name: str) -> bool:
    """Return whether `name` is made of words with few digits, as field names are, and not of random characters."""
    if not _IDENTIFIER.fullmatch(name) or _KEY_PREFIX.match(name):
        return False
    if sum(map(str.isdigit, name)) > _MAX_DIGITS:
        return False
    return not any(map(_looks_random, re.split("[_-]", name)))


def _looks_random(part: str) -> bool:
    """Return whether a part of a name switches between letters, digits and cases as a token does."""
    words = _WORD.findall(part)
    letters = [word for word in words if not word.isdigit()]
    has_digit_inside = any(word.isdigit() for word in words[:-1])
    switches = len(re.findall(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)", part))
    is_of_bits = len(letters) > 3 and sum(map(len, letters)) <= 2 * len(letters)
    return (
        switches > 2
        or is_of_bits
        or (has_digit_inside and len(part) >= _LONG_PART)
        or max(map(len, letters), default=0) > _MAX_WORD
    )
