"""`check --allow-writes`: where it writes, where it refuses to, and what it says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT, EXIT_USAGE
from whopwatch.simulator import Simulator, embedded

FEW = ("--resource", "products", "--budget", "200")


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator that is not the command's own: a target like any other."""
    with embedded(load(), items=4) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        yield simulator


def test_writes_are_made_reported_and_cleaned_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--allow-writes", *FEW, "--json", "-"]) == EXIT_CLEAN
    out, err = capsys.readouterr()
    report = json.loads(out)
    states = {row["id"]: row["state"] for row in report["operations"]}
    assert {states[f"products.{name}"] for name in ("create", "update", "delete")} == {"verified"}
    assert report["requests"]["unsafe"] > 0
    assert report["left"] == {}
    assert f"including {report['requests']['unsafe']} writes" in " ".join(err.split())
    assert "nothing left at the target" in " ".join(err.split())


def test_a_single_write_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--allow-writes", "--only", "leads.update"]) == EXIT_CLEAN
    out = " ".join(capsys.readouterr().out.split())
    assert "1 of 1 write verified" in out
    assert "left at the target: 7 leads" in out


@pytest.mark.parametrize("arguments", [["--target", "production"], ["--target", "https://api.whop.com/api/v1"]])
def test_production_is_never_written_to(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOP_API_KEY", "apik_not_a_key")
    assert main(["check", "--allow-writes", *arguments]) == EXIT_USAGE
    assert "Writes to production are not allowed" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["", "writable = false"])
def test_a_target_of_ones_own_has_to_be_declared_writable(
    simulator: Simulator, tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "whopwatch.toml"
    config.write_text(f'[targets.own]\nbase_url = "{simulator.base_url}"\n{line}\n')
    assert main(["check", "--target", "own", "--config", str(config), "--allow-writes", *FEW]) == EXIT_USAGE
    assert "`writable = true` in [targets.own]" in capsys.readouterr().err
    assert simulator.requests.total() == 0


def test_a_declared_target_is_written_to_with_the_option_only(simulator: Simulator, tmp_path: Path) -> None:
    config = tmp_path / "whopwatch.toml"
    config.write_text(f'[targets.own]\nbase_url = "{simulator.base_url}"\nwritable = true\n')
    own = ["check", "--target", "own", "--config", str(config), *FEW]
    assert main(own) == EXIT_CLEAN
    assert simulator.requests.keys() == {"GET"}
    assert main([*own, "--allow-writes"]) == EXIT_CLEAN
    assert simulator.requests["DELETE"] > 0


def test_a_url_is_written_to_with_the_option(simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    simulator.faults.switch(["create-not-kept@products.create"])
    assert main(["check", "--target", simulator.base_url, "--allow-writes", *FEW]) == EXIT_DRIFT
    assert "products.create" in capsys.readouterr().out
