"""The wheel on its own: built from this tree, installed into a new environment, used from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
CONTRACT_TEST = "def test_contract(whop_case):\n    whop_case.check()\n"


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command without this process's own Python settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    surroundings = {**inherited, **environ}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("whopwatch-*.whl"))


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment that holds the wheel, what it needs, and nothing else."""
    return environment(tmp_path_factory.mktemp("environment"), f"{wheel}[pytest]")


def environment(folder: Path, *packages: str | Path) -> Path:
    """Make a virtual environment in `folder`, install `packages`, and return the folder of its commands."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    done = run(programs / "python", "-m", "pip", "install", "-q", *packages, cwd=folder)
    assert done.returncode == 0, done.stderr
    return programs


def test_it_carries_its_data_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tracked = run("git", "ls-files", "contracts", "src", cwd=ROOT).stdout.split()
    data = {f"whopwatch/data/{name}" for name in tracked if name.startswith("contracts/")}
    code = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    assert data | code <= set(names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"whopwatch"}
    assert not [name for name in names if name.endswith((".pyc", ".sqlite"))]


def test_the_command_checks_the_simulator_from_anywhere(bin_folder: Path, tmp_path: Path) -> None:
    done = run(bin_folder / "whopwatch", "check", "--json", tmp_path / "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] == "clean"
    assert len(report["operations"]) == 149


def test_the_contract_is_read_from_the_package(bin_folder: Path, tmp_path: Path) -> None:
    assert run(bin_folder / "whopwatch", "contract", "show", "products.list", cwd=tmp_path).returncode == 0
    verify = run(bin_folder / "whopwatch", "contract", "verify", cwd=tmp_path)
    assert verify.returncode == 2
    assert "pip install 'whopwatch[build]'" in verify.stderr


def test_the_plugin_serves_another_repository(bin_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "test_whop.py").write_text(CONTRACT_TEST)
    done = run(bin_folder / "pytest", "-q", "--target", "simulator", "--whop-resource", "products", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of 600 requests sent, all read-only" in done.stdout


def test_a_base_installation_names_the_extra_that_it_lacks(wheel: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "base", wheel)
    assert run(programs / "whopwatch", "check", "--help", cwd=tmp_path).returncode == 0
    commands = (
        ("check", "simulator"),
        ("simulate", "simulator"),
        ("webhook listen", "webhook"),
        ("contract verify", "build"),
    )
    for command, extra in commands:
        done = run(
            programs / "whopwatch", *command.split(), cwd=tmp_path, WHOP_WEBHOOK_SECRET="ws_aaaaaaaaaaaaaaaaaaaa"
        )
        assert done.returncode == 2, done.stdout + done.stderr
        assert f"This needs the extra '{extra}' of whopwatch" in done.stderr
        assert f"pip install 'whopwatch[{extra}]'" in done.stderr
    unreachable = run(programs / "whopwatch", "check", "--target", "http://127.0.0.1:9/api/v1", cwd=tmp_path)
    assert unreachable.returncode == 3, unreachable.stderr


def test_it_lives_beside_a_backend_of_older_packages(wheel: Path, tmp_path: Path) -> None:
    """A backend pins its framework and its pytest: the extra must not ask for newer ones."""
    programs = environment(tmp_path / "backend", "fastapi==0.115.12", "pytest==8.4.2", f"{wheel}[pytest]")
    check = run(programs / "python", "-m", "pip", "check", cwd=tmp_path)
    assert check.returncode == 0, check.stdout
    (tmp_path / "test_whop.py").write_text(CONTRACT_TEST)
    done = run(programs / "pytest", "-q", "--whop-resource", "products", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
