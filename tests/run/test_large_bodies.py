"""Pages that are much larger than any real one are judged within seconds and 250 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.thorough

PROGRAM = """
import sys, time
import httpx
from tests.http.mock import MockTransport
from whopwatch.config import Target
from whopwatch.contract import load
from whopwatch.run import judge, observe

contract, body = load(), open(sys.argv[1], "rb").read()
target = Target("x", "http://127.0.0.1:1/api/v1", "http://127.0.0.1:1/api/v2", company_id="biz_1")
page = lambda request: httpx.Response(200, content=body, headers={"content-type": "application/json"})
used = time.process_time()
report = judge(contract, observe(contract, target, budget=2, transport=MockTransport(page)), "x")
# The maximum of getrusage includes the process that started this one; VmHWM does not.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) // 2**10
print(peak, time.process_time() - used, len(report.findings))
"""
SHAPES: dict[str, Any] = {
    "items": [{"id": f"prod_{number:08d}", "title": number} for number in range(100_000)],
    "fewer-items": [{"id": f"prod_{number:08d}", "title": number} for number in range(33_000)],
    "fields": [{f"f{number}": number for number in range(98_000)}],
    "wide-items": [{"id": f"prod_{number}", **{f"f{n}": n for n in range(95)}} for number in range(1_000)],
    "long-strings": [{"id": f"prod_{number}", "title": "x" * 100_000} for number in range(75)],
    "empty-lists": [[]] * 1_000_000,
    "long-id": [{"id": "x" * 2_000_000}],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_large_page_is_judged_in_little_memory(shape: str, tmp_path: Any) -> None:
    info = {"start_cursor": "a", "end_cursor": "b", "has_next_page": False, "has_previous_page": False}
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"data": SHAPES[shape], "page_info": info}))
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    peak, seconds, findings = done.stdout.split()
    assert int(findings) >= 1
    assert int(peak) <= 250
    assert float(seconds) <= 20, "processor time, which does not depend on the load"
