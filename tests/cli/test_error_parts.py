"""Every error of the command line says what is wrong, where, what was expected or found, and what to do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from whopwatch.cli import main

FILES = {
    "bad.json": '{"a": 1}',
    "bad.txt": "nonsense",
    "broken.toml": "x = [",
    "unknown.toml": '[targets.p]\nbase_url = "http://127.0.0.1:1/api/v1"\nfoo = 1\n',
    "twice.toml": '[[companies]]\nname = "a"\n[[companies]]\nname = "a"\n',
    "no_url.toml": "[targets.p]\nrate = 3\n",
}
LINES = """
check --budgt 3
check --budget 0
check --budget x
check --rate 0
check --rate x
check --max-time x
check --max-time -5
check --max-failures 0
check --seed x
check --only produts.list
check --only ,
check --resource produts
check --exclude nothing.*
check --operation nothing.*
check --fault nope
check --fault enum-value-new@produts.list
check --target prodction
check --target ftp://x
check --config none.toml
check --config broken.toml
check --config unknown.toml
check --config no_url.toml
check --contract nope
check --contract bad.json
check --api-version yesterday
check --fail-on sometimes
check --replay none.har
check --replay bad.txt
check --replay bad.json
check --json none/x.json
check --html .
check --usage none.json
check --usage bad.json
check --accepted none.yaml
check --accepted bad.txt
drift --baseline bad.txt
drift --baseline none/y.sqlite
drift --targets none.toml
drift --targets twice.toml
drift --targets broken.toml
drift --pushgateway nothttp
drift --textfile none/x.prom
report
report none.json
report bad.json
report bad.txt
accept
accept --reason x
accept abc --reason x
accept 0123456789ab --reason x --until yesterday
accept 0123456789ab --reason x --until 2020-01-01
accept 0123456789ab --reason ''
faults --for produts.list
faults --for
faults --class D99
diff
diff nope 2026-10-15-1
diff bad.txt 2026-10-15-1
contract show produts.list
contract export -o none/x
contract frobnicate
contract verify --facts none
probe --config none.toml
probe --config unknown.toml
probe --json x.json
probe --shard 3/2
probe --listen nowhere
probe --listen 127.0.0.1:99999
simulate --port 99999
simulate --items -1
simulate --fault nope
simulate --host 300.1.1.1
simulate --webhook-url ftp://x
simulate --webhook-every 3
webhook verify none.json --headers bad.json
webhook verify bad.json
webhook send
webhook send payment.succeded --to http://127.0.0.1:1
webhook send payment.succeeded
webhook send payment.succeeded --to nowhere
webhook listen --listen nowhere
mcp nocommand
mcp http://127.0.0.1:1/mcp --stdio x
sdk --lock none.json
upgrade --from 2020-01-01
upgrade --from 2025-01-01 --to 2026-10-15-1 --code none
upgrade --from 2025-01-01 --to 2020-01-01 --code .
usage none
fields none
fields . --baseline none.sqlite
completion tcsh
baseline export none
baseline import none.json
frobnicate
--colour always
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, content in FILES.items():
        Path(name).write_text(content)


def parts(error: str) -> dict[str, str]:
    first, *others = error[error.index("Error: ") :].splitlines()
    return {"what": first.removeprefix("Error: "), **dict(line.strip().partition(": ")[::2] for line in others)}


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_an_error_has_all_its_parts(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)) == 2
    found = parts(capsys.readouterr().err)
    assert found.keys() >= {"what", "where", "what to do"}
    # The parser quotes an unknown name in its first line.
    assert "expected" in found or "got" in found or re.search(r"'|--|\(", found["what"])
    assert all(found.values())


VARIABLES = {
    "WHOP_COMPANY_ID": "company 1",
    "WHOP_API_VERSION_DATE": "tomorrow",
    "WHOP_BASE_URL": "foo",
    "WHOP_API_KEY_FILE": "none",
}


@pytest.mark.parametrize("name", VARIABLES)
def test_an_error_of_a_variable_has_all_its_parts(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, VARIABLES[name])
    assert main(["check", *(() if name == "WHOP_BASE_URL" else ("--target", "http://127.0.0.1:1"))]) == 2
    found = parts(capsys.readouterr().err)
    assert name in found["where"]
    assert found.keys() >= {"what", "where", "expected", "what to do"}


def test_a_refused_connection_has_a_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--target", "http://127.0.0.1:1"]) == 3
    words = " ".join(capsys.readouterr().out.split())
    assert "connection refused. Check the base URL, and that the API runs there." in words


def test_versions_of_a_target_that_does_not_run_are_no_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "--target", "http://127.0.0.1:1"]) == 3
    assert "COULD NOT CHECK   The target cannot be reached: connection refused. Check" in capsys.readouterr().out
