"""Malformed and hostile files end with an error that names the place, in bounded time and memory."""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.diff.test_pairs import OPERATION, SHARED
from whopwatch.cli import main
from whopwatch.contract_build import releases
from whopwatch.core.errors import SourceError

Captured = pytest.CaptureFixture[str]
JUNK: tuple[Any, ...] = (None, 5, -1.5, "x", [], {}, True, [1], {"a": 1}, {"$ref": "#/no"}, {"$ref": 5}, {"$ref": "#"})
DOCUMENT = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://a.org"}],
    "paths": {
        "/things": {
            "post": {
                **OPERATION,
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string", "enum": ["a"]}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "security": [{"key": ["read"]}],
            }
        }
    },
    "components": {"schemas": {"Thing": SHARED, "All": {"allOf": [{"$ref": "#/components/schemas/Thing"}]}}},
}


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, part in parts for place in places(part, (*path, key)))]


def mutated(chance: random.Random) -> Any:
    document = json.loads(json.dumps(DOCUMENT))
    *above, key = chance.choice(places(document)[1:])
    owner = document
    for step in above:
        owner = owner[step]
    owner[key] = chance.choice(JUNK)
    return document


def test_no_mutation_of_a_document_is_a_bug(tmp_path: Path, capsys: Captured) -> None:
    chance = random.Random(7)  # noqa: S311
    good, path = tmp_path / "good.json", tmp_path / "odd.json"
    good.write_text(json.dumps(DOCUMENT))
    for _ in range(200):
        path.write_text(json.dumps(mutated(chance)))
        code = main(["diff", str(good), str(path)])
        err = capsys.readouterr().err
        assert code in (0, 1, 2, 3), path.read_text()
        assert "bug in whopwatch" not in err, path.read_text()
        assert code != 2 or "where: " in err


def schemas(count: int) -> dict[str, Any]:
    """Return schemas that double at each level once their `allOf` are merged."""
    parts = {}
    for place in range(count):
        below = {"$ref": f"#/components/schemas/A{place + 1}"}
        parts[f"A{place}"] = {"allOf": [below, below, {"properties": {f"p{place}": below}}]}
    return {**parts, f"A{count}": {"anyOf": [{"properties": {f"k{n}": {"const": n}}} for n in range(12)]}}


CYCLES: dict[str, Any] = {
    "A": {"allOf": [{"$ref": "#/components/schemas/B"}, {"properties": {"x": {"$ref": "#/components/schemas/A"}}}]},
    "B": {"allOf": [{"$ref": "#/components/schemas/A"}, {"properties": {"x": {"$ref": "#/components/schemas/B"}}}]},
    "C": {"$ref": "#/components/schemas/C"},
    "D": {"anyOf": [{"$ref": "#/components/schemas/D"}, {"type": "null"}]},
}


@pytest.mark.parametrize("shared", [schemas(40), CYCLES], ids=["exploding", "cyclic"])
def test_cyclic_and_exploding_schemas_end(tmp_path: Path, shared: dict[str, Any]) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps({"openapi": "3.1.0", "paths": {}, "components": {"schemas": shared}}))
    started = time.process_time()
    assert main(["diff", str(path), str(path)]) in (0, 2)
    assert time.process_time() - started < 20


def packed(kind: str) -> bytes:
    content, text = io.BytesIO(), b"x = 1\n" * 5000
    if kind == "whl":
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("whop_sdk/x.py", text)
    else:
        with tarfile.open(fileobj=content, mode="w:gz") as tarball:
            entry = tarfile.TarInfo("package/x.d.ts")
            entry.size = len(text)
            tarball.addfile(entry, io.BytesIO(text))
    return content.getvalue()


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_damaged_archives_are_errors(tmp_path: Path, capsys: Captured, kind: str) -> None:
    good, chance, path = packed(kind), random.Random(3), tmp_path / f"odd.{kind}"  # noqa: S311
    for place in range(40):
        content = bytearray(good[: chance.randrange(len(good))] if place % 2 else good)
        for _ in range(0 if place % 2 else 9):
            content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
        path.write_bytes(content)
        assert main(["diff", str(path), str(path)]) in (2, 3)
        assert "bug in whopwatch" not in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "suffix"), [("whl", ".py"), ("tgz", ".d.ts")])
def test_the_unpacked_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, suffix: str) -> None:
    path = tmp_path / f"large.{kind}"
    path.write_bytes(packed(kind))
    assert len(releases.read_texts(path, suffix)) == 1
    monkeypatch.setattr(releases, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(SourceError, match="too large"):
        releases.read_texts(path, suffix)


BOMB = "openapi: 3.1.0\na: &a [0]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


def test_aliases_without_an_end_in_a_contract_folder_are_an_error(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "openapi.yaml").write_text(BOMB)
    assert main(["diff", str(tmp_path), str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "not YAML" in err
    assert "openapi.yaml" in err


def unions(last: dict[str, Any]) -> dict[str, Any]:
    """Return unions of unions: four variants at each of twelve levels."""
    parts: dict[str, Any] = {
        f"A{n}": {
            "oneOf": [
                {"allOf": [{"$ref": f"#/components/schemas/A{n + 1}"}, {"properties": {f"p{n}{k}": {}}}]}
                for k in range(4)
            ]
        }
        for n in range(12)
    }
    return {**parts, "A12": last}


def webs(extra: dict[str, Any]) -> dict[str, Any]:
    """Return sixty schemas that contain each other thirty times."""
    parts = {
        f"A{n}": {
            "type": "object",
            "properties": {f"c{k}": {"$ref": f"#/components/schemas/A{(n * 7 + k) % 60}"} for k in range(30)},
        }
        for n in range(60)
    }
    parts["A59"]["properties"] = {**parts["A59"]["properties"], **extra}  # type: ignore[dict-item]
    return parts


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (unions({"type": "object"}), unions({"type": "object", "properties": {"q": {}}}), 2),
        (webs({}), webs({"q": {"type": "string"}}), 1),
    ],
    ids=["unions", "webs"],
)
def test_places_without_number_are_bounded(tmp_path: Path, old: dict[str, Any], new: dict[str, Any], code: int) -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/A0"}}}
    paths = {"/a": {"get": {"operationId": "a", "responses": {"200": {"content": content}}}}}
    files = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, shared in zip(files, (old, new), strict=True):
        path.write_text(json.dumps({"openapi": "3.1.0", "paths": paths, "components": {"schemas": shared}}))
    assert main(["diff", *map(str, files)]) == code
