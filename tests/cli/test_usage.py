"""Usage errors: what the command prints for a wrong option, and how."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from whopwatch import __version__
from whopwatch.cli import main
from whopwatch.cli._support import root as entry
from whopwatch.cli._support.outputs import Outputs, write_whole
from whopwatch.cli.contract import contract_command
from whopwatch.core.errors import EXIT_COULD_NOT_CHECK, EXIT_USAGE
from whopwatch.history.store import open_baseline

MISTAKES = {
    "chek": "Did you mean 'check'?",
    "check --budgt 3": "Did you mean '--budget'?",
    "check --budget 0": "--budget",
    "check --budget many": "--budget",
    "check --rate -1": "--rate",
    "check --rate 0": "from 0.01",
    "check --rate nan": "from 0.01",
    "check --rate inf": "to 1000",
    "check --rate 1e-9": "one in 100 seconds",
    "check --target=": "The target is blank.",
    "check --config nowhere.toml": "does not exist",
    "check --target sandbx": "did you mean 'sandbox'?",
    "check --target sandbox": "export WHOP_API_KEY",
    "check --target production": "export WHOP_API_KEY",
    "check --target https://api.whop.com": "expected: https://api.whop.com/api/v1",
    "check --only product.list": "did you mean 'products.list'?",
    "check --only topups.list": "did you mean 'topups.create'?",
    "check --only products.lst": "did you mean 'products.list'?",
    "simulate --fault item-skipped@topups.list": "did you mean 'topups.create'?",
    "check --only products.list,,plans.list": "names between commas",
    "check --only products.create": "is a write operation",
    "check --resource produkts": "did you mean 'products'?",
    "check --json /nowhere/at/all.json": "create the folder '/nowhere/at'",
    "check --json - --junit -": "Only one report can go to stdout",
    "check --json /proc/x.json": "accepts no new file",
    "check --record /proc/x.har": "accepts no new file",
    "sdk --textfile /proc/x.prom": "The metrics cannot be written.",
    "sdk --textfile /nowhere/x.prom": "create the folder '/nowhere'",
    "sdk --textfile .": "got: a folder",
    "drift --textfile /proc/x.prom": "accepts no new file",
    "mcp --html /proc/x.html": "accepts no new file",
    "probe --once --json /proc/x.json": "accepts no new file",
    "check --markdown .": "got: a folder",
    "check --json same --junit ./same": "Two reports have the same file.",
    "check --report-dir here --json here/report.json": "Two reports have the same file.",
    "check --json=": "the name of a file",
    "check --config nowhere.toml --target sandbox": "does not exist",
    "mcp mcp.whop.com/mcp": "expected: http:// or https://",
    "contract shw products.list": "No such command 'shw'",
    "contract show product.list": "did you mean 'products.list'?",
    "contract show webhook:payment.suceeded": "did you mean 'payment.succeeded'?",
    "contract export --contracts /nowhere": "Unknown contract '/nowhere'.",
    "simulate --port 99999": "--port",
    "simulate --items 100000000000": "from 0 to 100000",
    "simulate --key reader": "NAME=SCOPE",
    "simulate --key company=plan:basic:read": "not one of company",
    "simulate --key a=plan:basic:read --app-key a=": "each name once",
    "simulate --app-key a=plan:basic:red": "did you mean 'plan:basic:read'?",
    "simulate --webhook-url https://api.whop.com./webhooks": "Cannot send deliveries to this address",
    "simulate --webhook-url http://127.0.0.1:9 --webhook-every inf": "from 0.001",
    "simulate --webhook-url http://127.0.0.1:9 --webhook-every nan": "from 0.001",
    "simulate --webhook-url http://127.0.0.1:9 --webhook-every 0": "from 0.001",
    "simulate --fault item-skiped": "did you mean 'item-skipped'?",
    "simulate --fault item-skipped@payment.list": "did you mean 'payments.list'?",
    "simulate --fault item-skipped@payments.retrieve": "try item-skipped@products.list",
    "simulate --fault field-missing@payments.create": "an operation of the kind 'read'",
    "simulate --fault order-ignored@reviews.list": "has no effect on 'reviews.list'",
    "faults --for payment.list": "did you mean 'payments.list'?",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_ends_with_2_and_a_hint(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert MISTAKES[line] in err
    assert "Traceback" not in err


def test_a_blank_variable_is_no_simulator(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_BASE_URL", "")
    assert main(["check"]) == EXIT_USAGE
    assert "WHOP_BASE_URL" in capsys.readouterr().err


def test_a_blank_address_of_an_mcp_server_is_no_simulator(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", ""]) == EXIT_USAGE
    assert "This is not the address of an MCP server." in capsys.readouterr().err


def test_the_file_is_held_to_its_form_even_where_no_target_of_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("whopwatch.toml").write_text("[target.staging]\n")
    assert main(["check"]) == EXIT_USAGE
    assert "did you mean 'targets'?" in capsys.readouterr().err


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_file_under_two_names_is_one_file(
    link: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("one").touch()
    link("one", "two")
    assert main(["check", "--json", "one", "--junit", "two"]) == EXIT_USAGE
    assert "one and two" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_USAGE
    assert "Commands:" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    shown = capsys.readouterr().out
    assert __version__ in shown
    assert (
        "contract 2025-01-01, sdk:0.0.23 of 2026-01-09, 149 operations and 1 of v2, 69 newer versions are known"
        in shown
    )
    assert "contract 2026-10-15-1" in shown


@pytest.mark.parametrize(
    "command",
    ["", *entry.COMMANDS, *(f"contract {name}" for name in contract_command.commands)],
)
def test_every_command_explains_itself_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: whopwatch" in shown
    assert f"whopwatch {command}".strip() in shown.partition("\n")[2]
    assert "Example" in shown


def test_an_unexpected_error_names_its_kind_and_place_but_not_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("a value out of a response")

    monkeypatch.setattr(entry.root, "main", fails)
    assert main(["check"]) == EXIT_COULD_NOT_CHECK
    shown = capsys.readouterr().err
    assert "an unexpected KeyError" in shown
    assert "whopwatch/cli/_support/root.py" in shown
    assert "--traceback" in shown
    assert "a value" not in shown
    assert main(["--traceback", "check"]) == EXIT_COULD_NOT_CHECK
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_package_is_named_with_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("none", name="openapi_spec_validator.validation")

    monkeypatch.setattr(entry.root, "main", fails)
    assert main(["contract", "verify"]) == EXIT_USAGE
    shown = capsys.readouterr().err
    assert "the package openapi_spec_validator is not installed" in shown
    assert "-m pip install 'whopwatch[build]'" in shown


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_ends_with_130(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(entry.root, "main", interrupted)
    assert main(["check"]) == 130


@pytest.mark.parametrize(("command", "told"), [("'open", "a quote that is not closed"), ("", "The command is empty")])
def test_a_command_that_is_none_is_refused(command: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--stdio", command]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "option --stdio" in error


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027])
def test_reports_have_the_permissions_that_the_umask_leaves(umask: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(Path("report.json"), "{}")
        assert Path("report.json").stat().st_mode & 0o777 == 0o666 & ~umask
        assert os.umask(umask) == umask
    finally:
        os.umask(before)


@pytest.mark.parametrize("umask", [0o022, 0o277])
def test_a_recording_and_a_baseline_are_for_their_owner_alone(umask: int) -> None:
    before = os.umask(umask)
    try:
        Outputs({"har": "run.har", "json": "report.json"}, None, {}).write({"har": "{}", "json": "{}"})
    finally:
        os.umask(before)
    assert Path("run.har").stat().st_mode & 0o777 == 0o600 & ~umask
    assert Path("report.json").stat().st_mode & 0o777 == 0o666 & ~umask
    with open_baseline(Path("baseline.sqlite")) as baseline:
        baseline.save(baseline.load())
    assert Path("baseline.sqlite").stat().st_mode & 0o777 == 0o600
    assert main(["baseline", "export", "--baseline", "baseline.sqlite", "-o", "baseline.json"]) == 0
    assert Path("baseline.json").stat().st_mode & 0o777 == 0o600


def test_a_report_that_is_replaced_keeps_its_permissions() -> None:
    Path("report.json").touch()
    Path("report.json").chmod(0o640)
    write_whole(Path("report.json"), "{}")
    assert Path("report.json").stat().st_mode & 0o777 == 0o640
    assert Path("report.json").read_text() == "{}"


@pytest.mark.parametrize("command", ["", "check", "contract show", "webhook listen"])
def test_h_is_short_for_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "-h"]) == 0
    assert "Usage: whopwatch" in capsys.readouterr().out
