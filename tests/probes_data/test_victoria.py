"""The same rules in VictoriaMetrics: for a lost prober and a lost shard, vmalert raises what Prometheus does."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.probes_data.conftest import Run, missing
from tests.probes_data.rules import PROMETHEUS, load

BEGIN = 1_750_000_000
"""Time of the first sample, in Unix time. Samples are a minute apart."""
MINUTES = 12


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """Run an empty VictoriaMetrics on a free port, and yield its URL."""
    if shutil.which("victoria-metrics") is None:
        missing("victoria-metrics")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    command = [
        "victoria-metrics",
        f"-storageDataPath={tmp_path}",
        f"-httpListenAddr={address}",
        "-retentionPeriod=100y",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                ask(f"http://{address}/health")
                break
            except urllib.error.URLError:
                assert process.poll() is None, "VictoriaMetrics ended"
                assert time.monotonic() < deadline, "VictoriaMetrics does not respond"
                time.sleep(0.1)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def ask(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, body, timeout=10) as answer:
        found: bytes = answer.read()
        return found


def series(name: str, instance: str, values: list[int]) -> bytes:
    """Return one series in VictoriaMetrics' import format."""
    labels = {"__name__": name, "job": "whopwatch", "instance": instance, "location": "eu"}
    times = [(BEGIN + 60 * minute) * 1000 for minute in range(len(values))]
    return json.dumps({"metric": labels, "values": values, "timestamps": times}).encode()


def without_descriptions(folder: Path) -> Path:
    """Return the prober's rules without descriptions, whose queries a replay cannot run."""
    rules = load(PROMETHEUS / "rules" / "prober.yaml")
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        del rule["annotations"]["description"]
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return path


def test_vmalert_raises_the_alerts_of_a_lost_prober_and_shard(run: Run, database: str, tmp_path: Path) -> None:
    lost = 4
    samples = [
        series("up", "a:9464", [1] * MINUTES),
        series("up", "b:9464", [1] * lost + [0] * (MINUTES - lost)),
        series("whop_prober_shards", "a:9464", [2] * MINUTES),
        series("whop_prober_shards", "b:9464", [2] * lost),
        series("whop_prober_shard_index", "a:9464", [0] * MINUTES),
        series("whop_prober_shard_index", "b:9464", [1] * lost),
    ]
    ask(f"{database}/api/v1/import", b"\n".join(samples))
    ask(f"{database}/internal/force_flush")
    first, last = (datetime.fromtimestamp(BEGIN + 60 * minute, UTC).isoformat() for minute in (0, MINUTES - 1))
    replay = [f"-replay.timeFrom={first}", f"-replay.timeTo={last}", "-replay.disableProgressBar"]
    places = [
        f"-datasource.url={database}",
        f"-remoteWrite.url={database}",
        "-replay.rulesDelay=0s",
        "-datasource.queryStep=30s",
    ]
    run("vmalert", f"-rule={without_descriptions(tmp_path)}", "-evaluationInterval=30s", *replay, *places)
    ask(f"{database}/internal/force_flush")
    query = urllib.parse.urlencode({"match[]": 'ALERTS{alertstate="firing"}', "start": BEGIN, "end": BEGIN + 3600})
    told = [alert["metric"] for alert in map(json.loads, ask(f"{database}/api/v1/export?{query}").splitlines())]
    assert {alert["alertname"] for alert in told} == {"WhopProberDown", "WhopShardMissing"}
    assert {alert.get("instance") for alert in told} == {"b:9464", None}
