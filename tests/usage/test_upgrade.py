"""`whopwatch upgrade`: the worklist of a move, and the edits that it suggests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.diff.documents import TEXT, WHOLE, document, record
from whopwatch.cli import main
from whopwatch.config.contract_choice import bundled_versions
from whopwatch.contract import load
from whopwatch.contract.loader import newer_versions, version_order
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.result import compare_contracts, compare_sides
from whopwatch.diff.sides import Side
from whopwatch.usage.command_run import CommandResult
from whopwatch.usage.edits import last_name
from whopwatch.usage.profile import Certainty, Profile
from whopwatch.usage.scan import scan
from whopwatch.usage.upgrade import Worklist, plan_upgrade
from whopwatch.usage.upgrade_run import UpgradeRun
from whopwatch.usage.worklist import FORMATS

pytestmark = pytest.mark.thorough

Captured = pytest.CaptureFixture[str]

CODE = '''"""An integration that uses what the newest version renames."""
from whop_sdk import Whop

client = Whop()


def customers(company):
    title = client.companies.retrieve(company).title
    emails = [payment.user.email for payment in client.payments.list(company_id=company)]
    both = client.members.list(company_id=company), client.payments.list(company_id=company)
    return title, emails, both
'''


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(CODE)
    return tmp_path


def upgrade(*options: str) -> int:
    return main(["upgrade", "--from", "2025-01-01", "--to", "2026-10-15-1", "--code", "src", *options])


def test_the_edits_apply_and_rename_what_is_renamed(code: Path) -> None:
    assert upgrade("--format", "json", "-o", "tasks.json") == 1
    worklist = json.loads((code / "tasks.json").read_text())
    (code / "edits.diff").write_text(worklist["edits"])
    subprocess.run(["git", "apply", "edits.diff"], cwd=code, check=True)
    edited = (code / "src" / "app.py").read_text()
    assert "client.accounts.retrieve(company).title" in edited
    assert "client.payments.list(account_id=company)]" in edited
    assert "client.members.list(company_id=company), client.payments.list(company_id=company)" in edited
    assert edited.count("account_id") == 1
    rows = {(one["operation"], one["location"]): one for one in worklist["tasks"]}
    renamed = rows["payments.list", "param:company_id"]
    assert (renamed["rename"], renamed["impact"]) == (["company_id", "account_id"], "hits you")
    assert (renamed["edited"], renamed["by_hand"]) == (["src/app.py:9"], ["src/app.py:10"])
    removed = rows["payments.list", "/data/*/user/email"]
    assert (removed["class"], removed["impact_places"], removed["rename"]) == ("D5", ["src/app.py:9"], None)
    assert "payments.list" in worklist["to_test"]
    assert worklist["not_used"] > 1000
    moves = {one["part"]: one["places"] for one in worklist["sdk"]}
    assert moves == {"client": ["src/app.py:4"], "page": ["src/app.py:9", "src/app.py:10"]}
    assert (code / "src" / "app.py").read_text() != CODE


def test_every_format_names_the_place(code: Path) -> None:
    comparison = compare_contracts(load("2025-01-01"), load("2026-10-15-1"))
    worklist = plan_upgrade(comparison, scan([Path("src")], load()))
    for form in ("text", "markdown", "html"):
        shown = FORMATS[form](worklist)
        assert "src/app.py:8" in shown
        assert "accounts.retrieve(company).title" in shown
        assert "Test after the move" in shown
        assert "From SDK release 1.0.11 on" in shown.replace("\\", "")
    results = json.loads(FORMATS["sarif"](worklist))["runs"][0]["results"]
    places = {
        (place["artifactLocation"]["uri"], place["region"]["startLine"])
        for result in results
        for place in (one["physicalLocation"] for one in result["locations"])
    }
    assert ("src/app.py", 9) in places
    assert (code / "src" / "app.py").read_text() == CODE


def test_a_line_that_also_reads_a_field_that_stays_is_not_edited(tmp_path: Path) -> None:
    old = document(answer=record("name_of_cat age", name_of_cat=TEXT, age=WHOLE))
    new = document(answer=record("cat_name age", cat_name=TEXT, age=WHOLE))
    sides = [Side(name, {"v1": read_openapi(one, name)}) for name, one in (("old", old), ("new", new))]
    file = tmp_path / "cats.py"
    file.write_text("print(cat.name_of_cat)\n")
    profile = Profile(None)
    profile.use("cats.create", f"{file}:1", Certainty.SEEN)
    profile.use_field("cats.create", "/name_of_cat", f"{file}:1", Certainty.SEEN)
    assert "+print(cat.cat_name)" in plan_upgrade(compare_sides(*sides), profile).edits
    profile.use_field("dogs.list", "/name_of_cat", f"{file}:1", Certainty.SEEN)
    worklist = plan_upgrade(compare_sides(*sides), profile)
    assert worklist.edits == ""
    assert [task.by_hand for task in worklist.hits if task.rename] == [(f"{file}:1",)]


def test_without_a_hit_the_exit_code_is_0(code: Path, capsys: Captured) -> None:
    (code / "src" / "app.py").write_text("print('hello')\n")
    assert upgrade() == 0
    shown = capsys.readouterr().out
    assert "no changes of the API hit your code. 0 may hit it." in shown
    assert "unknown" not in shown


def test_the_code_or_a_profile_has_to_be_named(capsys: Captured) -> None:
    assert main(["upgrade", "--from", "2025-01-01"]) == 2
    assert main(["upgrade", "--from", "2024-01-01", "--code", "."]) == 2
    assert "Unknown contract '2024-01-01'" in capsys.readouterr().err


def test_the_next_version_is_the_next_one_with_a_contract(code: Path, capsys: Captured) -> None:
    arguments = ["upgrade", "--from", "2025-01-01", "--next", "--code", "src", "--format", "json"]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    following = next(one for one in bundled_versions() if one != "2025-01-01")
    assert json.loads(shown.out)["new"] == following
    for version in newer_versions("2025-01-01"):
        assert (version in shown.err) is (version_order(version) <= version_order(following))
    assert main([*arguments, "--to", "newest"]) == 2
    assert "--to and --next exclude each other" in capsys.readouterr().err
    assert main(["upgrade", "--from", "newest", "--next", "--code", "src"]) == 2
    assert "No bundled contract is newer than" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("location", "name"),
    [("param:statuses[]", "statuses"), ("body:/plan/company_id", "company_id"), ("/data/*/user", "user"), ("", "")],
)
def test_the_name_at_the_end_of_a_location(location: str, name: str) -> None:
    assert last_name(location) == name


CHECK = '''"""Ends with 7 where the suggested edits were made."""
import app

text = open(app.__file__).read()
raise SystemExit(7 if "client.accounts.retrieve" in text and "account_id=company)]" in text else 0)
'''


def test_the_tests_run_at_both_versions_and_with_the_edits(
    code: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (code / "src" / "app.py").write_text(CODE.replace("client = Whop()", "client = Whop(api_key='k')"))
    (code / "check.py").write_text(CHECK)
    arguments = ["--run", f"{sys.executable} check.py", "--format", "json", "-o", "tasks.json"]
    monkeypatch.setenv("PYTHONPATH", str(code / "src"))
    assert upgrade(*arguments) == 1
    worklist = json.loads((code / "tasks.json").read_text())
    found = [(run["version"], run["with_edits"], run["result"]["exit_code"]) for run in worklist["runs"]]
    assert found == [("2025-01-01", False, 0), ("2026-10-15-1", False, 0), ("2026-10-15-1", True, 7)]
    assert (code / "src" / "app.py").read_text().count("accounts") == 0
    assert "Running your command" in capsys.readouterr().err


def test_a_folder_that_cannot_be_copied_is_said(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whopwatch.usage.upgrade_run.MAX_SOURCE_FILES", 0)
    assert upgrade("--run", f"{sys.executable} -c pass", "--format", "json", "-o", "tasks.json") == 1
    worklist = json.loads((code / "tasks.json").read_text())
    assert worklist["runs"][2]["problem"] == "the working folder is too large to copy"
    run = UpgradeRun("2026-10-15-1", is_edited=True, problem="the working folder is too large to copy")
    shown = Worklist("a", "b", (), 0, "", Profile(None), runs=(run,))
    for form in ("text", "markdown", "html"):
        assert "with the suggested edits: not run: the working folder" in FORMATS[form](shown)


def test_a_folder_that_the_copy_only_links_is_not_edited(code: Path) -> None:
    (code / "src").rename(code / ".src")
    arguments = ["upgrade", "--from", "2025-01-01", "--to", "2026-10-15-1", "--code", ".src"]
    options = ["--run", f"{sys.executable} -c pass", "--format", "json", "-o", "tasks.json"]
    assert main([*arguments, *options]) == 1
    assert json.loads((code / "tasks.json").read_text())["runs"][2]["problem"].endswith(
        "in a folder that is not copied"
    )
    assert (code / ".src" / "app.py").read_text() == CODE


def test_linked_files_are_in_the_copy(code: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A link within the folder points to the copy, so that it has the edits; another file is copied."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "data.txt"
    elsewhere.write_text("here")
    (code / "linked.py").symlink_to("src/app.py")
    (code / "data.txt").symlink_to(elsewhere)
    (code / "loop").symlink_to("loop")
    (code / "gone").symlink_to("no/such/file")
    check = "text, data = open('linked.py').read(), open('data.txt').read()\n"
    check += "raise SystemExit(7 if 'client.accounts' in text else len(data))\n"
    (code / "check.py").write_text(check)
    assert upgrade("--run", f"{sys.executable} check.py", "--format", "json", "-o", "tasks.json") == 1
    runs = json.loads((code / "tasks.json").read_text())["runs"]
    assert [run["result"]["exit_code"] for run in runs] == [4, 4, 7]
    assert (code / "src" / "app.py").read_text() == CODE


@pytest.mark.parametrize("config", ["pyvenv.cfg", ""])
def test_the_environment_may_have_any_name(code: Path, config: str) -> None:
    """Without its pyvenv.cfg the folder is copied without its links: the program is then the original."""
    (code / "v" / "bin").mkdir(parents=True)
    (code / "v" / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    if config:
        (code / "v" / config).write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (code / "check.py").write_text(CHECK.replace("import app", "class app: __file__ = 'src/app.py'"))
    assert upgrade("--run", "v/bin/python check.py", "--format", "json", "-o", "tasks.json") == 1
    worklist = json.loads((code / "tasks.json").read_text())
    assert [run["result"] and run["result"]["exit_code"] for run in worklist["runs"]] == [0, 0, 7]


def test_a_command_that_cannot_be_executed_does_not_lose_the_worklist(code: Path, capsys: Captured) -> None:
    (code / "broken").write_bytes(b"\x00\x01")
    (code / "broken").chmod(0o755)
    assert upgrade("--run", "./broken") == 1
    shown = capsys.readouterr().out
    assert "No request reached the simulator" not in shown
    assert shown.count("not run: the command cannot be executed (Exec format error)") == 3
    assert "accounts.retrieve(company).title" in shown


def test_sentences_name_the_values_that_differ(code: Path, capsys: Captured) -> None:
    loop = "for one in client.payments.list(company_id=company):\n        print(one.status)\n"
    (code / "src" / "app.py").write_text(f"{CODE}\n\ndef more(company):\n    {loop}")
    assert upgrade() == 1
    shown = capsys.readouterr().out
    for empty in ("is another x-", "other values, too", ", is no longer", "place unknown"):
        assert empty not in shown
    assert "x-pagination with " in shown
    assert "default_size null" in shown
    assert "undocumented values" in shown
    assert "no longer 403, 404, 422, 429, 500; was 400, 401, 403, 404, 422, 429, 500" in shown
    assert "  every use of the API\n" in shown


@pytest.mark.parametrize(("requests", "is_said"), [((0, 0), True), ((0, 2), False), ((), False)])
def test_runs_without_any_request_are_said(requests: tuple[int, ...], is_said: bool) -> None:
    runs = tuple(UpgradeRun("a", result=CommandResult("pytest", 0, number)) for number in requests)
    worklist = Worklist("a", "b", (), 0, "", Profile(None), runs=(*runs, UpgradeRun("a", problem="too large")))
    for form in ("text", "markdown", "html"):
        assert ("No request reached the simulator" in FORMATS[form](worklist)) is is_said
