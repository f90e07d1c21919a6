"""What may be shown: no secret, a name of a response only if it is an identifier, and no control characters.

A secret is known to the process as soon as it is read: `remember` it. `redact` removes every known secret from a
string, whichever way it is written: in JSON, URL or HTML escapes, in Base64 or hexadecimal digits, in another case, or
with line breaks and punctuation between its characters. Data that comes in and text that goes out both pass it.

A map may be keyed by e-mail addresses or card numbers. Such a name is replaced by its shape (`{email}`), so that all
keys of one map have one location.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any, AnyStr

from whopwatch.core.pointers import escape_pointer

MASK = "***"
SHORTEST_SECRET = 8
"""Characters: a shorter secret occurs in any text by chance, so it is not masked."""
SHORTEST_REWRITTEN = 12
"""Letters and digits that a secret needs before another way of writing it is looked for."""

_LOWER = bytes(range(256)).lower()
_NO_LETTER_OR_DIGIT = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))
_ESCAPE = re.compile(rb"(?:\\+u00|\\+x|%(?:25)*|&#x0*)([2-7][0-9a-fA-F]);?|&#0*([0-9]{2,3});?")
_SEPARATOR = (
    r"(?:\\+u00[2-7][0-9a-f]|\\+x[2-7][0-9a-f]|%(?:25)*[2-7][0-9a-f]|&#x?[0-9a-f]{2,4};?|\\+[nrt\"]|[^a-z0-9STOP])"
    r"{0,24}?"
)

_known: dict[str, int] = {}
"""The known secrets, each with the length of its shortest writing."""
_without_secret: set[bytes] = set()
"""Digests of responses in which no known secret was found."""
_DIGESTS_KEPT = 1024


def remember(secret: str) -> None:
    """Remove `secret` from every text that leaves this process from now on."""
    if len(secret) >= SHORTEST_SECRET:
        _without_secret.clear()
        _known[secret] = min(map(len, (secret, *_forms(secret))))


def first_secret() -> str | None:
    """Return the secret that was remembered first, the key of keyed digests; None without one."""
    return next(iter(_known), None)


def forget_all() -> None:
    """Forget every secret, for tests that use keys of their own."""
    _known.clear()


def redact(text: AnyStr, *, stop: str = '"') -> AnyStr:
    """Return `text`, a string or the bytes of one, with `***` in place of every known secret.

    A secret that is split by a character of `stop` is not found: in a document a quote ends a string.
    """
    # Every way to write a secret has at least its letters and digits.
    secrets = tuple([secret for secret, length in _known.items() if length <= len(text)])
    if not secrets:
        return text
    mask: Any = MASK.encode() if isinstance(text, bytes) else MASK
    for secret in secrets:
        text = text.replace(secret.encode() if isinstance(text, bytes) else secret, mask)
    contained = _letters_and_digits(text)
    for secret in secrets:
        for form in _forms(secret):
            if form in contained:
                text = _substitute(_pattern(form, stop), text)
    return text


def redact_repeated(data: bytes, digest: bytes) -> bytes:
    """Return `data` redacted; without a search if the same data, by its `digest`, was found to have no secret."""
    if digest in _without_secret:
        return data
    redacted = redact(data)
    if redacted == data:
        if len(_without_secret) >= _DIGESTS_KEPT:
            _without_secret.clear()
        _without_secret.add(digest)
    return redacted


def redact_headers(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return `headers` without secrets. One search in all of them together nearly always shows that there are none."""
    together = "\n".join([f"{name}\n{value}" for name, value in headers])
    if redact(together) == together:
        return tuple(headers)
    return tuple([(redact(name), redact(value)) for name, value in headers])


