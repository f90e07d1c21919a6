"""The server that Whop publishes, run as a command against the simulator: a real one, and older than the contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.simulator import embedded

pytestmark = pytest.mark.thorough

# Its jq comes from an address that not every network reaches; the registry has the same library.
PACKAGE = {"private": True, "dependencies": {"@whop/mcp": "0.0.6"}, "overrides": {"jq-web": "0.6.2"}}


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command that starts it."""
    folder = tmp_path_factory.mktemp("whop-mcp")
    (folder / "package.json").write_text(json.dumps(PACKAGE))
    npm = shutil.which("npm")
    install = [npm or "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = npm and subprocess.run(install, cwd=folder, capture_output=True, timeout=300, check=False).returncode == 0
    if not done and os.environ.get("CI"):
        pytest.fail("npm cannot install @whop/mcp")
    if not done:
        pytest.skip("npm cannot install @whop/mcp here")
    return f"node {folder / 'node_modules/@whop/mcp/index.js'}"


def test_it_is_asked_in_full_and_found_to_be_behind(command: str, tmp_path: Path) -> None:
    contract, file = load(), tmp_path / "report.json"
    with embedded(contract) as simulator:
        os.environ["WHOP_API_KEY"], os.environ["WHOP_COMPANY_ID"] = simulator.api_key, simulator.company_id
        try:
            code = main(["mcp", "--stdio", command, "--target", simulator.base_url, "--json", str(file)])
            # The key leaves the environment before the command starts.
            assert "WHOP_API_KEY" not in os.environ
        finally:
            os.environ.pop("WHOP_API_KEY", None)
            del os.environ["WHOP_COMPANY_ID"]
        asked = simulator.requests
    report = json.loads(file.read_text())
    states = {
        state: sum(row["state"] == state for row in report["operations"]) for state in ("verified", "not-covered")
    }
    assert code == 1
    assert set(asked) == {"GET"}
    assert states["verified"] >= 40
    assert states["not-covered"] >= 38
    checks = {finding["check"] for finding in report["findings"]}
    assert checks == {"mcp-tools"}
    # What its own release note says of the releases after it: filters by date, a currency, and a free form of tokens.
    found = {(finding["operation"], finding["location"], finding["class"]) for finding in report["findings"]}
    assert ("mcp:list_plans", "param:created_after", "D6") in found
    assert ("mcp:create_access_tokens", "param:scoped_actions", "D3") in found
    assert ("mcp:create_plans", "param:currency", "D10") in found
