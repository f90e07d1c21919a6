"""Find out why a signature does not match, by trying the usual mistakes until one of them explains it.

This computes dozens of digests, so only commands that a person runs on a file use it. The receiver does not.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from itertools import product

from whopwatch.core.strict_json import parse_json
from whopwatch.signature.scheme import (
    ID_HEADER,
    LIBRARY_PREFIX,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    SIGNATURE_VERSION,
    TIMESTAMP_HEADER,
    TOLERANCE_SECONDS,
    compute_signature,
    signing_key,
)
from whopwatch.signature.verify import HeaderPairs, Reason, Refusal, Signed, verify_signature

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def diagnose_signature(
    secret: str, headers: HeaderPairs, body: bytes, now: float, *, tolerance: float = TOLERANCE_SECONDS
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
    for mistake, key in _mistaken_keys(secret):
        if f"{SIGNATURE_VERSION},{compute_signature(key, id, timestamp, body)}" in given:
            return _key_form(mistake)
    for mistake, other in original_bodies(body):
        if f"{SIGNATURE_VERSION},{compute_signature(signing_key(secret), id, timestamp, other)}" in given:
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
        "verify the raw bytes of the request, before a parser, a framework or an editor changes them",
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
    for separators, ascii, sort in product(((",", ":"), (", ", ": ")), (False, True), (False, True)):
        text = json.dumps(value, separators=separators, ensure_ascii=ascii, sort_keys=sort)
        yield "the same JSON written in another way", text.encode("utf-8", "surrogatepass")