def redact_value(value: Any) -> Any:
    """Return `value` with every string in it redacted: names, items and fields of JSON values and data classes."""
    if not _known:
        return value
    contained = _letters_and_digits("\n".join(_strings(value)))
    if any(form in contained for secret in tuple(_known) for form in _needles(secret)):
        return _redacted(value)
    return value


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value, stop="") if type(value) is str else value  # an enum member is a word of ours
    if isinstance(value, Mapping):
        return {_redacted(name): _redacted(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [_redacted(part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    if is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _redacted(getattr(value, field.name)) for field in fields(value) if field.init}
        return replace(value, **changes)
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _strings(name)
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _strings(getattr(value, field.name))


def _letters_and_digits(text: str | bytes) -> bytes:
    """Return the letters and digits of `text` in lower case, with escapes resolved."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if b"\\" in data or b"%" in data or b"&" in data:  # one byte is found ten times faster than two
        data = _ESCAPE.sub(_character, data)
    return data.translate(_LOWER, _NO_LETTER_OR_DIGIT)


def _character(escape: re.Match[bytes]) -> bytes:
    code = int(escape[1], 16) if escape[1] else int(escape[2])
    return bytes([code]) if code < 128 else b""


def _needles(secret: str) -> tuple[bytes, ...]:
    """Return what the letters and digits of a string contain if the secret is in it."""
    return _forms(secret) or (secret.encode().translate(_LOWER, _NO_LETTER_OR_DIGIT),)


@lru_cache(maxsize=256)
def _forms(secret: str) -> tuple[bytes, ...]:
    """Return the letters and digits of each way to write `secret`; empty if it has too few of them."""
    own = _letters_and_digits(secret)
    if len(own) < SHORTEST_REWRITTEN:
        return ()
    data = secret.encode()
    return (own, data.hex().encode(), *(_letters_and_digits(part) for part in _base64_parts(data)))


def _base64_parts(data: bytes) -> Iterator[bytes]:
    """Yield the part of Base64 text that depends on `data` alone, for each position at which `data` can begin."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        yield encoded[(8 * before + 5) // 6 : 8 * (before + len(data)) // 6]


@lru_cache(maxsize=256)
def _pattern(form: bytes, stop: str) -> re.Pattern[str]:
    between = _SEPARATOR.replace("STOP", re.escape(stop))
    return re.compile(between.join(_any_writing(chr(byte)) for byte in form), re.IGNORECASE | re.ASCII)


def _any_writing(character: str) -> str:
    """Return a pattern for a letter or digit, plain or escaped."""
    codes = sorted({ord(character.lower()), ord(character.upper())})
    hexadecimal = "|".join(f"{code:x}" for code in codes)
    decimal = "|".join(map(str, codes))
    return rf"(?:{character}|(?:\\+u00|\\+x|%(?:25)*|&#x0*)(?:{hexadecimal});?|&#0*(?:{decimal});?)"


def _substitute(pattern: re.Pattern[str], text: AnyStr) -> AnyStr:
    """Replace in a string, or in bytes through the encoding that keeps every byte."""
    if isinstance(text, bytes):
        return pattern.sub(MASK, text.decode("latin-1")).encode("latin-1")
    return pattern.sub(MASK, text)


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
    return escape_pointer(shown_name(name))


def describe_names(shape: str, names: Iterable[str]) -> str:
    """Return what the names of one object have in common: `a map with 312 keys like e-mail addresses`."""
    found = list(names)
    one, several, _ = SHAPES[shape]
    if len(found) > 1:
        return f"a map with {len(found)} keys like {several}"
    return f"a field whose name looks like {one}{_digest(found[0])}"


def placeholder(shape: str, number: int) -> str:
    """Return a name of `shape` that is no data; `number` distinguishes names."""
    return SHAPES[shape][2].format(number=number)


def _digest(name: str) -> str:
    """Return a digest that distinguishes names, keyed so that it cannot be looked up; nothing without a key."""
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


_COMMAND = re.compile(r":(?=:[A-Za-z])|#(?=#(?:vso)?\[)")
"""The first sign of a workflow command: `::error::` and `##[error]` of GitHub, `##vso[...]` of Azure."""
_LINE_COMMAND = re.compile(r"(?m)^([^\S\n]*:)(?=:)|#(?=#(?:vso)?\[)")


def sanitize(text: str) -> str:
    """Return `text` on one line, with every character that a terminal or a parser would obey made visible.

    Control, format (bidirectional overrides included), surrogate and private characters become U+FFFD. Known secrets
    become `***`, and a workflow command is no longer one, however the line is wrapped.
    """
    text = redact(text, stop="")
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, text))
    return _COMMAND.sub(r"\g<0> ", text) if "::" in text or "##" in text else text


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    if character in "\t\n\r":
        return " "
    category = unicodedata.category(character)
    is_active = category.startswith("C") or category in ("Zl", "Zp")
    return "\N{REPLACEMENT CHARACTER}" if is_active else character


def safe_output(text: str, *, begins_line: bool = True) -> str:
    """Return `text`, a piece of output in its final form, without secrets and without a line that is a command.

    This is the last step for whatever a process prints: after wrapping, and for messages of other libraries, too.
    """
    text = redact(text)
    if "::" not in text and "##" not in text:
        return text
    if begins_line:
        return _LINE_COMMAND.sub(lambda found: f"{found[0]} ", text)
    first, newline, rest = text.partition("\n")
    return first + newline + _LINE_COMMAND.sub(lambda found: f"{found[0]} ", rest)
