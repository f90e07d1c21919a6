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


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "sends" in case])
def test_what_the_code_sends_is_found(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    profile = scan_files(tmp_path, {case["file"]: case["code"]})
    found = {
        operation: {one for one in use.fields if one.startswith(("param:", "body:"))}
        for operation, use in profile.operations.items()
    }
    assert found == {operation: set(fields) for operation, fields in case["sends"].items()}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "reads" in case])
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


@pytest.mark.parametrize(
    "files",
    [
        {
            "lib.py": """def load(client):
    found = client.payments.retrieve("x")
    return found.status


class Report:
    def __init__(self, payment):
        self.payment = payment

    @property
    def currency(self):
        return self.payment.currency
""",
            "app.py": """from whop_sdk import Whop
from lib import load, Report
print(load(Whop()), Report(Whop().payments.retrieve("x")).currency)
""",
        },
        {
            "lib.ts": """export function load(client) {
    return client.payments.retrieve("x").then(one => one.status);
}


export class Report {
    constructor(payment) {
        this.payment = payment;
    }
    get currency() {
        /* not cached */
        return this.payment.currency; }
}
""",
            "app.ts": """import Whop from "@whop/sdk";
import { load, Report } from "./lib";
print(load(new Whop()), new Report(new Whop().payments.retrieve("x")).currency);
""",
        },
    ],
)
def test_places_are_in_the_file_of_the_function_that_reads(tmp_path: Path, files: dict[str, str]) -> None:
    library, caller = files
    use = scan_files(tmp_path, files).operations["payments.retrieve"]
    folder = tmp_path.as_posix()
    places = {field: [one.removeprefix(f"{folder}/") for one in use.fields[field].places] for field in use.fields}
    lines = files[library].splitlines()
    for field in ("status", "currency"):
        (at,) = [number for number, line in enumerate(lines, 1) if line.strip().startswith("return") and field in line]
        assert places[f"/{field}"] == [f"{library}:{at}"]
    sent = next(number for number, line in enumerate(lines, 1) if "retrieve" in line)
    assert {one.removeprefix(f"{folder}/") for one in use.places} == {f"{library}:{sent}", f"{caller}:3"}
