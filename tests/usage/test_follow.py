"""Which fields code reads, for each way in which code hands data on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from whopwatch.contract import load
from whopwatch.usage.profile import Certainty, Profile
from whopwatch.usage.scan import scan

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("follow_cases.yaml").read_text(encoding="utf-8")
)


def scan_files(folder: Path, files: dict[str, str]) -> Profile:
    for name, code in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code, encoding="utf-8")
    return scan([folder], load())


def with_parents(fields: set[str]) -> set[str]:
    """Return locations with those of the pages and objects that contain them: these may be read, too."""
    parts = [field.split("/") for field in fields]
    return {"/".join(steps[:length]) for steps in parts for length in range(2, len(steps) + 1)} | {"/data"}


@pytest.mark.parametrize("name", CASES)
def test_what_the_code_reads_is_found(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    profile = scan_files(tmp_path, case.get("files") or {case["file"]: case["code"]})
    assert profile.operations.keys() == case["reads"].keys()
    for operation, expected in case["reads"].items():
        use = profile.operations[operation]
        seen = {one for one, field in use.fields.items() if one[0] == "/" and field.certainty is Certainty.SEEN}
        wanted = {field for field in expected if field != "*"}
        assert wanted <= seen
        assert seen <= with_parents(wanted)
        assert use.read_whole or "*" not in expected
