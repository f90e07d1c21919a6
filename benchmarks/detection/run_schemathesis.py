"""One run of `schemathesis run` at the operation with the fault, from the same document, with some advantages.

Unlike whopwatch it gets the operation; an existing id for each required parameter, without which every retrieve is a
404; `--continue-on-failure`, because otherwise it stops at its first complaint; and no check that complains about every
refused cursor. Its complaints about the API without the fault do not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.detection.cases import BUDGET, Case
from benchmarks.detection.stage import staged
from whopwatch.contract import Contract, Operation
from whopwatch.run import DEFAULT_BUDGET, observe
from whopwatch.simulator import Simulator, embedded

ROOT = Path(__file__).parents[2]
TIMEOUT = 600.0
READ_ONLY = "[phases.coverage]\nunexpected-methods = []\n"
ADVANTAGES = ("--continue-on-failure", "--exclude-checks", "positive_data_acceptance")


def run_schemathesis(contract: Contract, case: Case) -> dict[str, Any]:
    """Return the outcome of one case: complaints as `(code, kind)`, requests counted at the server, seconds."""
    operation = contract.operation(case.placed.operation)
    known = _known_values(contract, operation, case.placed.seed)
    with staged(contract, case.placed) as stage, TemporaryDirectory() as name:
        started = time.perf_counter()
        report = _run(contract, operation, stage.simulator, known, Path(name), guarded=case.setting == BUDGET)
        seconds = time.perf_counter() - started
        return {
            "requests": stage.counted.total(),
            "unsafe": stage.unsafe,
            "seconds": round(seconds, 3),
            "tool_seconds": round(report["running_time"], 3),
            "complaints": sorted({f"{failure['code']} {failure['type']}" for failure in report["failures"]}),
        }


def _known_values(contract: Contract, operation: Operation, seed: int) -> dict[str, str]:
    """Return a value for each required parameter: those of whopwatch's first request to the operation without fault."""
    with embedded(contract, seed=seed, rate_limit=10**9) as simulator:
        seen = observe(contract, simulator.target(), selected={operation.id}, seed=seed).exchanges
        first = next(exchange for exchange in seen if exchange.operation == operation.id and exchange.status == 200)
    return {**dict(first.query), **first.path_params}


def _run(
    contract: Contract,
    operation: Operation,
    simulator: Simulator,
    known: dict[str, str],
    folder: Path,
    *,
    guarded: bool,
) -> dict[str, Any]:
    document, config, report = folder / "openapi.json", folder / "schemathesis.toml", folder / "report.json"
    document.write_text(json.dumps(_only(contract, operation)))
    wanted = [p for p in operation.parameters if p.required and p.name in known]
    given = "".join(f'"{p.location}.{p.name}" = {json.dumps(known[p.name])}\n' for p in wanted)
    config.write_text(f"[parameters]\n{given}\n{READ_ONLY if guarded else ''}")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)),
        *("--url", simulator.base_url, "--seed", "1", *ADVANTAGES),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("WHOP", "SCHEMATHESIS"))}
    if guarded:
        command += ["--max-examples", str(DEFAULT_BUDGET)]
        environ |= {
            "SCHEMATHESIS_HOOKS": "benchmarks.detection.schemathesis_hooks",
            "PYTHONPATH": str(ROOT),
            "WHOP_BASE_URL": simulator.base_url,
            "WHOP_API_KEY": simulator.api_key,
            "WHOPWATCH_BUDGET": str(DEFAULT_BUDGET),
        }
    else:
        command += ["--header", f"Authorization: Bearer {simulator.api_key}"]
    done = subprocess.run(  # noqa: S603
        command, env=environ, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if not report.exists():
        raise RuntimeError(f"schemathesis gave no report: {(done.stdout + done.stderr)[-600:]}")
    found = json.loads(report.read_text())
    assert isinstance(found, dict)
    return found


def _only(contract: Contract, operation: Operation) -> dict[str, Any]:
    """Return the exported document with one operation: loading the other 148 takes most of its time."""
    document = contract.documents[operation.api]
    path = document["paths"][operation.path]
    kept = {name: part for name, part in path.items() if name in (operation.method.lower(), "parameters")}
    return {**{name: part for name, part in document.items() if name != "webhooks"}, "paths": {operation.path: kept}}
