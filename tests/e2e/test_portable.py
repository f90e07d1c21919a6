"""What Windows lacks is taken away here: modules of Unix, fork, SIGHUP, user ids, and UTF-8 as the default encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

WITHOUT_UNIX = """
import os, signal, sys
import runpy, subprocess, asyncio, filelock, tempfile  # what Linux itself needs
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty"):
    sys.modules[name] = None
for module, names in (
    (os, ("fork", "getuid", "geteuid", "getgid", "setsid", "killpg", "uname", "fchmod", "mkfifo")),
    (signal, ("SIGHUP", "SIGKILL", "SIGALRM", "SIGUSR1", "SIGCHLD", "SIGPIPE")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sys.argv = ["whopwatch", *sys.argv[1:]]
runpy.run_module("whopwatch", run_name="__main__")
"""
CODE = """from whop_sdk import Whop
for product in Whop().products.list(company_id="biz_x"):
    print(product.title)  # é
"""
PROBES = '[[probes]]\noperations = ["products.list"]\n'
COMMANDS = (
    ("check --resource products --budget 40 --report-dir out --record run.har", 0),
    ("check --replay run.har", 0),
    ("check --fault field-missing@products.list --only products.list --budget 20", 1),
    ("drift --resource products --budget 40 --textfile night.prom", 0),
    ("drift --resource products --budget 40", 0),
    ("usage app.py -o usage.json", 0),
    ("check --only products.list --budget 20 --usage usage.json", 0),
    ("probe --once --config probes.toml", 0),
    ("contract show products.list", 0),
    ("contract export --format asyncapi -o events.json", 0),
    ("diff 2025-01-01 2026-10-15-1", 1),
    ("versions", 0),
)


@pytest.mark.parametrize(("command", "code"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_command_works_without_what_only_unix_has(command: str, code: int, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", WITHOUT_UNIX, *command.split()],
        cwd=folder, capture_output=True, timeout=120, check=False,
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "WHOP_API_KEY": ""},
    )  # fmt: skip
    text = done.stdout.decode("cp1252") + done.stderr.decode("cp1252")
    assert "bug in whopwatch" not in text, text
    assert "Traceback" not in text, text
    assert done.returncode == code, text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("elsewhere")
    (made / "app.py").write_text(CODE, encoding="utf-8")
    (made / "probes.toml").write_text(PROBES, encoding="utf-8")
    return made


def test_the_simulator_starts_without_what_only_unix_has(folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_UNIX, "simulate", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["base_url"].startswith("http://127.0.0.1:")
        server.terminate()
        assert server.wait(60) == (1 if os.name == "nt" else 0)  # Windows ends it without a signal
