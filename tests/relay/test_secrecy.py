"""Secrets of a process stay out of reach of a foreign program that it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "apik_0123456789abcdef"
PARENT = """
import os, subprocess, sys
from whopwatch.relay import take_secrets

before = open("/proc/self/environ", "rb").read()
taken = take_secrets()
program = "import os; print(open(f'/proc/{os.getppid()}/environ', 'rb').read()); print(dict(os.environ))"
try:
    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
except OSError:
    seen = ""
print(KEY in before.decode(), taken["WHOP_API_KEY"] == KEY, "WHOP_API_KEY" in os.environ, KEY in seen, taken["OTHER"])
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc on this system")
def test_a_program_cannot_read_the_key_of_its_parent() -> None:
    environ = {**os.environ, "WHOP_API_KEY": KEY, "OTHER": "kept"}
    code = f"KEY = {KEY!r}\n{PARENT}"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False", "False", "kept"]


def test_other_variables_stay_and_the_copy_is_complete() -> None:
    environ = {"WHOP_API_KEY": "", "ACME_API_KEY": KEY, "WHOP_COMPANY_ID": "biz_1"}
    code = (
        "import json, sys; from whopwatch.relay import take_secrets;"
        "environ = json.loads(sys.argv[1]); print(json.dumps([take_secrets(environ), environ]))"
    )
    command = [sys.executable, "-c", code, json.dumps(environ)]
    taken, left = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert taken == environ
    assert left == {"WHOP_COMPANY_ID": "biz_1"}
