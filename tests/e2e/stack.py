"""Simulator, prober, Prometheus and Alertmanager as processes on loopback, with the shipped rules."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.e2e.receiver import Receiver
from tests.e2e.scaled import read, write

ROOT = Path(__file__).parents[2]
DATA = ROOT / "probes"
KEY = "company_simulated_for_alerts"
OPERATIONS = (
    "products.list",
    "products.retrieve",
    "plans.list",
    "payments.list",
    "memberships.list",
    "members.list",
    "companies.retrieve",
    "invoices.list",
)
PROBES = f"""
[budget]
requests_per_minute = 6000
[defaults]
interval = "1s"
timeout = "900ms"
recheck = "1s"
latency_threshold = "250ms"
[[probes]]
operations = {json.dumps(OPERATIONS)}
[[probes]]
operations = ["memberships.list"]
interval = "2s"
timeout = "1900ms"
"""
PROGRAMS = ("prometheus", "prometheus-alertmanager")


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]
        return port


class Stack:
    """All processes, with their files in `folder`. `close` ends them."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self._folder = folder
        self._receiver = receiver
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: free_port() for name in ("simulator", "prober", "prometheus", "alertmanager")}
        (folder / "probes.toml").write_text(PROBES, encoding="utf-8")
        self._company = ""

    def start(self) -> None:
        """Start everything, and return when Prometheus has a successful probe of every operation.

        Prometheus takes up to 5 s to find its targets and alerts on missing targets until then, so Alertmanager starts
        last.
        """
        self.start_simulator()
        self.start_prober()
        self._start_prometheus()
        self.wait_until(lambda: len(self.query("whop_probe_success == 1")) == len(OPERATIONS), 240)
        self.wait_until(lambda: not self.firing(), 240)
        self._start_alertmanager()

    def close(self) -> None:
        """End every process."""
        for name in list(self._processes):
            self.kill(name)

    def start_simulator(self) -> None:
        """Start the simulator with its control endpoint."""
        arguments = ["simulate", "--port", self._port("simulator"), "--api-key", KEY, "--control"]
        process = self._start("simulator", [sys.executable, "-m", "whopwatch", *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        self._control, self._company = ready["control_url"], ready["company_id"]

    def start_prober(self) -> None:
        """Start a prober of the simulator."""
        target = f"http://127.0.0.1:{self._port('simulator')}/api/v1"
        arguments = ["--target", target, "--config", str(self._folder / "probes.toml")]
        listen = ["--listen", f"127.0.0.1:{self._port('prober')}"]
        environ = {**os.environ, "WHOP_API_KEY": KEY, "WHOP_COMPANY_ID": self._company}
        self._start("prober", [sys.executable, "-m", "whopwatch", "probe", *arguments, *listen], env=environ)

    def switch(self, faults: Sequence[str]) -> None:
        """Enable exactly these faults in the simulator."""
        body = json.dumps({"faults": list(faults)}).encode()
        request = urllib.request.Request(self._control, body, {"content-type": "application/json"}, method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def kill(self, name: str) -> None:
        """Kill a process, as a power failure would."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()

    def query(self, expression: str) -> list[Any]:
        """Return the current result of a query; empty if Prometheus does not respond."""
        url = f"http://127.0.0.1:{self._port('prometheus')}/api/v1/query?query={urllib.request.quote(expression)}"  # type: ignore[attr-defined]
        with suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
            return found
        return []

    def firing(self) -> set[str]:
        """Return the names of the pending and firing alerts."""
        return {result["metric"]["alertname"] for result in self.query("ALERTS")}

    def wait_until(self, holds: Any, seconds: float) -> None:
        """Return when `holds()` is true; fail after `seconds`."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds:.0f} s; firing: {sorted(self.firing())}"
            time.sleep(0.2)

    def _start_alertmanager(self) -> None:
        config = read(DATA / "alertmanager" / "alertmanager.yaml")
        for receiver in config["receivers"]:
            for webhook in receiver["webhook_configs"]:
                webhook["url"] = f"{self._receiver.url}/{webhook['url'].rpartition('/')[2]}"
        program = shutil.which("prometheus-alertmanager") or "alertmanager"
        file = write(self._folder / "alertmanager.yaml", config)
        options = [
            f"--config.file={file}",
            f"--storage.path={self._folder / 'alertmanager'}",
            "--cluster.listen-address=",
        ]
        listen = f"--web.listen-address=127.0.0.1:{self._port('alertmanager')}"
        self._start("alertmanager", [program, *options, listen, "--log.level=error"])

    def _start_prometheus(self) -> None:
        config = read(DATA / "prometheus" / "prometheus.yaml")
        rules = self._folder / "rules"
        rules.mkdir()
        for file in (DATA / "prometheus" / "rules").glob("*.yaml"):
            write(rules / file.name, read(file))
        target = {"targets": [f"127.0.0.1:{self._port('prober')}"], "labels": {"location": "here"}}
        config["rule_files"] = [f"{rules}/*.yaml"]
        config["alerting"]["alertmanagers"] = [
            {"static_configs": [{"targets": [f"127.0.0.1:{self._port('alertmanager')}"]}]}
        ]
        config["scrape_configs"] = [{"job_name": "whopwatch", "static_configs": [target]}]
        file = write(self._folder / "prometheus.yaml", config)
        options = [f"--config.file={file}", f"--storage.tsdb.path={self._folder / 'tsdb'}", "--log.level=error"]
        listen = f"--web.listen-address=127.0.0.1:{self._port('prometheus')}"
        fast = [
            "--rules.alert.resend-delay=1s",
            "--rules.alert.for-grace-period=1s",
            "--rules.alert.for-outage-tolerance=1s",
        ]
        self._start("prometheus", ["prometheus", *options, listen, *fast])

    def _start(self, name: str, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{name}.log").open("ab")
        with log:
            process = subprocess.Popen(command, cwd=self._folder, stderr=log, **{"stdout": log, **options})
        self._processes[name] = process
        return process

    def _port(self, name: str) -> str:
        return str(self._ports[name])
