"""`whopwatch usage`: what it reads, what it leaves out, and what it never shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.core.finding import Impact
from whopwatch.usage import scan as scanner
from whopwatch.usage.impact import impact_at
from whopwatch.usage.profile import BROKEN_CODE, LOST_CLIENT, LOST_EVENT, Profile, read_profile
from whopwatch.usage.scan import scan

Captured = pytest.CaptureFixture[str]
SDK = "from whop_sdk import Whop\nclient = Whop(api_key='apik_0123456789abcdef01234')\n"
WALK = "def walk(one):\n    print(one.id)\n    walk(one.user)\nwalk(client.payments.retrieve('x'))\n"
RETRIEVE = SDK + "print(client.payments.retrieve('pay_secret1').status)\n"


def scan_text(folder: Path, text: str, name: str = "app.py") -> Profile:
    (folder / name).write_text(text, encoding="utf-8")
    return scan([folder], load())


def test_the_profile_has_places_and_no_values_and_is_read_again(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "app.py").write_text(RETRIEVE)
    output = tmp_path / "usage.json"
    assert main(["usage", str(tmp_path), "-o", str(output)]) == 0
    shown = capsys.readouterr().out
    assert "payments.retrieve: 1 fields and parameters" in shown
    assert "1 operation in 1 file (4 lines) and no recordings; 1 of 1 calls followed" in shown
    stored = output.read_text()
    assert "apik_" not in stored + shown
    assert "pay_secret1" not in stored + shown
    row = json.loads(stored)["operations"][0]
    assert (row["id"], row["certainty"]) == ("payments.retrieve", "seen")
    assert row["fields"][0]["location"] == "/status"
    assert row["fields"][0]["places"][0].endswith("app.py:3")
    assert read_profile(output).to_json() == json.loads(stored)


def test_nothing_is_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    scan_text(tmp_path, f"open({str(marker)!r}, 'w').close()\n{RETRIEVE}")
    assert not marker.exists()


def test_without_a_use_of_the_api_the_exit_code_is_3(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "app.py").write_text("print('hello')\n")
    assert main(["usage", str(tmp_path)]) == 3
    assert main(["usage", str(tmp_path / "missing")]) == 2
    assert "There is no file or folder" in capsys.readouterr().err


BROKEN = {
    "syntax.py": (b"def broken(:\n", "cannot be parsed: SyntaxError in line 1"),
    "null.py": (b"a = 1\0\n", "cannot be parsed"),
    "deep.py": (b"x = " + b"(" * 5000 + b")" * 5000, "cannot be parsed"),
    "long.py": (b"x = '" + b"a" * 30_000 + b"'\n", "a line has more than 20000 characters"),
    "large.py": (b"# x\n" * (2**19 + 1), "larger than 2 MiB"),
    "bytes.py": (b"# -*- coding: utf-8 -*-\nx = '\xff\xfe'\n", "the encoding is unknown"),
    "codec.py": (b"# -*- coding: nonsense -*-\nx = 1\n", "the encoding is unknown"),
    "broken.har": (b"{", "invalid JSON"),
}


def test_broken_files_are_reported_and_survived(tmp_path: Path) -> None:
    for name, (data, _) in BROKEN.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link.py").symlink_to(tmp_path / "app.py")
    (tmp_path / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n")
    profile = scan_text(tmp_path, RETRIEVE)
    reasons = {Path(file).name: reason for file, reason in profile.coverage.skipped}
    for name, (_, reason) in BROKEN.items():
        assert reason in reasons[name], name
    assert reasons["link.py"] == reasons["folder"] == "a symbolic link"
    assert reasons["pipe.py"] == "not a regular file"
    assert set(reasons) == {*BROKEN, "link.py", "folder", "pipe.py"}
    assert profile.coverage.files == 2
    assert list(profile.operations) == ["payments.retrieve"]


def test_bounds_on_files_and_on_the_work_for_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whopwatch.usage.accesses.MAX_CODE_STEPS", 200)
    profile = scan_text(tmp_path, RETRIEVE + "x = 1\n" * 1000)
    assert [reason for _, reason in profile.coverage.not_followed] == ["the code is too complex to follow to its end"]
    (tmp_path / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(scanner, "MAX_SOURCE_FILES", 1)
    assert ("more than 1 files") in [reason for _, reason in scan([tmp_path], load()).coverage.skipped]


def test_what_cannot_be_followed_is_counted(tmp_path: Path) -> None:
    text = SDK + "name = input()\ngetattr(client.payments, name)()\nclient.payments.listt()\nclient.payments.list()\n"
    profile = scan_text(tmp_path, text)
    assert (profile.coverage.calls, profile.coverage.calls_followed) == (3, 1)
    assert [reason for _, reason in profile.coverage.not_followed] == [
        "the name of an SDK method is computed",
        "payments.listt is no operation of the contract",
    ]


def test_data_that_leaves_the_code_is_read_as_a_whole(tmp_path: Path) -> None:
    text = SDK + "import other\nfor one in client.payments.list():\n    other.keep(one)\n    other.keep(one.user)\n"
    use = scan_text(tmp_path, text).operations["payments.list"]
    assert sorted(use.read_whole) == ["/data/*", "/data/*/user"]
    assert not scan_text(tmp_path, RETRIEVE).operations["payments.retrieve"].read_whole


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("def load():\n    return client.payments.retrieve('x')\n", [""]),
        ("def load():\n    return client.payments.retrieve('x')\nprint(load().total)\n", []),
        ("def load():\n    return {'of': [client.payments.retrieve('x').user]}\n", ["/user"]),
        ("class Api:\n    def load(self):\n        return client.payments.retrieve('x')\n", [""]),
        ("def load(again):\n    load(again)\n    return client.payments.retrieve('x')\n", [""]),
        ("import other\nother.run(lambda: client.payments.retrieve('x'))\n", [""]),
        ("import other\nother.keep([{'one': client.payments.retrieve('x')}])\n", [""]),
        (WALK, None),
    ],
)
def test_data_that_is_returned_to_or_kept_by_unknown_code(tmp_path: Path, text: str, whole: list[str] | None) -> None:
    use = scan_text(tmp_path, SDK + text).operations["payments.retrieve"]
    assert sorted(use.read_whole) == (["/user"] if whole is None else whole)


@pytest.mark.parametrize(
    "use", ["print(one.id)", "for it in one:\n    print(it.id)", "import other\nother.keep(one)", "one()"]
)
def test_a_variable_with_more_values_than_are_followed(tmp_path: Path, use: str) -> None:
    calls = [f"    one = client.{id}()\n" for id in sorted(load().operations) if id.endswith(".list")]
    assert len(calls) > 20
    for count, impact in ((12, Impact.UNUSED), (20, Impact.MAY)):
        profile = scan_text(tmp_path, f"{SDK}if 1:\n{''.join(calls[:count])}{use}\n")
        assert impact_at("payments.retrieve", "/id", profile)[0] is impact
    names = "".join(f"    one = 'text {number}'\n" for number in range(40))
    profile = scan_text(tmp_path, f"{SDK}if 1:\n{names}{use}\n")
    assert impact_at("payments.retrieve", "/id", profile)[0] is Impact.UNUSED


def test_a_function_that_only_another_file_calls_is_followed_there(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(SDK + "def load(id):\n    return client.payments.retrieve(id)\n")
    caller = scan_text(tmp_path, "from .api import load\nprint(load('x').total)\n", "z.py")
    assert not caller.operations["payments.retrieve"].read_whole
    alone = scan([tmp_path / "api.py"], load())
    assert impact_at("payments.retrieve", "/user/email", alone)[0] is Impact.MAY
    assert impact_at("payments.retrieve", "/user/email", caller)[0] is Impact.UNUSED


@pytest.mark.parametrize("name", ["broken.py", "code.go", "broken.ts"])
def test_without_all_the_code_nothing_is_called_unused(tmp_path: Path, name: str) -> None:
    (tmp_path / "other.go").write_text("package main // of another service\n")
    assert impact_at("refunds.list", "/data", scan_text(tmp_path, RETRIEVE))[0] is Impact.UNUSED
    (tmp_path / name).write_text("class x { ((( // https://api.whop.com\n")
    profile = scan_text(tmp_path, RETRIEVE)
    assert impact_at("refunds.list", "/data", profile) == (Impact.MAY, ())
    assert impact_at("payments.retrieve", "/total", profile)[0] is Impact.MAY
    assert impact_at("payments.retrieve", "/status", profile)[0] is Impact.HITS


def test_a_function_of_another_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(SDK + "def load(id):\n    return client.payments.retrieve(id)\n")
    profile = scan_text(tmp_path, "from .api import client, load\nload('x').total\nclient.refunds.list()\n", "z.py")
    assert profile.operations["payments.retrieve"].fields["/total"].places[0].endswith("z.py:2")
    assert "refunds.list" in profile.operations


def test_a_documented_path_at_an_unknown_host_is_a_guess(tmp_path: Path) -> None:
    text = "import httpx\nhttpx.get(f'{BASE}/payments')\nhttpx.get('https://shop.example/refunds')\n"
    profile = scan_text(tmp_path, text)
    assert {id: str(use.certainty) for id, use in profile.operations.items()} == {"payments.list": "guessed"}


def test_a_recording_names_operations_and_what_was_sent(tmp_path: Path) -> None:
    def entry(method: str, url: str, body: str | None = None) -> dict[str, object]:
        sent = {"postData": {"text": body}} if body else {}
        return {"request": {"method": method, "url": url, **sent}, "response": {"status": 200}}

    entries = [
        entry("GET", "https://api.whop.com/api/v1/payments?company_id=biz_secret"),
        entry("POST", "https://api.whop.com/api/v1/products", '{"title": "a secret", "plan_options": {}}'),
        entry("GET", "https://other.example/payments"),
    ]
    (tmp_path / "run.har").write_text(json.dumps({"log": {"entries": entries}}))
    profile = scan([tmp_path / "run.har"], load())
    assert profile.coverage.recordings == 1
    assert set(profile.operations) == {"payments.list", "products.create"}
    assert set(profile.operations["products.create"].fields) == {"body:/title", "body:/plan_options"}
    assert set(profile.operations["payments.list"].fields) == {"param:company_id"}
    assert "" in profile.operations["payments.list"].read_whole
    assert "secret" not in json.dumps(profile.to_json())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1, "kind": "usage"}', '{"schema": 2, "kind": "usage"}'])
def test_another_file_is_no_profile(tmp_path: Path, text: str) -> None:
    (tmp_path / "usage.json").write_text(text)
    with pytest.raises(Exception, match="usage profile cannot be read"):
        read_profile(tmp_path / "usage.json")


def test_typescript_is_read_with_its_mistakes(tmp_path: Path) -> None:
    text = "import Whop from '@whop/sdk';\nconst c = new Whop();\nconst {total} = c.payments.retrieve('x');\n(((\n"
    profile = scan_text(tmp_path, text, "app.ts")
    use = profile.operations["payments.retrieve"]
    assert [(place.rpartition(":")[2], reason) for place, reason in profile.coverage.not_followed] == [
        ("4", BROKEN_CODE)
    ]
    assert use.fields["/total"].places[0].endswith("app.ts:3")


def test_deeply_nested_code_is_survived(tmp_path: Path) -> None:
    (tmp_path / "deep.ts").write_text("f(" * 20_000 + ")" * 20_000)
    (tmp_path / "chain.js").write_text("a" + ".b()" * 20_000)
    assert list(scan_text(tmp_path, RETRIEVE).operations) == ["payments.retrieve"]


def test_a_client_of_another_library_is_no_client_of_the_sdk(tmp_path: Path) -> None:
    text = "from other import Client\ndef run(client: Client):\n    client.payments.list()\n    client.send()\n"
    profile = scan_text(tmp_path, text)
    assert (profile.operations, profile.coverage.calls) == ({}, 0)
    text = text.replace("other", "whop_sdk")
    assert list(scan_text(tmp_path, text).operations) == ["payments.list"]


def test_a_client_that_leaves_the_code_is_noted(tmp_path: Path) -> None:
    profile = scan_text(tmp_path, SDK + "import other\nother.run(client)\nprint(client)\n")
    assert [reason for _, reason in profile.coverage.not_followed] == [LOST_CLIENT]


def test_an_event_that_leaves_the_code_may_be_any(tmp_path: Path) -> None:
    text = SDK + "import other\nevent = client.webhooks.unwrap(body)\nother.process(event)\n"
    assert [reason for _, reason in scan_text(tmp_path, text).coverage.not_followed] == [LOST_EVENT]
    text = text.replace("other.process(event)", "if event.type == 'payment.failed':\n    other.process(event)")
    profile = scan_text(tmp_path, text)
    assert not profile.coverage.not_followed
    assert list(profile.operations["webhook:payment.failed"].read_whole) == [""]


def test_what_a_route_returns_is_read_as_a_whole(tmp_path: Path) -> None:
    text = SDK + "@app.get('/x')\ndef route(id):\n    return client.payments.retrieve(id)\n"
    assert list(scan_text(tmp_path, text).operations["payments.retrieve"].read_whole) == [""]


def test_a_call_of_an_mcp_tool_is_a_use_of_it(tmp_path: Path) -> None:
    python = "async def run(session):\n    return await session.call_tool('list_products', {})\n"
    script = "await client.callTool({ name: 'list_plans', arguments: {} });\nclient.callTool({ name: 'other' });\n"
    scan_text(tmp_path, script, "agent.ts")
    profile = scan_text(tmp_path, python)
    assert profile.operations.keys() == {"mcp:list_products", "mcp:list_plans"}


PAYMENT = SDK + "x = client.payments.retrieve('x')\n"
HOSTILE = {
    "a list in itself": PAYMENT + "x = [x, x]\n" * 60 + "use(x)\n",
    "a record in itself": PAYMENT + "x = {'a': x, 'b': x}\n" * 60 + "use(x)\n",
    "a spread record": PAYMENT + "".join(f"x = {{**x, 'k{n}': x}}\n" for n in range(60)) + "use(x)\n",
    "a record that is changed": PAYMENT
    + "y = {}\n"
    + "".join(f"y['{n}'] = [x, y, y]\n" for n in range(90))
    + "use(y)\n",
    "partial": SDK
    + "from functools import partial\nx = client.payments.retrieve\n"
    + "x = partial(x, x, x)\n" * 60
    + "use(x)\n",
    "models": PAYMENT + "class A(Base):\n    user: 'B'\nclass B(Base):\n    user: 'A'\nA.model_validate(x)\n",
    "statements": SDK + "x=1\n" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_ends_and_leaves_nothing_unused(tmp_path: Path, name: str) -> None:
    """Each of these took more than minutes, or would, if values were compared part by part."""
    profile = scan_text(tmp_path, HOSTILE[name])
    if name not in ("models", "a changed record"):
        assert impact_at("payments.retrieve", "/status", profile)[0] is not Impact.UNUSED
    assert len(profile.coverage.not_followed) <= 500


def test_names_of_hostile_packages_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan imports nothing from the folder, whatever its files are called."""
    marker = tmp_path / "executed"
    text = f"open({str(marker)!r}, 'w').close()\n{RETRIEVE}"
    for name in ("sitecustomize", "ast", "whop_sdk/__init__", "setup", "conftest", "tree_sitter/__init__", "__main__"):
        file = tmp_path / "src" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    script = f"require('fs').writeFileSync({str(marker)!r}, '');\n"
    (tmp_path / "src" / "next.config.js").write_text(script)
    monkeypatch.chdir(tmp_path / "src")
    (tmp_path / "src" / "loop").symlink_to(tmp_path / "src")
    os.mkfifo(tmp_path / "src" / "pipe.py")
    assert main(["usage", ".", "-o", "usage.json"]) == 0
    assert not marker.exists()
    reasons = {Path(file).name: reason for file, reason in read_profile(Path("usage.json")).coverage.skipped}
    assert reasons == {"loop": "a symbolic link", "pipe.py": "not a regular file"}
