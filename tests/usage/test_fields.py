"""`whopwatch fields`: what code reads and no response had, and enum values that it does not handle."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main
from whopwatch.cli.drift import DEFAULT_BASELINE
from whopwatch.contract import load
from whopwatch.history import open_baseline
from whopwatch.usage.fields import compare_fields, samples_of_tallies
from whopwatch.usage.profile import Certainty, Profile
from whopwatch.usage.scan import scan

Captured = pytest.CaptureFixture[str]
PYTHON = "from whop_sdk import Whop\nclient = Whop()\nfor one in client.payments.list(company_id='biz_1'):\n"
SCRIPT = "import Whop from '@whop/sdk';\nconst c = new Whop();\nfor await (const one of c.payments.list({})) {\n"
STATUSES = {"draft", "open", "paid", "pending", "uncollectible", "unresolved", "void"}


def unhandled(folder: Path, text: str, name: str) -> list[set[str]]:
    (folder / name).write_text(text)
    profile = scan([folder / name], load())
    assert {location for _, location, _ in profile.unhandled} <= {"/data/*/status"}
    return [set(values) for values in profile.unhandled.values()]


IF = "    if one.status == 'paid':\n        a()\n    elif one.status in ('open', 'void'):\n        b()\n"
MATCH = "    match one.status:\n        case 'paid':\n            a()\n        case 'open' | 'void':\n            b()\n"
SWITCH = "switch (one.status) {\n  case 'paid': a(); break;\n  case 'open':\n  case 'void': b(); break;\n"
LEAVE = "    if one.status == 'paid':\n        continue\n    elif one.status == 'open':\n        continue\n"


@pytest.mark.parametrize(
    "text",
    [
        PYTHON + IF,
        PYTHON + MATCH,
        SCRIPT + SWITCH + "}}\n",
        SCRIPT + "if (one.status === 'paid') a(); else if (one.status === 'open' || 'void' === one.status) b();}\n",
        PYTHON + IF + "    print(one.id)\n",
        PYTHON + LEAVE.replace("'open'", "'open' or one.status == 'void'"),
    ],
)
def test_values_without_a_branch(tmp_path: Path, text: str) -> None:
    name = "app.ts" if text.startswith("import") else "app.py"
    assert unhandled(tmp_path, text, name) == [STATUSES - {"paid", "open", "void"}]


@pytest.mark.parametrize(
    "text",
    [
        PYTHON + IF + "    else:\n        c()\n",
        PYTHON + MATCH + "        case _:\n            c()\n",
        PYTHON + MATCH + "        case other:\n            c(other)\n",
        SCRIPT + SWITCH + "  default: break;\n}}\n",
        SCRIPT + "switch (one.status) {\n  case 'paid': a(); break;\n  default: c(); break;\n  case 'open': b();\n}}\n",
        PYTHON + LEAVE + "    c()\n",
        PYTHON + "    if one.status == 'paid':\n        a()\n",
        PYTHON + IF.replace("'paid'", "PAID"),
        PYTHON + IF.replace("==", "!="),
        PYTHON + IF.replace("('open', 'void')", repr(sorted(STATUSES))),
        PYTHON + IF.replace("status", "id"),
    ],
)
def test_branches_that_handle_all_values_or_are_no_choice_of_a_value(tmp_path: Path, text: str) -> None:
    assert unhandled(tmp_path, text, "app.ts" if text.startswith("import") else "app.py") == []


def recording(path: Path, items: list[dict[str, Any]]) -> str:
    def entry(url: str, content: str) -> dict[str, Any]:
        response = {"status": 200, "headers": [], "content": {"text": content, "mimeType": "application/json"}}
        return {
            "startedDateTime": "2026-01-01T00:00:00Z",
            "request": {"method": "GET", "url": url},
            "response": response,
        }

    page = json.dumps({"data": items, "page_info": {}})
    entries = [entry("https://api.whop.com/api/v1/payments?company_id=biz_1", page), entry("https://a.example/", "{")]
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return str(path)


CODE = PYTHON + "    print(one.total, one.user.email, one.plan.id)\nclient.refunds.retrieve('x').id\n"


def test_fields_that_no_recorded_response_had(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "app.py").write_text(CODE)
    har = recording(tmp_path / "a.har", [{"total": None, "user": {"email": "a@b.example"}, "plan": None}, {"total": 1}])
    assert main(["fields", str(tmp_path / "app.py"), "--har", har, "--json", "-"]) == 1
    shown = capsys.readouterr().out
    report = json.loads(shown)
    assert "a@b.example" not in shown
    assert [(one["operation"], one["location"], one["samples"]) for one in report["never_seen"]] == [
        ("payments.list", "/data/*/plan/id", 2)
    ]
    assert report["never_seen"][0]["places"][0].endswith("app.py:4")
    assert report["without_samples"] == ["refunds.retrieve"]
    har = recording(tmp_path / "a.har", [{"total": 5, "user": {"email": ""}, "plan": {"id": "plan_1"}}])
    assert main(["fields", str(tmp_path / "app.py"), "--har", har]) == 0
    assert "0 fields that no sample had" in capsys.readouterr().out
    har = recording(tmp_path / "a.har", [])
    assert main(["fields", str(tmp_path / "app.py"), "--har", har]) == 0


def test_fields_that_no_night_of_a_baseline_had(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "app.py").write_text(
        CODE.replace("refunds.retrieve('x').id", "payments.list(company_id='x').page_info")
    )
    file = str(tmp_path / "baseline.sqlite")
    main(["drift", "--baseline", file, "--only", "payments.list", "-q"])
    assert main(["fields", str(tmp_path / "app.py"), "--baseline", file]) == 0
    with open_baseline(Path(file)) as baseline:
        records = baseline.load()
        samples = records.tallies["payments.list", "/data/*"]["seen"]["present"]
        records.tallies["payments.list", "/data/*/total"]["seen"]["present"] = 0
        baseline.save(records)
    capsys.readouterr()
    assert main(["fields", str(tmp_path / "app.py"), "--baseline", file]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith(f"payments.list /data/*/total: in none of {samples} samples, read at ")
    assert "1 field that no sample had, 0 places that do not" in shown
    assert main(["fields", str(tmp_path / "app.py"), "--baseline", file, "--har", file]) == 2
    assert "exclude each other" in capsys.readouterr().err
    assert main(["fields", str(tmp_path / "app.py"), "--baseline", str(tmp_path / "missing")]) == 2
    shown = capsys.readouterr().err
    assert "does not exist" in shown
    assert "run `whopwatch drift` first" in shown
    assert "restore" not in shown
    (tmp_path / "app.py").write_text("x = 1\n")
    assert main(["fields", str(tmp_path / "app.py")]) == 3


@pytest.mark.parametrize("option", ["--baseline", "--har"])
def test_a_missing_file_is_reported_before_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, option: str
) -> None:
    monkeypatch.setattr("whopwatch.usage.scan.scan", lambda *_: pytest.fail("the code was scanned"))
    assert main(["fields", str(tmp_path), option, str(tmp_path / "absent")]) == 2
    assert str(tmp_path / "absent") in capsys.readouterr().err


def test_only_what_the_contract_of_a_baseline_counted_is_missing() -> None:
    def seen(samples: int, present: int, nulls: int = 0) -> dict[str, Counter[str]]:
        return {"seen": Counter(samples=samples, present=present, nulls=nulls)}

    tallies = {
        ("payments.list", "/data"): {"sizes": Counter({"1": 3})},
        ("payments.list", "/data/*"): seen(9, 9),
        ("payments.list", "/data/*/total"): seen(9, 0),
        ("payments.list", "/data/*/plan"): seen(9, 9, 9),
        ("payments.list", "/data/*/status"): seen(9, 9, 9),
    }
    profile = Profile(None)
    profile.use("payments.list", "a.py:1", Certainty.SEEN)
    for location in ("", "/*", "/*/total", "/*/plan", "/*/plan/id", "/*/status", "/*/user", "/*/user/email"):
        profile.use_field("payments.list", f"/data{location}", "a.py:2", Certainty.SEEN)
    contract = load()
    report = compare_fields(profile, contract, samples_of_tallies(tallies, profile, contract))
    assert [one.location for one in report.never_seen] == ["/data/*/plan/id", "/data/*/total"]
    assert {one.samples for one in report.never_seen} == {9}
    assert compare_fields(profile, contract, None).never_seen == ()


def test_without_samples_no_field_is_counted(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "app.py").write_text(PYTHON + IF)
    assert main(["fields", str(tmp_path / "app.py")]) == 1
    shown = capsys.readouterr().out
    assert "1 place that does not handle all documented values" in shown
    assert "Fields were not compared with responses" in shown
    assert "no sample had" not in shown


def test_the_example_names_the_file_that_drift_writes(capsys: Captured) -> None:
    assert main(["fields", "--help"]) == 0
    assert f"--baseline {DEFAULT_BASELINE}" in capsys.readouterr().out


RETRIEVE = "from whop_sdk import Whop\nclient = Whop()\none = client.payments.retrieve('x')\n"
LABELS = "labels = {'paid': 1, 'open': 2, 'void': 3}\n"
TS_RETRIEVE = "import Whop from '@whop/sdk';\nconst one = await new Whop().payments.retrieve('x');\n"
TS_LABELS = "const labels = { paid: 1, open: 2, void: 3 };\n"
ENUM = "class State(str, Enum):\n    PAID = 'paid'\n    OPEN = 'open'\n    VOID = 'void'\n"
RETURNS = "def label(one):\n    if one.status == 'paid':\n        return 1\n"
RETURNS += "    if one.status in ('open', 'void'):\n        return 2\n"
FILLED = {
    "a record": (RETRIEVE + LABELS + "print(labels[one.status])\n", True),
    "a record with a default": (RETRIEVE + LABELS + "print(labels.get(one.status, 0))\n", False),
    "a record in try": (RETRIEVE + LABELS + "try:\n    print(labels[one.status])\nexcept KeyError:\n    pass\n", False),
    "an object": (TS_RETRIEVE + TS_LABELS + "console.log(labels[one.status]);\n", True),
    "an object with a default": (TS_RETRIEVE + TS_LABELS + "console.log(labels[one.status] ?? 0);\n", False),
    "an enum": (RETRIEVE + ENUM + "print(State(one.status))\n", True),
    "a set": (TS_RETRIEVE + "const done = new Set(['paid']);\nif (done.has(one.status)) a();\n"
              "else if (['open', 'void'].includes(one.status)) b();\n", True),
    "an enum of TypeScript": ("enum S { A = 'paid', B = 'open', C = 'void' }\n" + TS_RETRIEVE
                              + "switch (one.status) { case S.A: a(); break; case S.B: case S.C: b(); }\n", True),
    "returns": (RETRIEVE + RETURNS + "label(one)\n", True),
    "returns and a default": (RETRIEVE + RETURNS + "    return 3\nlabel(one)\n", False),
    "a value before": (RETRIEVE + "def label(one):\n    text = ''\n    if one.status == 'paid':\n        text = 'a'\n"
                       "    elif one.status == 'open':\n        text = 'b'\n    return text\nlabel(one)\n", False),
}  # fmt: skip


@pytest.mark.parametrize("name", FILLED)
def test_enum_values_in_records_sets_and_enums(tmp_path: Path, name: str) -> None:
    text, is_reported = FILLED[name]
    file = tmp_path / ("app.ts" if "@whop/sdk" in text else "app.py")
    file.write_text(text)
    found = [set(values) for values in scan([file], load()).unhandled.values()]
    assert found == ([STATUSES - {"paid", "open", "void"}] if is_reported else [])
