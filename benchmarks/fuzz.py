"""Damaged files of every kind that whopwatch reads: does each one end with a reason and a place?

    python -m benchmarks.fuzz [--count N] [--seed N] [--kind KIND]

Each input is a valid file in which something was changed: bytes, or values, keys and levels of its JSON, YAML or TOML.
Exits with 1 if a command reports a bug in whopwatch, takes more than a minute, or rejects a file without a place.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import signal
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from benchmarks.usage import command_line
from tests.contract_build.archives import tarball, wheel
from whopwatch.cli import main as whopwatch

MAX_SECONDS = 60
"""Beyond that an input counts as endless; the slowest valid file takes three seconds."""
CODES = frozenset({0, 1, 2, 3})
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", "x", "\x1b[31m\n::error::", "\ud800", "é" * 5000,
    [], {}, [[]], [None], {"": ""}, {"$ref": "#"}, {"$ref": "#/paths"}, {"$ref": 5}, {"a": {"a": {"a": {}}}},
    "2026-99-99", "9999999-01-01T00:00:00Z", [1] * 3000,
)  # fmt: skip

Value = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of file: a valid one, how a changed value is written, and the command that reads it."""

    name: str
    suffix: str
    content: bytes
    arguments: tuple[str, ...]
    parse: Callable[[bytes], Any] | None = None
    write: Callable[[Any], bytes] | None = None


@dataclass
class Outcome:
    """What the inputs of one kind ended with."""

    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


def main() -> int:
    """Try the inputs. Return the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--count", type=int, default=2000, help="inputs of all kinds together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="only this kind")
    options = parser.parse_args()
    begun, wrong = time.perf_counter(), 0
    os.environ["WHOP_API_KEY"] = "a-key-of-no-account"
    with tempfile.TemporaryDirectory() as folder:
        kinds = [kind for kind in all_kinds(Path(folder)) if options.kind in (None, kind.name)]
        for kind in kinds:
            outcome = fuzz(kind, max(1, options.count // len(kinds)), options.seed, Path(folder))
            wrong += len(outcome.wrong)
            codes = ", ".join(f"{count} with {code}" for code, count in sorted(outcome.codes.items()))
            print(f"{kind.name:14} {codes}; slowest {outcome.slowest:.1f} s; wrong {len(outcome.wrong)}")
            for line in outcome.wrong[:10]:
                print(f"  {line}")
    print(f"seconds        {time.perf_counter() - begun:.0f}")
    return int(wrong > 0)


def fuzz(kind: Kind, count: int, seed: int, folder: Path) -> Outcome:
    """Run the command of a kind with `count` damaged files. A file that went wrong stays in `folder`."""
    outcome = Outcome()
    good = folder / f"valid{kind.suffix}"
    good.write_bytes(kind.content)
    code, text = run([part.format(file=good, folder=folder) for part in kind.arguments])
    if code not in (0, 1, 3) or mistake(code, text):
        outcome.wrong.append(f"{kind.name}: the valid file is rejected with {code}: {text[-300:]!r}")
    for number in range(count):
        chance = random.Random(f"{seed} {kind.name} {number}")  # noqa: S311 (a reproducible choice, no secret)
        path = folder / f"odd-{number}{kind.suffix}"  # another name each time: what is read is remembered by path
        path.write_bytes(damaged(kind, chance))
        begun = time.perf_counter()
        code, text = run([part.format(file=path, folder=folder) for part in kind.arguments])
        outcome.slowest = max(outcome.slowest, time.perf_counter() - begun)
        outcome.codes[code] += 1
        reason = mistake(code, text)
        if not reason:
            path.unlink()
        else:
            outcome.wrong.append(f"{kind.name} {number} of seed {seed}: {reason}")
    return outcome


def mistake(code: int, text: str) -> str | None:
    """Return what is wrong with the end of a command; None if it is as documented."""
    if code not in CODES:
        return f"exit code {code}: {text[-200:]!r}"
    if "bug in whopwatch" in text:
        return next(line for line in text.splitlines() if "bug in whopwatch" in line)[:200]
    if "Traceback" in text:
        return f"a traceback: {text[-200:]!r}"
    if code == 2 and "where: " not in text:
        return f"rejected without a place: {text[-300:]!r}"
    return None


def run(arguments: list[str]) -> tuple[int, str]:
    """Run `whopwatch` in this process. Return its exit code, -1 for an input without an end, and all of its output."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        try:
            with _limited():
                code = whopwatch(arguments)
        except TimeoutError:
            code = -1
            output.write(f"no end after {MAX_SECONDS} s")
    return code, output.getvalue()


