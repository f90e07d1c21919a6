"""Every way to be wrong has its own reason, and the usual mistakes are recognised for what they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from whopwatch.core.errors import UsageError
from whopwatch.signature import (
    Reason,
    Refusal,
    Signed,
    compute_signature,
    new_secret,
    require_secret,
    signed_headers,
    verify_signature,
)
from whopwatch.signature.diagnose import diagnose_signature

NOW = 1_767_225_600
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
SECRET = "ws_c2VjcmV0IHRoYXQgaXMgYmFzZTY0"  # noqa: S105 (made up)
BODY = json.dumps({"type": "payment.succeeded", "data": {"title": "é", "total": 1}}).encode()

Headers = dict[str, str]


def made_with(key: bytes, body: bytes = BODY) -> Headers:
    headers = signed_headers(SECRET, ID, NOW, body)
    return {**headers, "webhook-signature": f"v1,{compute_signature(key, ID, str(NOW), body)}"}


def refused(headers: Headers, body: bytes = BODY, *, secret: str = SECRET, now: float = NOW) -> Refusal:
    found = diagnose_signature(secret, headers.items(), body, now)
    assert isinstance(found, Refusal)
    return found


def without(name: str) -> Headers:
    return {key: value for key, value in made().items() if key != name}


def made() -> Headers:
    return signed_headers(SECRET, ID, NOW, BODY)


def with_(name: str, value: str) -> Headers:
    return {**made(), name: value}


WRONG: dict[str, tuple[Headers, Reason]] = {
    "of an old webhook version": ({"X-Whop-Signature": "sha256=00"}, Reason.LEGACY_SIGNATURE),
    "no id": (without("webhook-id"), Reason.MISSING_HEADER),
    "no timestamp": (without("webhook-timestamp"), Reason.MISSING_HEADER),
    "no signature": (without("webhook-signature"), Reason.MISSING_HEADER),
    "an empty signature": (with_("webhook-signature", " "), Reason.MISSING_HEADER),
    "an invalid id": (with_("webhook-id", "a b"), Reason.BAD_ID),
    "an id with the separator": (with_("webhook-id", "msg.1"), Reason.BAD_ID),
    "milliseconds": (with_("webhook-timestamp", f"{NOW}000"), Reason.BAD_TIMESTAMP),
    "a date": (with_("webhook-timestamp", "2026-01-01T00:00:00Z"), Reason.BAD_TIMESTAMP),
    "too old": (signed_headers(SECRET, ID, NOW - 301, BODY), Reason.TOO_OLD),
    "too new": (signed_headers(SECRET, ID, NOW + 301, BODY), Reason.TOO_NEW),
    "hexadecimal": (with_("webhook-signature", "v1," + "ab" * 32), Reason.MALFORMED_SIGNATURE),
    "no version": (with_("webhook-signature", "x" * 43 + "="), Reason.MALFORMED_SIGNATURE),
    "another version": (with_("webhook-signature", "v2," + "A" * 43 + "="), Reason.UNKNOWN_VERSION),
    "another secret": (made_with(b"ws_other"), Reason.MISMATCH),
    "several others": (with_("webhook-signature", f"v1,{'A' * 43}= v1,{'B' * 43}="), Reason.MISMATCH),
    "the decoded secret": (made_with(base64.b64decode(SECRET[3:])), Reason.KEY_FORM),
    "the encoded secret": (made_with(base64.b64encode(SECRET.encode())), Reason.KEY_FORM),
    "the bare secret": (made_with(SECRET[3:].encode()), Reason.KEY_FORM),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_way_to_be_wrong_has_its_reason(name: str) -> None:
    headers, reason = WRONG[name]
    assert refused(headers).reason is reason


def test_every_reason_is_met() -> None:
    met = {reason for _, reason in WRONG.values()}
    assert met == set(Reason) - {Reason.REPEATED_HEADER, Reason.CHANGED_BYTES}


def test_a_header_that_comes_twice_is_refused_unless_both_say_the_same() -> None:
    twice = [*made().items(), ("Webhook-Id", "msg_other")]
    found = verify_signature(SECRET, twice, BODY, NOW)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.REPEATED_HEADER
    assert isinstance(verify_signature(SECRET, [*made().items(), ("Webhook-Id", ID)], BODY, NOW), Signed)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a line end more": lambda body: body + b"\n",
    "Windows line ends": lambda body: body + b"\r\n",
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "compact": lambda body: json.dumps(json.loads(body), separators=(",", ":")).encode(),
    "plain characters": lambda body: json.dumps(json.loads(body), ensure_ascii=False).encode(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_bytes_changed_on_the_way_are_recognised(name: str) -> None:
    found = refused(made(), CHANGES[name](BODY))
    assert found.reason is Reason.CHANGED_BYTES


def test_a_lost_line_end_is_recognised() -> None:
    assert refused(signed_headers(SECRET, ID, NOW, BODY + b"\n")).reason is Reason.CHANGED_BYTES


def test_a_secret_in_the_form_of_the_libraries_is_recognised() -> None:
    library_form = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    found = refused(made(), secret=library_form)
    assert found.reason is Reason.KEY_FORM
    assert "ws_..." in found.hint


def test_a_changed_value_stays_a_mismatch() -> None:
    assert refused(made(), BODY.replace(b"1", b"2")).reason is Reason.MISMATCH


@pytest.mark.parametrize("name", WRONG)
def test_no_explanation_quotes_the_secret_or_what_came(name: str) -> None:
    found = refused(WRONG[name][0])
    told = f"{found.expected} {found.got} {found.hint}"
    assert SECRET not in told
    assert not any(value in told for value in WRONG[name][0].values() if value.strip())


@pytest.mark.parametrize("secret", ["", "whsec_abc", " ws_abc", "ws_abc\n", '"ws_abc"', "ws_ä"])
def test_a_text_that_is_no_secret_is_refused_without_quoting_it(secret: str) -> None:
    with pytest.raises(UsageError) as error:
        require_secret(secret, "here")
    assert not secret.strip() or secret not in str(error.value)


def test_a_made_secret_is_usable_and_follows_from_its_seed() -> None:
    assert require_secret(new_secret("1"), "here") == new_secret("1") != new_secret("2")


def test_a_secret_that_was_copied_without_its_beginning_is_recognised() -> None:
    found = refused(made(), secret=SECRET.removeprefix("ws_"))
    assert found.reason is Reason.KEY_FORM
    assert "ws_ in front" in found.got
