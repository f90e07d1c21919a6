"""A document that is read in pieces has the same values as one that is read at once."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whopwatch.har import json_stream
from whopwatch.har.json_stream import JsonStream, StreamError

SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=9)
VALUES = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=4), part, max_size=4),
    max_leaves=9,
)


def read(data: bytes, most: int = 10_000) -> dict[str, Any]:
    """Return the document: the items of an array called "list" one by one, every other member at once."""
    stream, found = JsonStream(BytesIO(data), most), dict[str, Any]()
    for name in stream.members():
        found[name] = list(stream.items()) if name == "list" and stream.next() == "[" else stream.value()
    stream.end()
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    document=st.dictionaries(st.sampled_from(["list", "a", "\u00e9", ""]), VALUES),
    piece=st.integers(1, 9),
    indent=st.sampled_from([None, 1]),
    is_ascii=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_pieces_of_any_size_give_the_whole(
    document: dict[str, Any], piece: int, indent: int | None, is_ascii: bool, mark: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_PIECE", piece)
        text = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
        assert read(mark + text) == document


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b'{"a": 1,}', "line 1"),
        (b'{"a": 1} 2', "line 1"),
        (b'{\n"list": [1,\n\n2 3]}', "line 4"),
        (b'{"a"', "line 1"),
        (b'{"a": [1, ', "line 1"),
        (b"{1: 2}", "line 1"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xc3', "not UTF-8"),
        (b'{"a": ' + b"[" * 401 + b"]" * 401 + b"}", "more"),
        (b'{"a": ' + b"[" * 9000 + b"}", "beyond what can be parsed"),
        (b'{"a": "' + b"x" * 10_000 + b'"}', "more"),
        (b'{"a": ' + b"1" * 5000 + b"}", "beyond what can be parsed"),
    ],
)
@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_what_cannot_be_read_is_named(data: bytes, got: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_PIECE", piece)
    with pytest.raises(StreamError) as raised:
        read(data)
    assert got in raised.value.got


def test_one_part_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_PART_VALUES", 3)
    assert read(b'{"list": [[1, 2], [3, 4]]}') == {"list": [[1, 2], [3, 4]]}
    with pytest.raises(StreamError, match="more"):
        read(b'{"list": [[1, 2, 3, 4]]}')
    monkeypatch.setattr(json_stream, "_PIECE", 1)
    monkeypatch.setattr(json_stream, "MAX_VALUE_CHARACTERS", 4)
    with pytest.raises(StreamError, match="line 1"):
        read(b'{"a": "123456789"}')
