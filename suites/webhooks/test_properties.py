"""Properties of signatures: a changed byte breaks them, order and case of headers do not matter."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from whopwatch.signature import SIGNATURE_HEADER, SIGNATURE_HEADERS, Signed, signed_headers, verify_signature

NOW = 1_767_225_600
IDS = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_-", min_size=1, max_size=40)
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60).map("ws_".__add__)
ORDERS = st.permutations((*SIGNATURE_HEADERS, "content-type", "host"))
CASED = st.sampled_from([str.title, str.upper])
BODIES = st.binary(max_size=200)
CALM = settings(deadline=None, derandomize=True, database=None, max_examples=100)


def is_accepted(secret: str, headers: dict[str, str], body: bytes) -> bool:
    return isinstance(verify_signature(secret, headers.items(), body, NOW), Signed)


@CALM
@given(SECRETS, IDS, BODIES, st.data())
def test_any_changed_byte_of_the_body_breaks_it(secret: str, id: str, body: bytes, data: st.DataObject) -> None:
    headers = signed_headers(secret, id, NOW, body)
    assert is_accepted(secret, headers, body)
    place = data.draw(st.integers(0, len(body)))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    assert not is_accepted(secret, headers, body[:place] + byte + body[place:])
    if place < len(body):
        assert not is_accepted(secret, headers, body[:place] + body[place + 1 :])
        assert byte == body[place : place + 1] or not is_accepted(
            secret, headers, body[:place] + byte + body[place + 1 :]
        )


@CALM
@given(SECRETS, IDS, BODIES, st.data())
def test_any_changed_character_of_a_header_breaks_it(secret: str, id: str, body: bytes, data: st.DataObject) -> None:
    headers = signed_headers(secret, id, NOW, body)
    name = data.draw(st.sampled_from(SIGNATURE_HEADERS))
    place = data.draw(st.integers(0, len(headers[name]) - 1))
    character = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    changed = headers[name][:place] + character + headers[name][place + 1 :]
    assert changed == headers[name] or not is_accepted(secret, {**headers, name: changed}, body)
    assert not is_accepted(secret, {**headers, name: headers[name][:place] + headers[name][place + 1 :]}, body)


@CALM
@given(SECRETS, SECRETS, IDS, BODIES)
def test_another_secret_breaks_it(secret: str, other: str, id: str, body: bytes) -> None:
    assert is_accepted(secret, signed_headers(other, id, NOW, body), body) is (secret == other)


@CALM
@given(
    SECRETS,
    IDS,
    BODIES,
    st.permutations((*SIGNATURE_HEADERS, "content-type", "host")),
    st.sampled_from([str.title, str.upper]),
)
def test_any_order_and_case_of_headers_is_accepted(
    secret: str, id: str, body: bytes, order: list[str], cased: Callable[[str], str]
) -> None:
    headers = {"content-type": "application/json", "host": "here", **signed_headers(secret, id, NOW, body)}
    assert is_accepted(secret, {cased(name): headers[name] for name in order}, body)


@CALM
@given(SECRETS, IDS, BODIES, st.lists(SECRETS, max_size=4), st.data())
def test_one_correct_signature_among_several_is_enough(
    secret: str, id: str, body: bytes, others: list[str], data: st.DataObject
) -> None:
    made = [signed_headers(other, id, NOW, body)[SIGNATURE_HEADER] for other in others]
    signatures = data.draw(st.permutations([*made, signed_headers(secret, id, NOW, body)[SIGNATURE_HEADER], "v9,x"]))
    assert is_accepted(secret, {**signed_headers(secret, id, NOW, body), SIGNATURE_HEADER: " ".join(signatures)}, body)


@CALM
@given(SECRETS, IDS, BODIES, st.integers(-1000, 1000))
def test_only_timestamps_in_the_window_are_accepted(secret: str, id: str, body: bytes, seconds: int) -> None:
    headers = signed_headers(secret, id, NOW + seconds, body)
    assert is_accepted(secret, headers, body) is (abs(seconds) <= 300)
