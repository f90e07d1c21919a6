"""Keys: where they come from, and that they show themselves only where they are asked to."""

from __future__ import annotations

import copy
import os
import pickle
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from whopwatch.config import Secret, Target, read_secret, resolve_target
from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import forget_all, redact

TEXT = "apik_very_secret"
TARGET = Target("t", "http://127.0.0.1/api/v1", "http://127.0.0.1/api/v2", Secret(TEXT))


@pytest.mark.parametrize(
    "shown",
    [
        repr(TARGET),
        str(TARGET.api_key),
        f"{TARGET.api_key} {TARGET.api_key!r} {TARGET.api_key:>10}",
        "%s %r" % (TARGET.api_key, TARGET),  # noqa: UP031  # the old way must not leak either
        repr(replace(TARGET, name="u")),
    ],
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


def test_a_traceback_with_locals_does_not_show_it() -> None:
    def fails(target: Target) -> None:
        raise RuntimeError(f"at {target}")

    try:
        fails(TARGET)
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "target = Target(" in shown
    assert shown.count(TEXT) == 0


@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy])
def test_it_is_not_copied_out_of_the_process(way: object) -> None:
    with pytest.raises(TypeError, match="secret"):
        way(TARGET.api_key)  # type: ignore[operator]


def test_it_can_be_compared_and_revealed() -> None:
    assert Secret(TEXT).reveal() == TEXT
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("another")
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert len({Secret(TEXT), Secret(TEXT)}) == 1


KEY = "apik_in_a_file_0123456789"


def test_a_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    target = resolve_target("production", {"WHOP_API_KEY_FILE": str(file)})
    assert target.api_key is not None
    assert target.api_key.reveal() == KEY


def test_a_descriptor_is_read_once_and_remembered() -> None:
    reader, writer = os.pipe()
    os.write(writer, KEY.encode())
    os.close(writer)
    environ = {"WHOP_API_KEY_FILE": f"/dev/fd/{reader}"}
    assert [read_secret(environ, "WHOP_API_KEY") for _ in range(2)] == [KEY, KEY]
    os.close(reader)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 100_000])
def test_a_file_that_is_no_key(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_secret({"WHOP_API_KEY_FILE": str(file)}, "WHOP_API_KEY")
    assert "WHOP_API_KEY_FILE" in str(caught.value)


def test_a_variable_and_a_file_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Two variables") as caught:
        read_secret({"WHOP_API_KEY": KEY, "WHOP_API_KEY_FILE": str(tmp_path)}, "WHOP_API_KEY")
    assert KEY not in str(caught.value)


def test_every_secret_that_is_read_is_kept_out_of_outputs() -> None:
    forget_all()
    read_secret({"WHOP_WEBHOOK_SECRET": "whsec_first+secret/of=two, whsec_second_secret_of_two"}, "WHOP_WEBHOOK_SECRET")
    assert redact("a whsec_first+secret/of=two b WHSEC_SECOND_SECRET_OF_TWO c") == "a *** b *** c"
    forget_all()
