"""The decoder of configuration files: types, places, suggestions, and files that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pytest

from whopwatch.config import decode
from whopwatch.core.documents import read_bounded
from whopwatch.core.errors import ConfigError, quoted_input


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    name: str


@dataclass(frozen=True)
class Outer:
    size: int
    wait: Annotated[float, decode.duration_seconds] = 1.0
    colour: Colour = Colour.RED
    on: bool | None = None
    until: date | None = None
    inner: Inner | None = None
    more: tuple[Inner, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    place: str = field(default="", metadata={"key": False})


def read(**values: Any) -> Outer:
    return decode.record_reader(Outer)({"size": 1, **values}, "f.toml")


def test_a_record_is_decoded_by_the_types_of_its_fields() -> None:
    full = read(wait="2m", colour="blue", on=False, until="2026-01-31", inner={"name": "a"}, more=[{"name": "b"}])
    assert full == Outer(1, 120.0, Colour.BLUE, False, date(2026, 1, 31), Inner("a"), (Inner("b"),))
    assert isinstance(full.colour, Colour)
    assert read(until=date(2026, 1, 2), ids={"a": "b"}) == Outer(1, until=date(2026, 1, 2), ids={"a": "b"})
    assert read(wait=0.5) == Outer(1, 0.5)


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"siez": 1}, ("Unknown key 'siez'.", "where: f.toml\n", "did you mean 'size'?")),
        ({"place": "x"}, ("Unknown key 'place'.",)),
        ({"size": "1"}, ("where: f.toml, size", "an integer above 0", "got: '1'")),
        ({"size": 0}, ("got: 0",)),
        ({"size": True}, ("got: true",)),
        ({"size": 10_000}, ("got: 10000",)),
        ({"wait": "5 years"}, ("f.toml, wait", '"30s" or "5m"', "got: '5 years'")),
        ({"wait": "0s"}, ('"30s" or "5m"',)),
        ({"colour": "bleu"}, ("one of red, blue", "did you mean 'blue'?")),
        ({"colour": []}, ("got: an empty list",)),
        ({"on": 0}, ("true or false",)),
        ({"until": "2026-02-30"}, ("a date such as 2026-12-31", "got: '2026-02-30'")),
        ({"until": 7}, ("a date such as",)),
        ({"inner": {}}, ("The key 'name' is missing.", "f.toml, inner")),
        ({"inner": {"name": ""}}, ("f.toml, inner.name", "got: an empty string")),
        ({"more": [{"name": "a"}, {"name": 1}]}, ("f.toml, more, number 2.name", "got: 1")),
        ({"more": {}}, ("a list", "got: a table")),
        ({"ids": {"a": ["x"]}}, ("f.toml, ids.a", "got: a list")),
        ({"api_key": "apik_secret_1"}, ("must not be in a configuration file", "api_key_env")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_error_names_the_place_what_was_expected_and_the_input(
    values: dict[str, Any], facts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(**values)
    assert [fact for fact in facts if fact not in str(caught.value)] == []
    assert "secret" not in str(caught.value)


def test_a_missing_key_and_a_value_that_is_no_table_are_errors() -> None:
    with pytest.raises(ConfigError, match="'size' is missing"):
        decode.record_reader(Outer)({}, "f.toml")
    with pytest.raises(ConfigError, match="a table of settings"):
        decode.record_reader(Outer)([], "f.toml")


@pytest.mark.parametrize(
    ("reader", "right", "wrong"),
    [
        (decode.fraction, 0.99, (0.0, 1.0, 1, True, "0.5")),
        (decode.positive_number, 2, (0, -1, 1e9, float("nan"), float("inf"), True, "2")),
        (decode.strings, ["a"], ([], "a", [""], [1])),
        (
            decode.server_url,
            "https://e.com/mcp",
            ("e.com", "ftp://e.com", "https://u@e.com", "https://e.com?k=v", "https://"),
        ),
        (decode.matching_string("[a-z]+", "letters"), "abc", ("abc1", "", 3)),
        (decode.string, "x", ("", None, 3)),
        (decode.boolean, False, (0, None, "true")),
    ],
)
def test_values(reader: decode.Reader, right: object, wrong: tuple[object, ...]) -> None:
    decoded = reader(right, "f")
    assert decoded == (tuple(right) if isinstance(right, list) else right)
    for value in wrong:
        with pytest.raises(ConfigError):
            reader(value, "f")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "The file does not exist."),
        (b"\xff", "bytes that are not UTF-8"),
        (b"a = ", "is not valid TOML"),
        (b"a = " + b"[" * 100_000, "too many levels"),
        (b"a = 1" + b"0" * 5000, "too many digits"),
    ],
    ids=["missing", "not-utf8", "cut", "deep", "long-number"],
)
def test_a_toml_file_that_cannot_be_read(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        decode.read_toml_file(path, "The file")
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than 64 MiB"):
        decode.read_toml_file(Path("/dev/zero"), "The file")


def test_a_folder_and_a_large_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        decode.read_toml_file(tmp_path, "The file")
    assert caught.value.expected == "a file in UTF-8"
    monkeypatch.setattr(decode, "read_bounded", partial(read_bounded, most=3))
    (tmp_path / "f").write_text("1234")
    with pytest.raises(ConfigError, match="more than 0 MiB"):
        decode.read_document_file(tmp_path / "f", "The file")
    (tmp_path / "f").write_text("[1]")
    assert decode.read_document_file(tmp_path / "f", "The file") == [1]


@pytest.mark.parametrize(
    "key",
    [
        "apik_0123456789",
        "whsec_abc",
        "https://api.whop.com/apik_0123456789",
        "user:aaaaaaaaaaaaaaaaaaa9@host",
        "bearer aB3dE6gH9jK2mN5pQ8sT1",
    ],
)
def test_input_that_may_contain_a_key_is_not_shown(key: str) -> None:
    assert quoted_input(key) == f"a value of {len(key)} characters that may contain a key"


@pytest.mark.parametrize(
    "value", ["prodction", "products.list", "2026-10-15-1", "a-long-name-of-many-letters-only", ""]
)
def test_other_input_is_shown(value: str) -> None:
    assert quoted_input(value) == repr(value)
    assert quoted_input("x y" * 40) == repr(f"{'x y' * 19}...")
