"""A key comes from a variable, or from a file or descriptor that a variable names; no error quotes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whopwatch.config import read_secret, resolve_target
from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import forget_all, redact

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
