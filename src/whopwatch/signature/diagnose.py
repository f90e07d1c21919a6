"""Find out why a signature does not match, by trying the usual mistakes until one of them explains it.

This computes dozens of digests, so only commands that a person runs on a file use it. The receiver does not.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from whopwatch.core.strict_json import parse_json
from whopwatch.signature import (
    ID_HEADER,
    LIBRARY_PREFIX,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    SIGNATURE_VERSION,
    TIMESTAMP_HEADER,
    TOLERANCE_SECONDS,
    HeaderPairs,
    Reason,
    Refusal,
    Signed,
    compute_signature,
    signing_key,
    verify_signature,
)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MONEY = re.compile(
    r"(?:^|_)(?:amount|total|subtotal|price|fee|fees|balance|cost|tax|spent|spend|revenue|payout|usd|gmv|rate|percent)"
    r"(?:$|_)"
)
"""Names of fields that hold decimal numbers: a sender that is written in Ruby writes 2.0, JavaScript writes 2."""
_RAILS_ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that Rails escapes in JSON and JavaScript does not."""
_RAW_BODY_HINT = (
    "verify the raw bytes of the request, before a parser, a framework or an editor changes them; "
    "JSON.stringify(req.body) is another body (in Express use express.raw())"
)


def diagnose_signature(
    secret: str | Sequence[str], headers: HeaderPairs, body: bytes, now: float, *, tolerance: float = TOLERANCE_SECONDS
) -> Signed | Refusal:
    """Verify a delivery as `verify_signature` does, and explain a mismatch.

    Returns KEY_FORM or CHANGED_BYTES instead of MISMATCH if another form of the secret or of the body matches.
    """
    pairs = list(headers)
    result = verify_signature(secret, pairs, body, now, tolerance=tolerance)
    if isinstance(result, Signed) or result.reason is not Reason.MISMATCH:
        return result
    values = {name.lower(): value.strip() for name, value in pairs}
    id, timestamp, given = values[ID_HEADER], values[TIMESTAMP_HEADER], values[SIGNATURE_HEADER].split(" ")
    secrets = [secret] if isinstance(secret, str) else secret

    def is_signed(key: bytes, content: bytes) -> bool:
        return f"{SIGNATURE_VERSION},{compute_signature(key, id, timestamp, content)}" in given

    for mistake, key in (found for one in secrets for found in _mistaken_keys(one)):
        if is_signed(key, body):
            return _key_form(mistake)
    for mistake, other in original_bodies(body):
        if any(is_signed(signing_key(one), other) for one in secrets):
            return _changed_bytes(mistake)
    return result


def _key_form(mistake: str) -> Refusal:
    return Refusal(
        Reason.KEY_FORM,
        SIGNATURE_HEADER,
        "a signature whose key is the secret's own bytes, as Whop shows it",
        f"a signature whose key is {mistake}",
        "give whopwatch the ws_... string unchanged; give a Standard Webhooks library, which decodes its secret, "
        "the base64 of that string",
    )


def _changed_bytes(mistake: str) -> Refusal:
    return Refusal(
        Reason.CHANGED_BYTES,
        SIGNATURE_HEADER,
        "the body's bytes as they were signed",
        f"a changed body: the signature matches {mistake}",
        _RAW_BODY_HINT,
    )


def _mistaken_keys(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield keys that are mistaken for the right one, each with what was done to the secret to get it."""
    bare = secret.strip(" \t\r\n\"'")
    if bare != secret:
        yield "the secret without the spaces or quotes around it", bare.encode()
    unmarked = bare.removeprefix(LIBRARY_PREFIX)
    if not unmarked.startswith(SECRET_PREFIX):
        yield f"the secret with {SECRET_PREFIX} in front of it", f"{SECRET_PREFIX}{unmarked}".encode()
    for name, text in ((bare, unmarked), (bare, bare.removeprefix(SECRET_PREFIX))):
        decoded = _from_base64(text)
        if decoded:
            yield "the secret decoded from base64", decoded
        if text != name:
            yield "the secret without its prefix", text.encode()
    yield "the secret encoded in base64", base64.b64encode(bare.encode())
    try:
        yield "the secret decoded from hexadecimal digits", bytes.fromhex(bare.removeprefix(SECRET_PREFIX))
    except ValueError:
        return


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if set("-_") & set(text) else None)
    except (binascii.Error, ValueError):
        return None


def original_bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what `body` may have been before it was changed, each with the difference; the most likely first."""
    stripped = body.rstrip(b"\r\n")
    if stripped != body:
        yield "the body without the line end after it", stripped
    yield "the body with a line end after it", body + b"\n"
    if body.startswith(_BYTE_ORDER_MARK):
        yield "the body without the byte order mark", body.removeprefix(_BYTE_ORDER_MARK)
    if b"\r\n" in body:
        yield "the body with other line ends", body.replace(b"\r\n", b"\n")
    elif b"\n" in body:
        yield "the body with other line ends", body.replace(b"\n", b"\r\n")
    value, problem = parse_json(body.removeprefix(_BYTE_ORDER_MARK))
    if problem is None:
        yield from _rewritten_bodies(value)


def _rewritten_bodies(value: object) -> Iterator[tuple[str, bytes]]:
    """Yield the same JSON in the notations of other serializers."""
    for number_words, convert in _NUMBERS:
        content = convert(value)
        for separators, ascii, sort in product(((",", ":"), (", ", ": ")), (False, True), (False, True)):
            text = json.dumps(content, separators=separators, ensure_ascii=ascii, sort_keys=sort)
            escaped = _escape_as_rails(text)
            words = [number_words] if number_words else []
            yield _notation(words), text.encode("utf-8", "surrogatepass")
            if escaped != text:
                yield (
                    _notation([r"with \u0026, \u003c or \u003e for & < >", *words]),
                    escaped.encode("utf-8", "surrogatepass"),
                )


def _notation(words: Sequence[str]) -> str:
    return f"the same JSON {' and '.join(words)}" if words else "the same JSON written in another way"


def _escape_as_rails(text: str) -> str:
    return re.sub("[&<>\u2028\u2029]", lambda found: _RAILS_ESCAPES[found.group()], text)


def _with_decimals(value: object, is_decimal: Callable[[str], bool], name: str = "") -> object:
    """Return `value` with 2.0 instead of 2 in the fields whose name `is_decimal` selects."""
    if isinstance(value, dict):
        return {key: _with_decimals(part, is_decimal, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_decimals(part, is_decimal, name) for part in value]
    return float(value) if type(value) is int and abs(value) < 2**53 and is_decimal(name) else value


_NUMBERS: tuple[tuple[str, Callable[[object], object]], ...] = (
    ("", lambda value: value),
    ("with amounts as 2.0 instead of 2", lambda value: _with_decimals(value, lambda name: bool(_MONEY.search(name)))),
    ("with numbers as 2.0 instead of 2", lambda value: _with_decimals(value, lambda _: True)),
)
"""How whole numbers may have been written, the most likely way first."""
