"""What is found in the lists and writes of the newest edition if their responses are altered, as `findings.txt` has it.

After a change on purpose: `python -m tests.oracle.test_findings` writes it anew; read the diff.
"""

from __future__ import annotations

from pathlib import Path

from tests.checks.altered import findings, recorded
from whopwatch.contract import load

FILE = Path(__file__).with_name("findings.txt")
SELECTED = ("plans.list", "plans.retrieve", "plans.create", "plans.update", "plans.delete")


def found() -> list[str]:
    contract = load("newest")
    return list(findings(contract, recorded(contract, SELECTED, 5, 200), often=5, seldom=50))


def test_what_is_found_in_altered_lists_and_writes() -> None:
    assert found() == FILE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in found()), encoding="utf-8")
