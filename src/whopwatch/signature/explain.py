"""Why a signature does not fit: the usual mistakes are tried one by one until one of them makes it fit.

That takes dozens of digests, so nobody who answers strangers does it; it is for a person with a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from whopwatch.core.strict_json import parse_json
from whopwatch.signature.scheme import ID, SIGNATURE, TIMESTAMP, TOLERANCE, VERSION, digest, key_of
from whopwatch.signature.secret import other_keys
from whopwatch.signature.verify import Headers, Reason, Refusal, Signed, verify

_MARK = b"\xef\xbb\xbf"


def explain(
    secret: str, headers: Headers, body: bytes, now: float, *, tolerance: float = TOLERANCE
) -> Signed | Refusal:
    """As `verify`, but a mismatch is looked into: KEY_FORM or CHANGED_BYTES where that is found to be the cause."""
    known = list(headers)
    result = verify(secret, known, body, now, tolerance=tolerance)
    if isinstance(result, Signed) or result.reason is not Reason.MISMATCH:
        return result
    values = {name.lower(): value.strip() for name, value in known}
    id, timestamp, given = values[ID], values[TIMESTAMP], values[SIGNATURE].split(" ")
    for what, key in other_keys(secret):
        if f"{VERSION},{digest(key, id, timestamp, body)}" in given:
            return _key_form(what)
    for what, other in other_bodies(body):
        if f"{VERSION},{digest(key_of(secret), id, timestamp, other)}" in given:
            return _changed(what)
    return result


def _key_form(what: str) -> Refusal:
    return Refusal(
        Reason.KEY_FORM,
        SIGNATURE,
        "a key of the secret's own bytes, as Whop shows it",
        f"a signature whose key is {what}",
        "give whopwatch the ws_... text unchanged; give a Standard Webhooks library, which decodes its secret, "
        "the base64 of that text",
    )


def _changed(what: str) -> Refusal:
    return Refusal(
        Reason.CHANGED_BYTES,
        SIGNATURE,
        "the body's bytes as they were signed",
        f"a body that was changed: the signature fits {what}",
        "verify the raw bytes of the request, before a parser, a framework or an editor has them",
    )


def other_bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What a body may have been before it was changed, each with how it differs; the likeliest first."""
    stripped = body.rstrip(b"\r\n")
    if stripped != body:
        yield "the body without the line end after it", stripped
    yield "the body with a line end after it", body + b"\n"
    if body.startswith(_MARK):
        yield "the body without the byte order mark", body.removeprefix(_MARK)
    if b"\r\n" in body:
        yield "the body with other line ends", body.replace(b"\r\n", b"\n")
    elif b"\n" in body:
        yield "the body with other line ends", body.replace(b"\n", b"\r\n")
    value, problem = parse_json(body.removeprefix(_MARK))
    if problem is None:
        yield from _rewritten(value)


def _rewritten(value: object) -> Iterator[tuple[str, bytes]]:
    for separators, ascii, sort in product(((",", ":"), (", ", ": ")), (False, True), (False, True)):
        text = json.dumps(value, separators=separators, ensure_ascii=ascii, sort_keys=sort)
        yield "the same JSON written in another way", text.encode("utf-8", "surrogatepass")
