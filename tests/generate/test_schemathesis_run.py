"""`schemathesis run` with the hooks of the suites: guarded, within its budget, and judged by our checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from whopwatch.contract import load
from whopwatch.simulator import ApiCall, Simulator, StepWrapper, embedded
from whopwatch.simulator.api.pipeline import Proceed

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
BUDGET = 40


def _schemathesis(simulator: Simulator, folder: Path, *options: str, url: bool = True) -> tuple[int, str]:
    """What `schemathesis run` ends with and prints, on the products of `simulator`."""
    document = folder / "whop.json"
    document.write_text(json.dumps(load().documents["v1"]))
    target = {"WHOP_BASE_URL": simulator.base_url} if url else {}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WHOP")}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", "suites/generated/schemathesis.toml", "run", str(document)),
            *("--url", simulator.base_url, "--include-path-regex", "^/products", "--max-examples", "3", *options),
        ],
        env={
            **environ,
            **target,
            "SCHEMATHESIS_HOOKS": "suites.generated.hooks",
            "WHOP_API_KEY": simulator.api_key,
            "WHOP_COMPANY_ID": simulator.company_id,
            "WHOPWATCH_BUDGET": str(BUDGET),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert simulator.api_key not in output
    return done.returncode, output


def test_a_clean_api_passes_and_nothing_but_reads_was_sent(tmp_path: Path) -> None:
    with embedded(items=3) as simulator:
        code, output = _schemathesis(simulator, tmp_path, "--phases", "fuzzing")
    assert code == 0, output
    assert simulator.requests.keys() == {"GET"}


def _without_titles(call: ApiCall, proceed: Proceed) -> None:
    proceed()
    for item in call.payload["data"]:
        del item["title"]


def test_our_checks_fail_an_api_that_broke_its_contract(tmp_path: Path) -> None:
    fault = StepWrapper("project", _without_titles, "products.list")
    with embedded(items=3, wrappers=[fault]) as simulator:
        code, output = _schemathesis(simulator, tmp_path, "--phases", "fuzzing")
    assert code == 1, output
    assert "D5" in output
    assert "/data/*/title" in output


def test_the_budget_and_the_guard_hold_whatever_the_options_ask_for(tmp_path: Path) -> None:
    with embedded(items=3) as simulator:
        _schemathesis(simulator, tmp_path, "--mode", "all", "--max-examples", "20")
    assert simulator.requests.keys() == {"GET"}
    assert simulator.requests.total() == BUDGET


def test_without_a_target_it_says_what_to_set(tmp_path: Path) -> None:
    with embedded(items=0) as simulator:
        code, output = _schemathesis(simulator, tmp_path, url=False)
    assert code != 0
    assert "WHOP_BASE_URL" in output
    assert not simulator.requests
