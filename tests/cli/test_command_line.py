"""What a user expects of a command line: quiet and verbose, a dry run, an early end, completion, encodings, colours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from tests.cli.proxy import proxied
from whopwatch.cli import main
from whopwatch.cli._support.options import OPTION_GROUPS
from whopwatch.cli._support.root import COMMANDS, root
from whopwatch.contract import load
from whopwatch.simulator import embedded

FEW = ("--only", "products.list,companies.retrieve", "--budget", "30")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_quiet_prints_the_verdict_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *FEW, "-q"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["CLEAN", "2", "operations", "match", "the", "contract"]
    assert err == ""


def test_verbose_lists_the_verified_operations_with_their_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *FEW, "-v"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("products.list")]
    assert "verified, " in line
    assert re.search(r" of \d+ checks", line)


def test_a_dry_run_prints_requests_and_sends_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded(load(), items=3) as simulator, proxied(simulator) as api:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        assert main(["check", "--target", api.base_url, "--rate", "2", *FEW, "--dry-run"]) == 0
        assert api.paths == []
    out, err = capsys.readouterr()
    requests = out.splitlines()
    assert 10 < len(requests) <= 30
    assert "GET    /products?company_id=$WHOP_COMPANY_ID&first=100  products.list list" in requests
    assert api.base_url in err
    assert "Nothing was sent" in err
    assert "at 2 a second" in err


def test_a_run_ends_after_a_number_of_failures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--fault", "field-missing", "--budget", "300", "--max-failures", "2", "-q"]) == 1
    assert "stopped after 2 findings (--max-failures)" in capsys.readouterr().out
    assert main(["check", *FEW, "--max-failures", "1", "-q"]) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("check", "--only", "products.li"), ["products.list"]),
        (("check", "--only", "products.list,payments.ref"), ["products.list,payments.refund"]),
        (("check", "--exclude", "payments.list_"), ["payments.list_fees"]),
        (("drift", "--resource", "payou"), ["payout_methods"]),
        (("simulate", "--fault", "nulls-h"), ["nulls-highest"]),
        (("check", "--fault", "nulls-highest@plans.l"), ["nulls-highest@plans.list"]),
        (("faults", "--class", "permission-"), ["permission-changed"]),
        (("faults", "--class", "D25"), ["D25"]),
        (("check", "--target", "sand"), ["sandbox"]),
        (("check", "--fail-on", "crit"), ["critical"]),
        (("simul",), ["simulate"]),
    ],
)
def test_names_are_completed(
    words: Sequence[str],
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_WHOPWATCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(("whopwatch", *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit):
        main([])
    assert [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()] == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_WHOPWATCH_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("encoding", "color"),
    [
        ("cp1252", {"FORCE_COLOR": "1"}),
        pytest.param("ascii", {"FORCE_COLOR": "1"}, marks=pytest.mark.thorough),
        pytest.param("utf-8", {"FORCE_COLOR": "1"}, marks=pytest.mark.thorough),
        pytest.param("latin-1", {"NO_COLOR": "1"}, marks=pytest.mark.thorough),
        ("ascii", {}),
    ],
)
def test_the_output_works_in_any_encoding_and_has_no_cursor_codes(encoding: str, color: dict[str, str]) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": encoding, **color}
    for name in {"NO_COLOR", "FORCE_COLOR"} - color.keys():
        environ.pop(name, None)
    command = [sys.executable, "-c", "import sys; from whopwatch.cli import main; sys.exit(main())"]
    arguments = ["check", "--fault", "field-missing@products.list", *FEW]
    made = subprocess.run([*command, *arguments], env=environ, capture_output=True, check=False, timeout=60)
    assert made.returncode == 1, made.stderr.decode(encoding, "replace")[:500]
    out = made.stdout.decode(encoding)
    assert "DRIFT" in out
    assert ("\x1b[" in out) is ("FORCE_COLOR" in color)
    assert not any(code in made.stdout + made.stderr for code in (b"\x1b[?25", b"\x1b[2K", b"\x1b[1A"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("-h", "--help"):
        assert main([name, option]) == 0
        assert "xample" in capsys.readouterr().out


RED = "\x1b["
CHECK = ["check", "--only", "products.list", "--budget", "3"]


@pytest.mark.parametrize(
    ("options", "environ", "colored"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colors_in_a_pipe(
    options: list[str],
    environ: dict[str, str],
    colored: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main([*options, *CHECK]) == 0
    out, err = capsys.readouterr()
    assert (RED in out) is colored
    # A progress bar moves the cursor, which a pipe must never get.
    assert err.startswith("Checking simulator")
    assert "\x1b" not in err


def test_an_unknown_mode_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--color", "sometimes", *CHECK]) == 2
    assert "--color" in capsys.readouterr().err


def test_a_long_help_lists_each_option_in_its_group_once(capsys: pytest.CaptureFixture[str]) -> None:
    used: set[str] = set()
    for name in ("check", "drift", "sdk"):
        command = root.get_command(click.Context(root), name)
        assert command is not None
        assert main([name, "--help"]) == 0
        listed = re.findall(r"^  (?:-\w, )?(--[\w-]+)", capsys.readouterr().out, re.MULTILINE)
        options = [param for param in command.params if isinstance(param, click.Option)]
        assert sorted(listed) == sorted(["--help", *(max(option.opts, key=len) for option in options)])
        used |= {listed_name.removeprefix("--") for listed_name in listed}
    assert {option for names in OPTION_GROUPS.values() for option in names.split()} <= used
