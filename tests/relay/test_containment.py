"""Foreign code reaches the relay and nothing else, unless the user trusts it; without containment no run starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.foreign.__main__ import COMMANDS, NAMES, reached
from whopwatch.cli import main
from whopwatch.core.errors import UsageError
from whopwatch.relay import containment
from whopwatch.relay.containment import Containment, why_not_contained
from whopwatch.sdk.releases import LOCKS_FOLDER, install_release, lock_of, parse_release

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Containment:
    made = Containment(tmp_path_factory.mktemp("contained"))
    (made.folder / "root").mkdir()
    if reason := why_not_contained(made):
        pytest.skip(f"this system allows no containment: {reason}")
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_contained_code_reaches_nothing(contained: Containment, command: str, tmp_path: Path) -> None:
    assert reached(command, tmp_path, trust=False) == dict.fromkeys(NAMES, False)


@pytest.mark.parametrize("command", COMMANDS)
def test_trusted_code_gets_no_key_from_an_environment_and_sends_no_write(command: str, tmp_path: Path) -> None:
    found = reached(command, tmp_path, trust=True)
    assert not found["key-in-environment"]
    assert not found["key-in-environment-of-parent"]
    assert not found["write-through-relay"]
    # What --trust is about: without it these would be reached on no system.
    assert found["other-server"]
    assert found["file-in-home"]
    if os.getuid() != 0:  # root reads the memory of any process
        assert not found["key-in-memory-of-parent"]


def test_contained_code_has_no_privileges_and_cannot_change_what_it_reads(contained: Containment) -> None:
    code = (
        "import json, os; status = open('/proc/self/status').read();"
        "caps = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith('Cap')];"
        "print(json.dumps([caps, sorted(os.listdir('/')), os.access('/usr', os.W_OK), os.listdir('/tmp'),"
        " [name for name in os.listdir('/proc') if name.isdecimal()]]))"
    )
    command = contained.wrap([sys.executable, "-c", code], port=1)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    capabilities, top, writes, temporary, processes = json.loads(done.stdout)
    assert capabilities == [0] * 5
    assert not {"home", "var", "run", "boot", "sys"} & set(top)
    assert not writes
    own = Path(sys.prefix)  # an environment below /tmp is visible there
    assert temporary == ([own.parts[2]] if own.is_relative_to("/tmp") else [])  # noqa: S108
    assert len(processes) == 2  # itself, and the process that started it


def test_the_exit_code_is_that_of_the_program(contained: Containment) -> None:
    command = contained.wrap([sys.executable, "-c", "raise SystemExit(7)"], port=1)
    assert subprocess.run(command, check=False, timeout=60).returncode == 7


def test_a_system_without_containment_says_so_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="cannot contain"), containment(trust=False):
        pytest.fail("nothing may start")
    started = tmp_path / "started"
    assert main(["mcp", "--stdio", f"{sys.executable} -c open({str(started)!r},'w')"]) == 2
    assert "use --trust" in capsys.readouterr().err
    assert not started.exists()


def test_the_default_release_is_installed_by_hash_only(tmp_path: Path) -> None:
    release = parse_release("sdk:0.0.23")
    lock = lock_of(release)
    assert lock == LOCKS_FOLDER / "sdk-0.0.23.txt"
    assert lock_of(parse_release("npm:0.0.23")) == LOCKS_FOLDER / "npm-0.0.23.json"
    assert lock_of(parse_release("sdk:0.0.1")) is None
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(f"whop-sdk==0.0.23 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(Exception, match="cannot be installed"):
        install_release(release, tmp_path / "cache", wrong)
    with pytest.raises(UsageError, match="does not exist"):
        lock_of(release, tmp_path / "none.txt")


def test_a_program_in_the_home_folder_cannot_read_anything_else_there(
    contained: Containment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "private").write_text("private")
    (home / "server.py").write_text("import os; print(sorted(os.listdir()))")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    command = contained.wrap([sys.executable, "server.py"], port=1, folder=home)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['server.py']\n"


def test_a_program_of_npm_can_read_the_packages_next_to_it(
    contained: Containment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, binaries = tmp_path / "node_modules" / "server", tmp_path / "node_modules" / ".bin"
    package.mkdir(parents=True)
    binaries.mkdir()
    (package / "index.py").write_text("#!/usr/bin/env python3\nimport os\nprint(os.path.exists(__file__))\n")
    (package / "index.py").chmod(0o755)
    (binaries / "server").symlink_to("../server/index.py")
    monkeypatch.chdir(tmp_path)
    command = contained.wrap(["node_modules/.bin/server"], port=1)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "True\n", done.stderr
