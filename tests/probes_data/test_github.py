"""The nightly workflow: linted, and its steps run with a `gh` that records its arguments."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.probes_data.conftest import Run
from tests.probes_data.rules import load
from tests.probes_data.test_deploy import _script
from tests.reports import nights
from whopwatch.cli.drift import drift_command
from whopwatch.core.report import Report
from whopwatch.reports import FILE_NAMES, RENDERERS

GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
if [ "$1 $2" = "issue list" ]; then printf '%s' "$OPEN"; fi
"""
WHOPWATCH = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
mkdir -p report && echo summary > report/report.md
exit "$WANTED"
"""
Issue = Callable[[str, str, Report], list[str]]


@pytest.fixture
def workflow(probes: Path) -> Path:
    return probes / "deploy" / "github" / "whopwatch.yml"


@pytest.fixture
def steps(workflow: Path) -> dict[str, dict[str, Any]]:
    return {
        step.get("name", step.get("uses", step.get("run"))): step for step in load(workflow)["jobs"]["night"]["steps"]
    }


def bash(script: str, folder: Path, programs: dict[str, str], **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `script` as a runner does, with `programs` in place of the real ones."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": path, "LOG": str(folder / "log"), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def issue(steps: dict[str, dict[str, Any]], tmp_path: Path) -> Issue:
    """Return the `gh` commands of the issue step, by exit code, number of the open issue, and report."""

    def run(code: str, opened: str, report: Report) -> list[str]:
        (tmp_path / "report").mkdir()
        for kind in ("markdown", "json", "chat"):
            (tmp_path / "report" / FILE_NAMES[kind]).write_text(RENDERERS[kind](report), encoding="utf-8")
        script = steps["One issue while there is drift"]["run"]
        done = bash(script, tmp_path, {"gh": GH}, OPEN=opened, CODE=code, LABEL="drift", RUN="https://run.example/1")
        assert done.returncode == 0, done.stderr
        return (tmp_path / "log").read_text(encoding="utf-8").splitlines()[1:]

    return run


def test_the_workflow_is_clean(run: Run, workflow: Path) -> None:
    run(_script("actionlint"), "-no-color", workflow)


def test_the_linter_refuses_what_it_should(run: Run, workflow: Path, tmp_path: Path) -> None:
    broken = workflow.read_text(encoding="utf-8").replace("steps.night.outputs.code != '2'", "steps.nigth.outputs.code")
    (tmp_path / "broken.yml").write_text(broken, encoding="utf-8")
    assert "nigth" in run(_script("actionlint"), "-no-color", tmp_path / "broken.yml", expect=1)


def test_a_first_drift_opens_an_issue(issue: Issue, tmp_path: Path) -> None:
    label, create = issue("1", "", nights.bad_night())
    assert label.startswith("label create drift ")
    assert create.startswith("issue create --title The Whop API differs from its contract --label drift --body-file")
    body = (tmp_path / "body.md").read_text(encoding="utf-8")
    assert "https://run.example/1" in body
    assert "`561f51b9cbdf`" in body


def test_changed_drift_is_a_comment_on_the_open_issue(issue: Issue, tmp_path: Path) -> None:
    assert issue("1", "7", nights.bad_night()) == [
        "issue edit 7 --body-file body.md",
        "issue comment 7 --body-file comment.md",
    ]
    assert "2 new, 1 worse" in (tmp_path / "comment.md").read_text(encoding="utf-8")


def test_known_drift_notifies_no_one(issue: Issue) -> None:
    assert issue("1", "7", nights.quiet_night()) == ["issue edit 7 --body-file body.md"]


def test_a_clean_night_closes_the_issue(issue: Issue) -> None:
    (close,) = issue("0", "7", nights.first_night())
    assert close.startswith("issue close 7 --reason completed --comment The API keeps its contract again")


@pytest.mark.parametrize(("code", "opened"), [("0", ""), ("3", ""), ("3", "7"), ("2", "7"), ("130", "7")])
def test_a_run_that_could_not_check_changes_no_issue(issue: Issue, code: str, opened: str) -> None:
    assert issue(code, opened, nights.first_night()) == []


def test_a_body_fits_an_issue(issue: Issue, tmp_path: Path) -> None:
    flood = nights.flood(300)
    long = tuple(replace(finding, message="é" * 300) for finding in flood.findings)
    issue("1", "", replace(flood, findings=long))
    assert 30_000 < len((tmp_path / "body.md").read_text(encoding="utf-8")) < 65_536


@pytest.mark.parametrize("code", ["0", "1", "2", "3"])
def test_the_exit_code_is_passed_on(steps: dict[str, dict[str, Any]], tmp_path: Path, code: str) -> None:
    places = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = bash(steps["The night"]["run"], tmp_path, {"whopwatch": WHOPWATCH}, WANTED=code, **places)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == f"code={code}\n"
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "summary\n"
    assert bash(steps["The verdict"]["run"], tmp_path, {}, CODE=code).returncode == int(code)


def test_the_command_of_the_nightly_run_exists(steps: dict[str, dict[str, Any]]) -> None:
    command = next(line for line in steps["The night"]["run"].splitlines() if "whopwatch drift" in line)
    options = [word for word in command.split("||")[0].split() if word.startswith("--")]
    known = {name for parameter in drift_command.params for name in parameter.opts}
    assert set(options) <= known


def test_the_key_is_a_secret_of_one_step_and_issues_are_all_it_may_write(workflow: Path) -> None:
    text, parsed = workflow.read_text(encoding="utf-8"), load(workflow)
    assert text.count("secrets.") == 1
    assert parsed["permissions"] == {}
    assert parsed["jobs"]["night"]["permissions"] == {"contents": "read", "issues": "write"}
    assert "${{" not in "".join(step.get("run", "") for step in parsed["jobs"]["night"]["steps"])
    assert json.dumps(parsed["jobs"]["night"]["steps"]).count("github.token") == 1
