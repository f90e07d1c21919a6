"""Every way to write a secret is found, and nothing else changes."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator
from hashlib import sha256
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whopwatch.core import redaction
from whopwatch.core.redaction import (
    MASK,
    forget_all,
    redact,
    redact_headers,
    redact_value,
    remember,
    safe_output,
    sanitize,
)
from whopwatch.core.report import OperationResult, Report, State, Verdict

KEY = "apik_Zq8vR2mXw7LkT4nB_s9Yd3Hf6"


@pytest.fixture(autouse=True)
def known_key() -> Iterator[None]:
    forget_all()
    remember(KEY)
    yield
    forget_all()


def base64_after(prefix: bytes) -> Callable[[str], str]:
    return lambda key: base64.b64encode(prefix + key.encode() + b" and more").decode()


WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "lower case": str.lower,
    "upper case": str.upper,
    "JSON escapes": lambda key: "".join(f"\\u{ord(one):04x}" for one in key),
    "JSON escapes in JSON": lambda key: json.dumps("".join(f"\\u{ord(one):04X}" for one in key)),
    "Python escapes": lambda key: "".join(f"\\x{ord(one):02x}" for one in key),
    "URL, punctuation": lambda key: quote(key, safe="").replace("_", "%5F"),
    "URL, every character": lambda key: "".join(f"%{ord(one):02X}" for one in key),
    "URL, twice": lambda key: "".join(f"%25{ord(one):02x}" for one in key),
    "HTML, decimal": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(one):x};" for one in key),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal with colons": lambda key: key.encode().hex(":").upper(),
    "Base64 of the header": lambda key: base64.b64encode(f"Authorization: Bearer {key}".encode()).decode(),
    "Base64, second position": base64_after(b"x"),
    "Base64, third position": base64_after(b"xy"),
    "Base64 for URLs": lambda key: base64.urlsafe_b64encode(b"\xff\xfe" + key.encode()).decode(),
    "Base64 in lines": lambda key: "\n".join(_pieces(base64.b64encode(key.encode()).decode(), 8)),
    "wrapped": lambda key: f"{key[:11]}\n          {key[11:]}",
    "split by names": lambda key: f"/data/*/{key[:9]}/{key[9:20]}/{key[20:]}",
}


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("write", WRITINGS.values(), ids=WRITINGS)
def test_every_writing_of_a_secret_is_removed(write: Callable[[str], str]) -> None:
    written = write(KEY)
    shown = redact(f"before {written} after")
    assert MASK in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert len(shown) <= len("before  after") + len(MASK) + 40  # of Base64, what depends on other text remains
    assert redact(f"before {written} after".encode()) == shown.encode()


def test_documents_stay_documents() -> None:
    document = json.dumps({f"a{KEY}b": [KEY, {"n": base64.b64encode(KEY.encode()).decode()}], "other": 1})
    assert json.loads(redact(document)) == {
        "a***b": ["***", {"n": redact(base64.b64encode(KEY.encode()).decode())}],
        "other": 1,
    }
    split = json.dumps({KEY[:9]: {KEY[9:]: 1}})
    assert json.loads(redact(split))  # not found across strings: a report removes it from each location


@given(st.text(), st.text(string.ascii_letters + string.digits, max_size=15))
@settings(max_examples=200)
def test_other_text_is_not_changed(text: str, word: str) -> None:
    assert redact(text + word) == text + word


def test_a_report_has_no_secret_in_any_part() -> None:
    row = OperationResult("a.list", "GET", "/a", State.DRIFT, reason=f"see {KEY}")
    report = Report(
        target=f"https://e.com/{KEY}",
        started_at="",
        seconds=0,
        verdict=Verdict.DRIFT,
        operations=(row,),
        findings=(),
        sent=0,
        budget=0,
        extra={"a": [{KEY[:9] + '"' + KEY[9:]: ("x", KEY.upper())}]},
    )
    assert report.operations == (OperationResult("a.list", "GET", "/a", State.DRIFT, reason="see ***"),)
    assert report.target == "https://e.com/***"
    assert report.extra == {"a": [{"***": ("x", "***")}]}


def test_redacting_a_value_without_a_secret_returns_it() -> None:
    value = {"a": [1, None, ("b", True)]}
    assert redact_value(value) is value


@pytest.mark.parametrize(
    "written", [KEY, KEY.upper(), base64.b64encode(KEY.encode()).decode(), quote(KEY).replace("_", "%5F")]
)
def test_each_header_is_redacted_by_itself(written: str) -> None:
    headers = [("etag", f'"{written}"'), (f"x-{written}", "1"), ("first", KEY[:9]), ("second", KEY[9:])]
    assert redact_headers(headers) == (("etag", '"***"'), ("x-***", "1"), ("first", KEY[:9]), ("second", KEY[9:]))


def test_headers_without_a_secret_stay() -> None:
    assert redact_headers([("a", "b"), ("c", "")]) == (("a", "b"), ("c", ""))


def test_short_secrets_are_masked_only_as_they_are() -> None:
    remember("test_key")
    remember("short")
    assert redact("test_key TEST_KEY test-key short") == "*** TEST_KEY test-key short"


@pytest.mark.parametrize(
    "text",
    [
        "::add-mask::x",
        "a ::stop-commands::x",
        "##[error]x",
        "##vso[task.setvariable]x",
        "\n::error::x",
        "\x1b]0;title\x07",
    ],
)
def test_sanitized_text_starts_no_command_wherever_it_is_wrapped(text: str) -> None:
    shown = sanitize(text)
    assert shown.isprintable()
    for start in range(len(shown)):
        assert not shown[start:].lstrip().startswith(("::add", "::stop", "::error", "##[", "##vso["))


def test_output_starts_no_command_at_any_line() -> None:
    printed = "fine::here\n  ::error::x\n::add-mask::y\n##[group]z\n"
    assert safe_output(printed) == "fine::here\n  : :error::x\n: :add-mask::y\n# #[group]z\n"
    assert safe_output("::error::x\n::a", begins_line=False) == "::error::x\n: :a"


@pytest.mark.parametrize(("secret", "is_found"), [("abcd_1234_wxy", False), ("abcd_1234_wxyz", True)])
def test_a_secret_of_twelve_letters_and_digits_is_found_however_it_is_written(secret: str, is_found: bool) -> None:
    remember(secret)
    assert redact(f"a {secret} b") == "a *** b"
    for write in (lambda key: key.encode().hex(), lambda key: base64.b64encode(key.encode()).decode()):
        assert (MASK in redact(f"a {write(secret)} b")) is is_found


def test_sanitized_text_has_no_secret() -> None:
    assert sanitize(f"a\x1b[1m{KEY[:9]}\u202e{KEY[9:]}") == "a\N{REPLACEMENT CHARACTER}[1m***"


def test_repeated_bytes_are_searched_again_only_for_a_new_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[bytes] = []

    def search(data: bytes) -> bytes:
        searched.append(data)
        return redact(data)

    monkeypatch.setattr(redaction, "redact", search)
    redaction.remember("key_0123456789")
    page, other = b'{"id": "tok_abcdefghijk"}', b'{"id": "key_0123456789"}'
    for data in (page, page, other, other):
        assert redaction.redact_repeated(data, sha256(data).digest()) == data.replace(b"key_0123456789", b"***")
    assert searched == [page, other, other]
    redaction.remember("tok_abcdefghijk")
    assert redaction.redact_repeated(page, sha256(page).digest()) == b'{"id": "***"}'
