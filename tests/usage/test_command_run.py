"""`whopwatch usage --run`: what a command requests and reads at the simulator is in the profile."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.usage import command_run
from whopwatch.usage.api_index import ApiIndex
from whopwatch.usage.command_run import sent_location, split_command
from whopwatch.usage.impact import impact_at
from whopwatch.usage.profile import RUN_OTHER_SDK, RUN_TOO_LARGE, RUN_TOO_LONG, read_profile

RUN = f"run: {Path(sys.executable).name}:1"
Captured = pytest.CaptureFixture[str]

APP = '''"""Reads fields of models, in a function and in a library's frame, and one response without the SDK."""
import os
from operator import attrgetter

import httpx
from whop_sdk import Whop

client = Whop()
company = os.environ["WHOP_COMPANY_ID"]
best = sorted(client.payments.list(company_id=company, first=5), key=attrgetter("created_at"))
print(best[0].user.email if best[0].user else "")
print(dict(client.companies.retrieve(company))["title"])
client.products.create(company_id=company, title="A title")
headers = {"Authorization": f"Bearer {os.environ['WHOP_API_KEY']}"}
base = os.environ["WHOP_BASE_URL"]
print(httpx.get(f"{base}/plans", params={"company_id": company}, headers=headers).json()["data"][0]["id"])
'''
SECRET = "whop_key_of_production"  # noqa: S105 (a test)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHOP_API_KEY", SECRET)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def uses(profile: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    return {one["id"]: {field["location"]: field["places"] for field in one["fields"]} for one in profile["operations"]}


def test_what_a_run_requests_and_reads_is_in_the_profile(project: Path, capfd: Captured) -> None:
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    profile = json.loads((project / "usage.json").read_text())
    found = uses(profile)
    assert found.keys() == {"payments.list", "companies.retrieve", "products.create", "plans.list"}
    payments = found["payments.list"]
    assert payments["/data/*/user/email"] == ["app.py:11"]
    assert payments["/data/*/created_at"] == ["app.py:10"]
    assert payments["param:first"] == ["app.py:10"]
    assert "/data/*/total" not in payments
    assert "/page_info/has_next_page" not in payments, "what only the SDK reads is no use of the code"
    assert found["products.create"]["body:/title"] == ["app.py:13"]
    rows = {one["id"]: one for one in profile["operations"]}
    assert [one["places"] for one in rows["companies.retrieve"]["read_whole"]] == [["app.py:12"]]
    assert [one["location"] for one in rows["plans.list"]["read_whole"]] == [""], "its reads were not seen"
    assert list(found["plans.list"]) == ["param:company_id"]
    assert [(run["command"], run["exit_code"]) for run in profile["runs"]] == [(Path(sys.executable).name, 0)]
    shown = capfd.readouterr()
    assert "Running your command at a simulator" in shown.err
    assert SECRET not in shown.out + shown.err + json.dumps(profile)
    assert '"A title"' not in json.dumps(profile)


START = APP[: APP.index("best =")]
COPIES = (
    START
    + """
import copy, pickle
print(copy.copy(client.products.list(company_id=company).data[0]).title)
print(copy.deepcopy(client.plans.list(company_id=company).data[0]).id)
print(pickle.loads(pickle.dumps(client.payments.list(company_id=company).data[0])).id)
"""
)
NO_FOLDER = (
    START
    + """
import shutil
shutil.rmtree(os.environ["WHOPWATCH_USAGE_ROWS"])
print(client.companies.retrieve(company).title)
"""
)


@pytest.mark.thorough
def test_what_is_copied_is_read_as_a_whole(project: Path, capfd: Captured) -> None:
    (project / "app.py").write_text(COPIES)
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    rows = {one["id"]: one for one in json.loads((project / "usage.json").read_text())["operations"]}
    for operation in ("products.list", "plans.list", "payments.list"):
        assert [one["location"] for one in rows[operation]["read_whole"]] == ["/data/*"], operation


@pytest.mark.thorough
def test_a_request_beside_the_sdk_may_read_other_fields(project: Path, capfd: Captured) -> None:
    (project / "app.py").write_text(f"{APP}print(client.plans.list(company_id=company).data[0].currency)\n")
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    rows = {one["id"]: one for one in json.loads((project / "usage.json").read_text())["operations"]}
    assert [one["location"] for one in rows["plans.list"]["read_whole"]] == [""]
    assert rows["payments.list"]["read_whole"] == []


@pytest.mark.thorough
def test_a_command_works_although_nothing_can_be_noted(project: Path, capfd: Captured) -> None:
    (project / "app.py").write_text(NO_FOLDER)
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    (row,) = json.loads((project / "usage.json").read_text())["operations"]
    assert (row["id"], [one["location"] for one in row["read_whole"]]) == ("companies.retrieve", [""])


@pytest.mark.thorough
def test_a_command_that_fails_is_not_clean(project: Path, capfd: Captured) -> None:
    (project / "app.py").write_text(APP + "raise SystemExit(4)\n")
    assert main(["usage", "--run", f"{sys.executable} app.py"]) == 3
    assert "exit code 4" in capfd.readouterr().out


@pytest.mark.thorough
def test_a_run_of_too_many_requests_is_not_complete(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: Captured
) -> None:
    monkeypatch.setenv("WHOP_WEBHOOK_SECRET_FILE", "no/such/file")
    monkeypatch.setattr("whopwatch.usage.command_run.MAX_RUN_CALLS", 1)
    (project / "app.py").write_text(APP + "assert 'WHOP_WEBHOOK_SECRET_FILE' not in os.environ\n")
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    coverage = json.loads((project / "usage.json").read_text())["coverage"]
    assert {"place": RUN, "reason": RUN_TOO_LARGE} in coverage["not_followed"]
    profile = read_profile(Path("usage.json"))
    assert impact_at("refunds.list", "status", profile)[0] == "may hit you"


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "value"), [("MAX_ROWS_BYTES", 300), ("MAX_ROWS_BYTES", 0)])
def test_rows_over_the_limit_are_not_dropped_silently(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: Captured, name: str, value: int
) -> None:
    monkeypatch.setattr(command_run, name, value)
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    assert {"place": RUN, "reason": RUN_TOO_LARGE} in json.loads(Path("usage.json").read_text())["coverage"][
        "not_followed"
    ]
    assert f"not followed: {RUN}" in capfd.readouterr().out


@pytest.mark.thorough
def test_a_process_says_that_it_noted_no_more_rows(project: Path, capfd: Captured) -> None:
    (project / "app.py").write_text("import sitecustomize\nsitecustomize.MAX_CHILD_ROWS = 2\n" + APP)
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    assert {"place": RUN, "reason": RUN_TOO_LARGE} in json.loads(Path("usage.json").read_text())["coverage"][
        "not_followed"
    ]


@pytest.mark.thorough
def test_an_sdk_that_is_built_in_another_way_is_noted(project: Path, capfd: Captured) -> None:
    other = "import sitecustomize\ndef watch(module): module.NoSuchName\n"
    other += "sitecustomize.WATCHED['whop_sdk._models'] = watch\n"
    (project / "app.py").write_text(other + APP)
    assert main(["usage", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 0
    place = f"{RUN.removesuffix(':1')}, whop_sdk._models:1"
    coverage = json.loads(Path("usage.json").read_text())["coverage"]
    assert {"place": place, "reason": RUN_OTHER_SDK} in coverage["not_followed"]


@pytest.mark.thorough
def test_a_command_that_takes_too_long_ends_with_its_children(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: Captured
) -> None:
    monkeypatch.setattr(command_run, "MAX_RUN_SECONDS", 1.5)
    script = "import subprocess, sys, time\nprogram = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
    script += "child = subprocess.Popen(program)\n"
    (project / "app.py").write_text(f"{script}open('pid', 'w').write(str(child.pid))\ntime.sleep(60)\n")
    assert main(["usage", "app.py", "--run", f"{sys.executable} app.py", "-o", "usage.json"]) == 3
    status = Path(f"/proc/{Path('pid').read_text()}/stat")
    for _ in range(200):  # a killed process may be a zombie until init takes it
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child still runs")
    assert {"place": RUN, "reason": RUN_TOO_LONG} in json.loads(Path("usage.json").read_text())["coverage"][
        "not_followed"
    ]


def test_the_command_has_to_exist(capsys: Captured) -> None:
    assert main(["usage", "--run", "no-such-program-here -x"]) == 2
    assert main(["usage", "--run", "'"]) == 2
    assert main(["usage"]) == 2
    assert "Nothing to read" in capsys.readouterr().err
    assert split_command("python -c 'print(1)'")[1:] == ["-c", "print(1)"]


@pytest.mark.parametrize(
    ("operation", "location", "documented"),
    [
        ("payments.list", "param:statuses", "param:statuses[]"),
        ("payments.list", "param:no_such", None),
        ("checkout_configurations.create", "body:/plan/currency", "body:/plan/currency"),
        ("checkout_configurations.create", "body:/plan/no_such", None),
        ("payments.list", "body:/title", None),
    ],
)
def test_only_documented_names_are_kept(operation: str, location: str, documented: str | None) -> None:
    contract = load()
    assert sent_location(ApiIndex(contract), contract.operations[operation], location) == documented
