"""`--contract` in every command that uses a contract, and what decides if it is not given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.cli.sdk import _contract_for
from whopwatch.config.contract_choice import choose_contract
from whopwatch.contract.loader import closest_version
from whopwatch.contract_build.releases import Release
from whopwatch.core.errors import EXIT_CLEAN, EXIT_USAGE
from whopwatch.simulator import embedded

NEWEST = "2026-10-15-1"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WHOP_API_KEY", "WHOP_COMPANY_ID", "WHOP_BASE_URL", "WHOP_API_VERSION_DATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [NEWEST, "newest", "sdk:2.6.0"])
def test_an_edition_has_three_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "show", "accounts.list", "--contract", name, "--json"]) == EXIT_CLEAN
    assert json.loads(capsys.readouterr().out)["path"] == "/accounts"


@pytest.mark.parametrize(
    "command",
    [
        "check",
        "drift",
        "simulate",
        "probe --once",
        "faults --for products.list",
        "mcp",
        "sdk",
        "webhook send payment.succeeded --to http://127.0.0.1:9/",
        "webhook listen",
        "contract show",
        "contract export",
        "contract verify",
        "contract coverage",
        "contract conflicts",
        "contract build",
        "contract sync sdk:2.6.0",
        "contract watch",
    ],
)
def test_an_unknown_contract_is_refused_by_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--contract", "2026-10-15-2"]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "Unknown contract '2026-10-15-2'" in said
    assert NEWEST in said


def test_faults_of_an_operation_of_the_newest_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "--for", "accounts.list", "--contract", "newest", "--json"]) == EXIT_CLEAN
    assert len(json.loads(capsys.readouterr().out)["faults"]) > 50
    assert main(["faults", "--for", "accounts.list"]) == EXIT_USAGE


def test_an_openapi_file_has_nothing_to_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "api.json"
    assert main(["contract", "export", "-o", str(file)]) == EXIT_CLEAN
    assert main(["contract", "show", "products.list", "--contract", str(file)]) == EXIT_CLEAN
    assert main(["contract", "verify", "--contract", str(file)]) == EXIT_USAGE
    assert "needs a contract folder" in capsys.readouterr().err


def test_the_prober_probes_the_reads_of_the_contract_that_the_target_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "probes.toml").write_text('[[probes]]\noperations = ["accounts.list", "accounts.retrieve"]\n')
    with embedded(choose_contract("newest", None, None, {}).contract) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        Path("whopwatch.toml").write_text(
            f'[targets.mine]\nbase_url = "{simulator.base_url}"\ncontract = "newest"\n', encoding="utf-8"
        )
        arguments = ["--once", "--config", "probes.toml", "--target", "mine", "--json", "-"]
        assert main(["probe", *arguments]) == EXIT_CLEAN
        report = json.loads(capsys.readouterr().out)
        assert main(["probe", *arguments, "--contract", "2025-01-01"]) == EXIT_USAGE
    assert report["contract"]["version"] == NEWEST
    assert {row["id"] for row in report["operations"] if row["state"] == "verified"} == {
        "accounts.list",
        "accounts.retrieve",
    }
    assert "The contract has no operation 'accounts.list'" in capsys.readouterr().err


def test_the_mcp_server_of_the_simulator_has_the_tools_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--contract", "newest", "--budget", "5", "--json", "-"]) != EXIT_USAGE
    report = json.loads(capsys.readouterr().out)
    assert "accounts_list" in {row["id"].removeprefix("mcp:") for row in report["operations"]}


def test_a_pinned_version_chooses_the_contract_of_every_command() -> None:
    environ = {"WHOP_API_VERSION_DATE": NEWEST, "WHOP_BASE_URL": "http://127.0.0.1:9/api/v1"}
    assert choose_contract(None, None, None, environ).contract.version == NEWEST
    assert choose_contract("2025-01-01", None, None, environ).contract.version == "2025-01-01"


@pytest.mark.parametrize(
    ("release", "requested", "expected"),
    [("2.6.0", NEWEST, NEWEST), ("2.2.0", "2026-09-29", NEWEST), ("0.0.41", None, "2025-01-01")],
)
def test_a_release_is_tested_with_the_closest_contract(
    release: str, requested: str | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _contract_for(Release("sdk", release), requested, None).version == expected
    said = capsys.readouterr().err
    assert ("closest contract is of" in said) is (requested not in (None, expected))
    assert _contract_for(Release("sdk", release), requested, "2025-01-01").version == "2025-01-01"


def test_the_closest_version_may_be_newer() -> None:
    known = ["2025-01-01", "2026-09-02-1", "2026-09-02-2", "2026-10-15-1"]
    assert closest_version("2026-09-02-2", known) == "2026-09-02-2"
    assert closest_version("2026-10-14", known) == "2026-10-15-1"
    assert closest_version("2026-09-05", known) == "2026-09-02-1"
    assert closest_version("2026-09-05", []) is None
