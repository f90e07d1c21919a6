"""What the checks find in a run whose responses are altered, as `findings.txt` has it.

After a change on purpose: `python -m tests.checks.test_findings` writes it anew; read the diff.
"""

from __future__ import annotations

from pathlib import Path

from tests.checks.altered import findings, recorded
from whopwatch.contract import load

FILE = Path(__file__).with_name("findings.txt")
SELECTED = (
    "products.list", "products.retrieve", "reviews.retrieve", "promo_codes.create", "promo_codes.delete",
    "promo_codes.list", "promo_codes.retrieve",
)  # fmt: skip


def found() -> list[str]:
    contract = load()
    return list(findings(contract, recorded(contract, SELECTED, 3, 300), often=5, seldom=14))


def test_what_is_found_in_altered_responses() -> None:
    assert found() == FILE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in found()), encoding="utf-8")
