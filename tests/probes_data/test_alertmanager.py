"""The Alertmanager example routes by urgency, mutes only what another alert explains, and notifies a receiver."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.probes_data.conftest import ROOT, Run, missing
from tests.probes_data.rules import ALERTS, load

RECEIVER = ROOT / "probes" / "alertmanager" / "receiver.py"
ALERT = {
    "status": "firing",
    "labels": {"alertname": "WhopApiDown", "severity": "page", "location": "eu"},
    "annotations": {"summary": "more than half\nfail\x1b[2J"},
}


@pytest.fixture
def configuration(probes: Path) -> Path:
    return probes / "alertmanager" / "alertmanager.yaml"


def test_alertmanager_accepts_the_configuration(run: Run, configuration: Path) -> None:
    assert "SUCCESS" in run("amtool", "check-config", configuration)


@pytest.mark.parametrize("alert", ALERTS)
def test_pages_go_to_the_pager_and_tickets_do_not(run: Run, configuration: Path, alert: str) -> None:
    severity = ALERTS[alert]["labels"]["severity"]
    labels = (f"alertname={alert}", f"severity={severity}")
    printed = run("amtool", "config", "routes", "test", f"--config.file={configuration}", *labels)
    assert printed.splitlines()[-1] == {"page": "pager", "ticket": "tickets"}[severity]


def _matched(matchers: list[str]) -> set[str]:
    """Return the alerts that a list of alertname matchers selects. Every matcher must select some."""
    chosen = set(ALERTS)
    for matcher in matchers:
        found = re.fullmatch(r'alertname(=~|=)"(.+)"', matcher)
        assert found, f"{matcher} is no matcher of alert names"
        pattern = found[2] if found[1] == "=~" else re.escape(found[2])
        chosen &= {alert for alert in ALERTS if re.fullmatch(pattern, alert)}
    return chosen


def test_inhibition_names_alerts_that_exist_and_never_mutes_its_own_source(configuration: Path) -> None:
    for rule in load(configuration)["inhibit_rules"]:
        source, target = _matched(rule["source_matchers"]), _matched(rule["target_matchers"])
        assert source, rule
        assert target, rule
        assert not source & target


def test_no_two_alerts_mute_each_other(configuration: Path) -> None:
    mutes = {
        (source, target)
        for rule in load(configuration)["inhibit_rules"]
        for source in _matched(rule["source_matchers"])
        for target in _matched(rule["target_matchers"])
    }
    assert not [pair for pair in mutes if pair[::-1] in mutes]


def test_a_page_is_never_muted_by_a_ticket(configuration: Path) -> None:
    for rule in load(configuration)["inhibit_rules"]:
        urgent = [alert for alert in _matched(rule["target_matchers"]) if ALERTS[alert]["labels"]["severity"] == "page"]
        sources = {ALERTS[alert]["labels"]["severity"] for alert in _matched(rule["source_matchers"])}
        assert not urgent or sources == {"page"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def post(port: int, path: str, body: bytes, length: str | None = None) -> int:
    """Return the status of a POST, which is repeated while nothing listens."""
    for _ in range(200):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(
                "POST", path, body, {"Content-Length": length or str(len(body)), "Content-Type": "application/json"}
            )
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail(f"nothing listens on port {port}")


@pytest.fixture
def receiver() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Start the receiver; yield its port and its process."""
    port = free_port()
    command = [sys.executable, "-I", str(RECEIVER), "127.0.0.1", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield port, process
        process.kill()


def test_the_receivers_are_a_service_that_listens_there(configuration: Path, probes: Path) -> None:
    services = load(probes / "deploy" / "compose.yaml")["services"]
    urls = [hook["url"] for one in load(configuration)["receivers"] for hook in one["webhook_configs"]]
    assert len(urls) == 2
    places = {tuple(re.fullmatch(r"http://(\w+):(\d+)/\w+", url).groups()) for url in urls}  # type: ignore[union-attr]
    assert places == {("receiver", services["receiver"]["entrypoint"][-1])}
    script = services["receiver"]["entrypoint"][1]
    (mount,) = services["receiver"]["volumes"]
    source, target, _ = mount.split(":")
    assert script.startswith(target)
    assert (probes / "deploy" / source / Path(script).name).resolve() == RECEIVER


@pytest.mark.thorough
def test_the_receiver_prints_alerts_and_rejects_everything_else(receiver: tuple[int, subprocess.Popen[str]]) -> None:
    port, process = receiver
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"alerts": 5}',
        b'{"alerts": [5]}',
        b'{"alerts": [{"labels": {}}]}',
        b"[" * 100_000,
    ):
        assert post(port, "/page", body) == 400
    assert post(port, "/page", b"{}", str(1 << 40)) == 413
    assert post(port, "/page", b"{}", "-1") == 411
    assert post(port, "/page", json.dumps({"alerts": [ALERT]}).encode()) == 204
    assert process.stdout is not None
    assert process.stdout.readline() == "FIRING page WhopApiDown eu: more than half?fail?[2J\n"


@pytest.mark.thorough
def test_alertmanager_notifies_the_receiver(
    receiver: tuple[int, subprocess.Popen[str]], configuration: Path, tmp_path: Path
) -> None:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        missing("prometheus-alertmanager")
    text = configuration.read_text(encoding="utf-8").replace("receiver:9095", f"127.0.0.1:{receiver[0]}")
    (tmp_path / "alertmanager.yaml").write_text(text.replace("group_wait: 10s", "group_wait: 0s"), encoding="utf-8")
    port = free_port()
    command = [
        *(str(program), "--config.file=alertmanager.yaml", "--storage.path=data"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="),
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as manager:
        try:
            alert = {name: ALERT[name] for name in ("labels", "annotations")}
            assert post(port, "/api/v2/alerts", json.dumps([alert]).encode()) == 200
            assert receiver[1].stdout is not None
            assert receiver[1].stdout.readline().startswith("FIRING page WhopApiDown eu: more than half")
        finally:
            manager.kill()
