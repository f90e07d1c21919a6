"""Documents are parsed within bounds, whichever parser is installed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from whopwatch.core import documents
from whopwatch.core.documents import DocumentError, parse_document, parse_yaml_document, read_bounded
from whopwatch.core.errors import UsageError
from whopwatch.har.read import read as read_har
from whopwatch.usage.profile import read_profile
from whopwatch.webhooks.delivery import read_delivery

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab[]{}'\" ", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.booleans())
def test_a_document_is_parsed_to_its_value(value: object, flow: bool) -> None:
    assert parse_document(json.dumps(value)) == value
    assert parse_yaml_document(yaml.safe_dump(value, default_flow_style=flow)) == value


@pytest.mark.parametrize("loader", ["libyaml", "python"])
@pytest.mark.parametrize(
    "nested",
    [
        pytest.param(lambda n: "[" * n + "]" * n, id="flow"),
        pytest.param(lambda n: "x: " + "[" * (n - 1) + "]" * (n - 1), id="flow-in-block"),
        pytest.param(lambda n: "x: " + "{a: " * (n - 1) + "}" * (n - 1), id="flow-mappings"),
        pytest.param(lambda n: "- " * n + "x", id="block"),
        pytest.param(lambda n: '{"a":' * n + "1" + "}" * n, id="json"),
        pytest.param(
            lambda n: "- &a0 [x]\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, n - 1)), id="aliases"
        ),
    ],
)
def test_levels_are_bounded_exactly(monkeypatch: pytest.MonkeyPatch, nested: object, loader: str) -> None:
    assert callable(nested)
    if loader == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    parse_document(nested(300))
    for levels in (301, 20_000):
        with pytest.raises(DocumentError, match="more than 300 levels"):
            parse_document(nested(levels))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- [" + "[" * 150 + "'" + "[" * 500, "not valid YAML"),
        ("a: &a [*a]", "contains it"),
        ("- [" + "[]," * 400 + "'", "not valid YAML"),
        ("- *missing", "not valid YAML"),
        ("- &a [1]\n- &a [2]", "not valid YAML"),
        ("a: !!python/object:os.system {}", "not valid YAML"),
        ("9" * 5000, "too many digits"),
        ("{", "line 1, column 2"),
    ],
    ids=["quoted-brackets", "alias-of-itself", "closed-brackets", "no-anchor", "anchor-twice", "tag", "digits", "cut"],
)
def test_a_document_that_cannot_be_parsed_names_the_reason(text: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        parse_document(text)


@pytest.mark.parametrize("text", ['{"a": [1, 2, 3]}', "a: [1, 2, 3]"], ids=["json", "yaml"])
def test_values_are_counted_before_a_document_is_parsed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT_VALUES", 8)
    assert parse_document(text) == {"a": [1, 2, 3]}
    monkeypatch.setattr(documents, "MAX_DOCUMENT_VALUES", 3)
    with pytest.raises(DocumentError, match="more than 3 values"):
        parse_document(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[]", 2),  # the document counts, too
        ("[a]", 3),
        ("{a: b}", 4),
        ("[[a], [b]]", 6),
        ("[&x [a, b], *x, *x]", 11),
        ("[&x a, *x, *x]", 5),
        ("{k: &x {a: b}, l: *x, m: *x}", 14),
    ],
)
def test_each_scalar_collection_and_repeated_part_is_a_value(
    monkeypatch: pytest.MonkeyPatch, text: str, values: int
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT_VALUES", values)
    parse_yaml_document(text)
    monkeypatch.setattr(documents, "MAX_DOCUMENT_VALUES", values - 1)
    with pytest.raises(DocumentError, match="values once its aliases are followed"):
        parse_yaml_document(text)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_pipe_is_read_to_its_end(pipe: Path) -> None:
    writer = threading.Thread(target=pipe.write_bytes, args=(b"x" * 200_000,))
    writer.start()
    assert read_bounded(pipe) == b"x" * 200_000
    writer.join()


def test_a_pipe_that_gives_nothing_ends_with_an_error(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PIPE_SECONDS", 0)
    with pytest.raises(OSError, match="a pipe that does not end within 0 seconds"):
        read_bounded(pipe)


@pytest.mark.parametrize("read", [read_har, read_profile, lambda path: read_delivery(path, path)])
def test_a_pipe_that_gives_nothing_is_no_input(
    pipe: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(documents, "MAX_PIPE_SECONDS", 0)
    with pytest.raises(UsageError, match=r"cannot be read|no HTTP archive|not be used"):
        read(pipe)


def test_a_pipe_without_an_end_is_read_within_the_limit(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PIPE_SECONDS", 1)
    descriptor = os.open(pipe, os.O_RDWR)  # holds it open, so that it does not end
    os.write(descriptor, b"openapi")
    try:
        with pytest.raises(OSError, match="does not end"):
            read_bounded(pipe)
        os.write(descriptor, b"openapi")
        with pytest.raises(OSError, match="more than 0 MiB"):
            read_bounded(pipe, most=3)
    finally:
        os.close(descriptor)


def test_an_error_of_yaml_has_its_place() -> None:
    with pytest.raises(DocumentError, match="not valid YAML in line 2, column 4"):
        parse_yaml_document("a: 1\nb: ]")


def test_a_document_may_have_64_mib_and_2_million_values() -> None:
    assert (documents.MAX_FILE_BYTES, documents.MAX_DOCUMENT_VALUES) == (67_108_864, 2_000_000)