@contextmanager
def _limited() -> Iterator[None]:
    def stop(_: int, __: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(MAX_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damaged(kind: Kind, chance: random.Random) -> bytes:
    """Return the valid file of a kind with one to three changes, of its bytes or of its values."""
    if kind.parse is None or kind.write is None or chance.random() < 0.3:
        return damaged_bytes(kind.content, chance)
    try:
        value = kind.parse(kind.content)
        for _ in range(chance.randrange(1, 4)):
            value = damaged_value(value, chance)
        return kind.write(value)
    except (ValueError, TypeError, RecursionError, yaml.YAMLError):
        return damaged_bytes(kind.content, chance)


def damaged_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return `content` cut, with bytes exchanged, repeated, or of another encoding."""
    found = bytearray(content)
    match chance.randrange(6):
        case 0:
            return bytes(found[: chance.randrange(len(found))])
        case 1:
            for _ in range(chance.randrange(1, 30)):
                found[chance.randrange(len(found))] = chance.randrange(256)
        case 2:
            at = chance.randrange(len(found))
            found[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 50)))
        case 3:
            at = chance.randrange(len(found))
            found[at:at] = chance.choice((b"[" * 5000, b'{"a":' * 2000, b"\0", b"\xff\xfe", b"&a [*a]", b"\t", b"!!x "))
        case 4:
            at, size = chance.randrange(len(found)), chance.randrange(1, 2000)
            found[at:at] = found[at : at + size]
        case 5:
            return chance.choice((b"", b"\xef\xbb\xbf", b"null", b"[]", b"{}", b"\x1f\x8b", b"PK\x03\x04", b"0" * 9000))
    return bytes(found)


def damaged_value(value: Any, chance: random.Random) -> Any:
    """Return a document with one value replaced, removed, repeated or nested, or one key renamed."""
    changed = copy.deepcopy(value)
    if (
        isinstance(changed, dict) and changed and all(isinstance(part, bytes) for part in changed.values())
    ):  # an archive
        name = chance.choice(list(changed))
        return {**changed, name: damaged_bytes(changed[name] or b"x", chance)}
    owner, key = chance.choice(list(_places(changed)) or [({"": changed}, "")])
    match chance.randrange(6):
        case 0 | 1:
            owner[key] = copy.deepcopy(chance.choice(JUNK))
        case 2:
            del owner[key]
        case 3:
            deep: Any = owner[key]
            for _ in range(chance.choice((3, 70, 290))):
                deep = {"allOf": [deep]} if chance.random() < 0.5 else [deep]
            owner[key] = deep
        case 4 if isinstance(owner, dict):
            owner[chance.choice(("", "x" * 3000, "\x1b]0;", "$ref", "é", "../..", str(key) * 2))] = owner.pop(key)
        case _:
            other, there = chance.choice(list(_places(changed)) or [(owner, key)])
            owner[key] = json.loads(json.dumps(other[there], default=str))
    return changed


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the owner and the key of each value of a document; of a list with many items, of some."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))[:20] if isinstance(node, list) else []
        for key in keys:
            yield node, key
            waiting.append(node[key])


def all_kinds(folder: Path) -> list[Kind]:
    """Make the valid file of each kind in `folder`. Return the kinds."""
    har, report, history, export = (folder / name for name in ("good.har", "good.json", "b.sqlite", "export.json"))
    _made("check", "--budget", "15", "--record", str(har), "--json", str(report))
    _made("drift", "--budget", "15", "--baseline", str(history), "--report-dir", str(folder / "night"))
    _made("baseline", "export", "--baseline", str(history), "-o", str(export))
    (folder / "openapi.json").write_text(json.dumps(OPENAPI))
    (folder / "edition" / "v1").mkdir(parents=True)
    diff = ("diff", "{folder}/openapi.json", "{file}")
    recording, judged = report.read_bytes(), har.read_bytes()
    return [
        Kind("har", ".har", judged, ("check", "--replay", "{file}"), json.loads, _json),
        Kind("report", ".json", recording, ("report", "{file}", "--html", "{folder}/page.html"), json.loads, _json),
        Kind("report-accept", ".json", recording, ("accept", "--all-current", "--reason", "x", "--report", "{file}",
             "--accepted", "{folder}/made.yaml"), json.loads, _json),
        Kind("baseline", ".json", export.read_bytes(),
             ("baseline", "import", "{file}", "--baseline", "{folder}/new.sqlite", "--force"), json.loads, _json),
        Kind("openapi-diff", ".json", _json(OPENAPI), diff, json.loads, _json),
        Kind("openapi-yaml", ".yaml", _yaml(OPENAPI), diff, yaml.safe_load, _yaml),
        Kind("openapi-use", ".json", _json(OPENAPI),
             ("check", "--contract", "{file}", "--budget", "4"), json.loads, _json),
        Kind("wheel", ".whl", wheel(folder).read_bytes(), ("diff", "{file}", "{file}"), _unpacked, _wheel),
        Kind("tarball", ".tgz", tarball(folder).read_bytes(), ("diff", "{file}", "{file}"), _unpacked, _tarball),
        Kind("config", ".toml", CONFIG, ("check", "--target", "staging", "--budget", "1", "--config", "{file}"), _toml,
             _toml_text),
        Kind("accepted", ".yaml", ACCEPTED, ("report", "{folder}/good.json", "--accepted", "{file}"), yaml.safe_load,
             _yaml),
    ]  # fmt: skip


def _made(*arguments: str) -> None:
    code, text = run(list(arguments))
    if code not in (0, 1, 3):
        raise SystemExit(f"whopwatch {arguments[0]} ended with {code}: {text[-500:]}")


def _json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _yaml(value: Any) -> bytes:
    return yaml.safe_dump(value, allow_unicode=False).encode("utf-8", "surrogatepass")


def _toml(content: bytes) -> Any:
    return tomllib.loads(content.decode())


def _toml_text(value: Any) -> bytes:
    """Write a document as TOML: tables of the first two levels, all else inline as JSON, which may not be valid."""
    lines = [f"{key} = {json.dumps(part)}" for key, part in value.items() if not isinstance(part, dict)]
    for name, table in value.items():
        for inner, part in table.items() if isinstance(table, dict) else ():
            rows = part.items() if isinstance(part, dict) else ((inner, part),)
            title = f"[{name}.{json.dumps(inner)}]" if isinstance(part, dict) else f"[{name}]"
            lines += [title, *(f"{json.dumps(key)} = {json.dumps(one)}" for key, one in rows)]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _unpacked(content: bytes) -> Value:
    """Return the members of a wheel or tarball by name."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            return {name: bundle.read(name) for name in bundle.namelist()}
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        handles = {entry.name: packed.extractfile(entry) for entry in packed}
        return {name: handle.read() for name, handle in handles.items() if handle is not None}


def _wheel(members: Value) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in members.items():
            bundle.writestr(name, text)
    return content.getvalue()


def _tarball(members: Value) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as bundle:
        for name, text in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            bundle.addfile(entry, io.BytesIO(text))
    return content.getvalue()


CONFIG = b"""
[targets.staging]
base_url = "http://127.0.0.1:9/api/v1"
company_id = "biz_aaaaaaaaaaaaaa"
rate = 5
contract = "2025-01-01"
"""
ACCEPTED = b"""
accepted:
- fingerprint: 0123456789ab
  reason: known
  expires: 2030-01-01
"""
_THING = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "minLength": 2, "pattern": "^a", "format": "uri", "default": "abc"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "amount": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 9, "multipleOf": 0.5},
        "other": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
        "list": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/Part"}]}, "maxItems": 3},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}, "patternProperties": {"^x": True}},
        "rule": {
            "if": {"type": "string"},
            "then": {"minLength": 1},
            "not": {"const": 5},
            "dependentRequired": {"a": ["b"]},
        },
    },
}
OPENAPI: Value = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1", "x-api-version-date": "2026-01-01"},
    "servers": [{"url": "https://{host}/v1", "variables": {"host": {"default": "a.org", "enum": ["a.org"]}}}],
    "security": [{"key": ["read"]}],
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "operationId": "things.retrieve",
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}],
                "responses": {
                    "200": {"description": "", "headers": {"X-A": {"schema": {"type": "integer"}}},
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                    "404": {"$ref": "#/components/responses/Missing"},
                },
            },
            "post": {
                "operationId": "things.update",
                "requestBody": {"required": True, "content": {"application/json": {"schema": _THING}}},
                "responses": {"200": {"description": ""}},
                "callbacks": {"done": {"{$request.body#/url}": {"post": {"responses": {}}}}},
            },
        }
    },
    "webhooks": {"thing.made": {"post": {"requestBody": {"content": {"application/json": {"schema": _THING}}}}}},
    "components": {
        "schemas": {
            "Thing": _THING,
            "Part": {"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "string"}],
                     "discriminator": {"propertyName": "kind", "mapping": {"a": "#/components/schemas/Thing"}}},
        },
        "responses": {"Missing": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}},
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    },
}  # fmt: skip
"""A document with most keywords."""


if __name__ == "__main__":
    raise SystemExit(main())
