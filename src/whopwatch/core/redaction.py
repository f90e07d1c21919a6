"""Keep secrets out of everything that is received and everything that leaves.

A secret is known to the process as soon as it is read: `remember` it. `redact` removes every known secret from a
string, whichever way it is written: in JSON, URL or HTML escapes, in Base64 or hexadecimal digits, in another case, or
with line breaks and punctuation between its characters. Data that comes in and text that goes out both pass it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, AnyStr

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


def remember(secret: str) -> None:
    """Remove `secret` from every text that leaves this process from now on."""
    if len(secret) >= SHORTEST_SECRET:
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
