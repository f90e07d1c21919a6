"""What a prober does not load: it stays in memory for months."""

from __future__ import annotations

import subprocess
import sys

PROBER = """
import sys
from whopwatch.cli.probe import probe
from whopwatch.probe.memory import spare_command_lines
spare_command_lines()
import whopwatch.probe.service
print(*sorted({"httpx", "rich", "pygments", "starlette", "mcp", "jinja2"} & set(sys.modules)))
"""


def test_a_prober_loads_neither_terminals_nor_servers() -> None:
    command = [sys.executable, "-c", PROBER]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["httpx"]
