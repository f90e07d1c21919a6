"""The packages on their own: built from this tree, installed into a new environment, used from another folder.

With WHOPWATCH_DIST, the packages of that folder are tested.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from whopwatch import __version__

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
PROGRAMS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
CONTRACT_TEST = "def test_contract(whop_case):\n    whop_case.check()\n"


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command without this process's own Python settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    surroundings = {**inherited, **environ}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the packages, as a release makes them."""
    if "WHOPWATCH_DIST" in os.environ:
        return ROOT / os.environ["WHOPWATCH_DIST"]
    folder = tmp_path_factory.mktemp("release") / "dist"
    done = run(ROOT / "tools" / "release", folder, cwd=ROOT, PATH=PROGRAMS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("whopwatch-*.whl"))


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
    tracked = run("git", "ls-files", "contracts", "probes", "src", cwd=ROOT).stdout.split()
    data = {f"whopwatch/data/{name}" for name in tracked if name.startswith(("contracts/", "probes/"))}
    code = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    assert data | code <= set(names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"whopwatch"}
    assert not [name for name in names if name.endswith((".pyc", ".sqlite"))]
    assert "whopwatch/py.typed" in names
    (licence,) = [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    assert zipfile.ZipFile(wheel).read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_sdist_has_the_sources_and_no_more(dist: Path) -> None:
    with tarfile.open(next(dist.glob("whopwatch-*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = set(run("git", "ls-files", cwd=ROOT).stdout.split())
    assert names - {"PKG-INFO"} == {name for name in tracked if not name.startswith("reports/")}


@pytest.mark.parametrize(
    ("tag", "error"), [("v9.9.9", "The tag is v9.9.9, but pyproject.toml has version"), ("main", "The tag is main")]
)
def test_a_tag_that_is_not_the_version_is_refused(tmp_path: Path, tag: str, error: str) -> None:
    done = run(ROOT / "tools" / "release", tmp_path / "dist", tag, cwd=ROOT, PATH=PROGRAMS)
    assert (done.returncode, done.stdout) == (2, "")
    assert error in done.stderr
    assert not list((tmp_path / "dist").iterdir())


def test_the_notes_of_a_release_are_its_section_of_the_changelog(tmp_path: Path) -> None:
    done = run(ROOT / "tools" / "release", tmp_path / "dist", f"v{__version__}", cwd=ROOT, PATH=PROGRAMS)
    assert done.returncode == 0, done.stdout + done.stderr
    notes = (tmp_path / "notes.md").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert notes in changelog.partition(f"## [{__version__}]")[2]
    assert "## [" not in notes


def test_the_command_checks_the_simulator_from_anywhere(bin_folder: Path, tmp_path: Path) -> None:
    done = run(bin_folder / "whopwatch", "check", "--json", tmp_path / "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] == "clean"
    assert len(report["operations"]) == 149


def test_uvx_runs_it_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    uvx = shutil.which("uvx", path=PROGRAMS)
    assert uvx is not None
    source = f"whopwatch @ {wheel.as_uri()}"
    done = run(uvx, "--from", source, "whopwatch", "check", "--json", tmp_path / "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "clean"


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
    assert run(programs / "whopwatch", "check", cwd=tmp_path).returncode == 0
    commands = (
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
