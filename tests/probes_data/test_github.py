"""The GitHub action and the nightly workflow: linted, and the scripts run with programs that record their arguments."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.probes_data.conftest import ROOT, Run
from tests.probes_data.rules import load
from tests.probes_data.test_deploy import _script
from tests.reports import nights
from whopwatch.cli.check import check_command
from whopwatch.cli.drift import drift_command
from whopwatch.core.report import Report
from whopwatch.reports import FILE_NAMES, render

SCRIPTS = ROOT / "probes" / "deploy" / "github"
GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
if [ "$1 $2" = "issue list" ]; then printf '%s' "$OPEN"; fi
if [ "$1 $2" = "api --paginate" ]; then printf '%s' "$OLD"; fi
for word; do case "$word" in body=@*) cp "${word#body=@}" "$KEPT";; esac; done
while [ $# -gt 0 ]; do if [ "$1" = --body-file ]; then cp "$2" "$KEPT"; fi; shift; done
"""
WHOPWATCH = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
if [ -n "$VERDICT" ]; then
  mkdir -p .whopwatch/report && echo summary > .whopwatch/report/report.md
  echo "{\\"verdict\\": \\"$VERDICT\\"}" > .whopwatch/report/report.json
fi
exit "$WANTED"
"""
Issue = Callable[[str, str, Report], list[str]]


@pytest.fixture
def action(root: Path) -> dict[str, Any]:
    return load(root / "action.yml")


@pytest.fixture
def workflow(probes: Path) -> Path:
    return probes / "deploy" / "github" / "whopwatch.yml"


def script(name: str, folder: Path, programs: dict[str, str], **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the action in `folder`, with `programs` in place of the real ones."""
    (folder / "bin").mkdir(exist_ok=True)
    for program, text in programs.items():
        (folder / "bin" / program).write_text(text, encoding="utf-8")
        (folder / "bin" / program).chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    places = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "LOG", "KEPT")}
    return subprocess.run(
        [str(SCRIPTS / name)],
        cwd=folder,
        env={"PATH": path, **places, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write_reports(folder: Path, report: Report) -> None:
    (folder / "report").mkdir()
    for kind in ("markdown", "json", "chat"):
        (folder / "report" / FILE_NAMES[kind]).write_text(render(kind, report), encoding="utf-8")


@pytest.fixture
def issue(tmp_path: Path) -> Issue:
    """Return the `gh` commands of the issue step, by exit code, number of the open issue, and report."""

    def run(code: str, opened: str, report: Report) -> list[str]:
        write_reports(tmp_path, report)
        environ = {"OPEN": opened, "CODE": code, "LABEL": "drift", "REPORT": "report", "RUN": "https://run.example/1"}
        done = script("issue.sh", tmp_path, {"gh": GH}, **environ)
        assert done.returncode == 0, done.stderr
        commands = (tmp_path / "LOG").read_text(encoding="utf-8").splitlines()[1:]
        return [re.sub(r"--body-file \S+/", "--body-file ", command) for command in commands]

    return run


def test_the_workflows_are_clean(run: Run, root: Path, workflow: Path) -> None:
    """The linter also compares the inputs of the step `uses: ./` with action.yml."""
    run(_script("actionlint"), "-no-color", workflow, *(root / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize(
    ("right", "wrong"), [("secrets.WHOP_API_KEY", "secret.WHOP_API_KEY"), ("baseline: prod", "baselin: prod")]
)
def test_the_linter_refuses_what_it_should(run: Run, root: Path, workflow: Path, right: str, wrong: str) -> None:
    broken = workflow.with_name(f"broken-{os.getpid()}.yml")  # beside it, because `./` is the repository of the file
    text = workflow.read_text(encoding="utf-8")
    assert right in text
    broken.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        assert wrong.split(".")[0].split(":")[0] in run(_script("actionlint"), "-no-color", broken, expect=1)
    finally:
        broken.unlink()


def as_workflow(action: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow with the inputs and the steps of the action: actionlint reads workflows only."""
    inputs = {name: {"type": "string", "description": one["description"]} for name, one in action["inputs"].items()}
    steps = [{name: value for name, value in step.items() if name != "shell"} for step in action["runs"]["steps"]]
    values = {name: one["value"] for name, one in action["outputs"].items()}
    job = {"runs-on": "ubuntu-latest", "outputs": values, "steps": steps}
    return {"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"all": job}}


@pytest.mark.parametrize(
    ("right", "wrong"), [("", ""), ("steps.check", "steps.chekc"), ("inputs.sarif", "inputs.sarrif")]
)
def test_the_steps_of_the_action_are_clean(
    run: Run, action: dict[str, Any], tmp_path: Path, right: str, wrong: str
) -> None:
    text = yaml.safe_dump(as_workflow(action), sort_keys=False, width=1000)
    assert right in text
    (tmp_path / "action.yml").write_text(text.replace(right, wrong) if right else text, encoding="utf-8")
    printed = run(_script("actionlint"), "-no-color", tmp_path / "action.yml", expect=1 if right else 0)
    assert wrong.rpartition(".")[2] in printed


def test_the_scripts_are_clean(run: Run, needs: Callable[[str], None]) -> None:
    scripts = sorted(SCRIPTS.glob("*.sh"))
    assert len(scripts) == 3
    run(_script("shellcheck"), *scripts)


def test_the_action_runs_the_scripts_and_every_input_is_used(action: dict[str, Any]) -> None:
    text = json.dumps(action["runs"])
    assert set(re.findall(r"github/(\w+\.sh)", text)) == {path.name for path in SCRIPTS.glob("*.sh")}
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])
    assert all(step["shell"] == "bash" for step in action["runs"]["steps"] if "run" in step)


def test_values_reach_the_shell_as_variables_only(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    assert "${{" not in "".join(step.get("run", "") for step in steps)
    (keyed,) = [step["name"] for step in steps if "inputs.api-key" in json.dumps(step)]
    assert keyed == "Check"
    tokens = [step["name"] for step in steps if "inputs.token" in json.dumps(step)]
    assert tokens == ["One issue while there is drift", "One comment in the pull request"]


def test_the_key_is_a_secret_of_one_step_and_issues_are_all_it_may_write(workflow: Path) -> None:
    parsed = load(workflow)
    assert workflow.read_text(encoding="utf-8").count("secrets.") == 1
    assert parsed["permissions"] == {}
    assert parsed["jobs"]["night"]["permissions"] == {"contents": "read", "issues": "write"}


def test_what_runs_beside_a_key_is_installed_by_hash(root: Path, action: dict[str, Any]) -> None:
    installs = re.findall(r"pip install (.+)", "\n".join(step.get("run", "") for step in action["runs"]["steps"]))
    assert [line.split()[1] for line in installs] == ["--require-hashes", "--no-deps"]
    assert "--hash=sha256:" in (root / "requirements" / "check.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("environ", "command"),
    [
        ({}, "check"),
        (
            {
                "TARGET": "sandbox",
                "CONTRACT": "newest",
                "BUDGET": "quick",
                "FAIL_ON": "high",
                "ALLOW_UNCHECKED": "true",
            },
            "check --target=sandbox --contract=newest --budget=quick --fail-on=high --allow-unchecked",
        ),
        (
            {"TARGET": "a b; touch x", "BASELINE": "production", "ALLOW_UNCHECKED": "false"},
            "drift --baseline .whopwatch/baseline.sqlite --target=a b; touch x",
        ),
    ],
)
def test_inputs_are_options_that_exist(tmp_path: Path, environ: dict[str, str], command: str) -> None:
    done = script("check.sh", tmp_path, {"whopwatch": WHOPWATCH}, WANTED="0", VERDICT="clean", **environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "LOG").read_text() == f"{command} --report-dir .whopwatch/report\n"
    assert not (tmp_path / "x").exists()
    known = drift_command if command.startswith("drift") else check_command
    options = set(re.findall(r" (--[\w-]+)", (tmp_path / "LOG").read_text()))
    assert options <= {name for parameter in known.params for name in parameter.opts}


@pytest.mark.parametrize(
    ("code", "verdict"), [("0", "clean"), ("1", "drift"), ("3", "could-not-check"), ("2", ""), ("130", "")]
)
def test_the_outputs_are_those_of_the_run(tmp_path: Path, action: dict[str, Any], code: str, verdict: str) -> None:
    done = script("check.sh", tmp_path, {"whopwatch": WHOPWATCH}, WANTED=code, VERDICT=verdict)
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
    report = {"verdict": verdict, "report": ".whopwatch/report"} if verdict else {}
    assert outputs == {"exit-code": code, **report}
    assert set(outputs) <= set(action["outputs"])
    summary = tmp_path / "GITHUB_STEP_SUMMARY"
    assert (summary.read_text() if summary.exists() else "") == ("summary\n" if verdict else "")
    last = action["runs"]["steps"][-1]
    assert last["env"] == {"CODE": "${{ steps.check.outputs.exit-code }}"}
    ended = subprocess.run(["bash", "-e", "-c", last["run"]], env={"CODE": code}, timeout=60, check=False)
    assert ended.returncode == int(code)


@pytest.mark.thorough
def test_the_script_checks_the_simulator(tmp_path: Path) -> None:
    environ = {"TARGET": "simulator", "BASELINE": "night", "FOLDER": "kept"}
    done = script("check.sh", tmp_path, {}, WHOPWATCH=_script("whopwatch"), **environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "exit-code=0\nverdict=clean\nreport=kept/report\n"
    assert {path.name for path in (tmp_path / "kept" / "report").iterdir()} == set(FILE_NAMES.values())
    assert (tmp_path / "kept" / "baseline.sqlite").stat().st_size
    assert "operations match the contract" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")


def test_a_first_drift_opens_an_issue(issue: Issue, tmp_path: Path) -> None:
    label, create = issue("1", "", nights.bad_night())
    assert label.startswith("label create drift ")
    assert create.startswith("issue create --title The Whop API differs from its contract --label drift --body-file")
    body = (tmp_path / "KEPT").read_text(encoding="utf-8")
    assert "https://run.example/1" in body
    assert "`561f51b9cbdf`" in body


def test_changed_drift_is_a_comment_on_the_open_issue(issue: Issue, tmp_path: Path) -> None:
    assert issue("1", "7", nights.bad_night()) == [
        "issue edit 7 --body-file body.md",
        "issue comment 7 --body-file comment.md",
    ]
    assert "2 new, 1 worse" in (tmp_path / "KEPT").read_text(encoding="utf-8")


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
    assert 30_000 < len((tmp_path / "KEPT").read_text(encoding="utf-8")) < 65_536


@pytest.mark.parametrize(
    ("old", "request_line"),
    [
        ("", "api --method POST repos/acme/shop/issues/5/comments"),
        ("81\n99\n", "api --method PATCH repos/acme/shop/issues/comments/81"),
    ],
)
def test_a_pull_request_has_one_comment(tmp_path: Path, old: str, request_line: str) -> None:
    write_reports(tmp_path, nights.bad_night())
    environ = {"OLD": old, "PR": "5", "CODE": "1", "REPORT": "report", "RUN": "https://run.example/1"}
    done = script("comment.sh", tmp_path, {"gh": GH}, GH_REPO="acme/shop", **environ)
    assert done.returncode == 0, done.stderr
    listed, sent = (tmp_path / "LOG").read_text(encoding="utf-8").splitlines()
    assert listed.startswith("api --paginate repos/acme/shop/issues/5/comments --jq ")
    assert sent.startswith(f"{request_line} --field body=@")
    body = (tmp_path / "KEPT").read_text(encoding="utf-8")
    assert body.startswith("<!-- whopwatch -->\n")
    assert "https://run.example/1" in body
    assert render("chat", nights.bad_night()) in body


def test_only_a_comment_of_an_app_is_replaced(tmp_path: Path) -> None:
    script("comment.sh", tmp_path, {"gh": GH}, GH_REPO="acme/shop", PR="5", CODE="2", RUN="https://run.example/1")
    query = (tmp_path / "LOG").read_text(encoding="utf-8").partition("--jq ")[2].splitlines()[0]
    mark = "<!-- whopwatch -->\nverdict"
    comments = [
        {"id": 1, "user": {"type": "User"}, "body": mark},
        {"id": 2, "user": {"type": "Bot"}, "body": "another"},
        {"id": 3, "user": {"type": "Bot"}, "body": mark},
    ]
    done = subprocess.run(["jq", query], input=json.dumps(comments), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3"]
    assert "whopwatch wrote no report (exit code 2)." in (tmp_path / "KEPT").read_text(encoding="utf-8")


def test_a_release_needs_no_secret_and_each_job_may_write_one_thing(root: Path) -> None:
    release = load(root / ".github" / "workflows" / "release.yml")
    assert release["permissions"] == {}
    assert "secrets." not in json.dumps(release)
    assert "${{" not in "".join(step.get("run", "") for job in release["jobs"].values() for step in job["steps"])
    writes = {
        name: sorted(scope for scope, value in job["permissions"].items() if value == "write")
        for name, job in release["jobs"].items()
    }
    assert writes == {
        "build": ["attestations", "id-token"],
        "pypi": ["id-token"],
        "image": ["attestations", "id-token", "packages"],
        "page": ["contents"],
    }
    assert release["jobs"]["pypi"]["environment"] == "pypi"
