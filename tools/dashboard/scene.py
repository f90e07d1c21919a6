"""Take docs/dashboard.png: run whopwatch at a simulator that breaks, with Prometheus, and photograph the dashboard.

    python tools/dashboard/scene.py docs/dashboard.png

Takes 11 minutes. Needs `prometheus` and `whopwatch` on the PATH, and what README.md in this folder names.
"""

# ruff: noqa: S603, S607 - it starts programs by name, with arguments of its own

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "probes" / "prometheus" / "rules"
PROBER, RECEIVER, RECEIVER_METRICS, PROMETHEUS, HANDLER = (f"127.0.0.1:{port}" for port in range(18460, 18465))
SECONDS = 630
SCRAPE_SECONDS = 5

FAULTS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (120, ("field-missing@products.list", "slow@memberships.list")),
    (200, ("fails-500@payments.list", "delivery-field-missing@webhook:payment.succeeded", "enum-value-new@plans.list")),
    (
        420,
        (
            "-fails-500@payments.list",
            "fails-now-and-then@invoices.list",
            "delivery-enum-unknown@webhook:membership.activated",
        ),
    ),
    (450, ("-slow@memberships.list", "delivery-other-secret@webhook:refund.created", "id-missing@members.list")),
)
"""Faults by the second at which they begin; with a minus they end."""
NIGHTS = (20, 150, 270, 480)
"""Seconds at which a nightly run begins."""
REFUSED_SECONDS = 20
"""The receiver gets every sample once in this interval, also the wrong ones that it has to refuse."""

PROBES = """
[defaults]
interval = "60s"
recheck = "5s"
latency_threshold = "500ms"

[[probes]]
gets = true

[[probes]]
operations = ["products.list", "payments.list", "plans.list", "invoices.list", "memberships.list", "members.list"]
interval = "10s"

[mcp]
url = "{mcp_url}"
interval = "60s"
calls = 20
"""
SCRAPES = """
global: {{scrape_interval: {seconds}s, evaluation_interval: {seconds}s}}
rule_files: ["{rules}/*.yaml"]
scrape_configs:
  - job_name: whopwatch
    static_configs: [{{targets: ["{prober}"], labels: {{location: local}}}}]
  - job_name: whopwatch-webhooks
    static_configs: [{{targets: ["{receiver}"], labels: {{location: local}}}}]
  - job_name: whopwatch-drift
    static_configs: [{{targets: ["{nightly}"]}}]
"""
CODE = """from whop_sdk import Whop

for product in Whop().products.list(company_id="biz_x"):
    print(product.title, product.route)
"""


class Neighbour(BaseHTTPRequestHandler):
    """The user's webhook handler, which fails at every eighth delivery, and the page with the metrics of the nights."""

    nightly: Path
    deliveries = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Neighbour.deliveries += 1
        self.respond(500 if Neighbour.deliveries % 8 == 0 else 200, b"")

    def do_GET(self) -> None:
        self.respond(200, self.nightly.read_bytes() if self.nightly.exists() else b"")

    def respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print no line for each request."""


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Start everything; yields the control URL of the simulator and the command of a nightly run."""
    with contextlib.ExitStack() as running:

        def start(*command: str, stdout: int | None = None) -> subprocess.Popen[str]:
            log = running.enter_context((folder / "log.txt").open("a"))
            process = subprocess.Popen(command, stdout=stdout, stderr=log, text=True)
            running.callback(process.wait)
            running.callback(process.terminate)
            return process

        os.environ["WHOP_WEBHOOK_SECRET"] = "ws_" + "5c" * 20
        Neighbour.nightly = folder / "nightly.prom"
        host, port = HANDLER.split(":")
        server = ThreadingHTTPServer((host, int(port)), Neighbour)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hooks = ("--webhook-url", f"http://{RECEIVER}/", "--webhook-every", "1")
        printed = start("whopwatch", "simulate", "--control", *hooks, stdout=subprocess.PIPE).stdout
        assert printed is not None
        simulator = json.loads(printed.readline())
        os.environ |= {"WHOP_API_KEY": simulator["api_key"], "WHOP_COMPANY_ID": simulator["company_id"]}

        usage, probes, prometheus = folder / "usage.json", folder / "probes.toml", folder / "prometheus.yaml"
        (folder / "shop.py").write_text(CODE)
        subprocess.run(("whopwatch", "usage", str(folder / "shop.py"), "-o", str(usage)), check=True)
        probes.write_text(PROBES.format_map(simulator))
        prometheus.write_text(
            SCRAPES.format(
                seconds=SCRAPE_SECONDS, rules=RULES.resolve(), prober=PROBER, receiver=RECEIVER_METRICS, nightly=HANDLER
            )
        )
        target = ("--target", simulator["base_url"], "--usage", str(usage))
        start("whopwatch", "probe", *target, "--config", str(probes), "--listen", PROBER)
        start(
            "whopwatch",
            "webhook",
            "listen",
            "-q",
            "--listen",
            RECEIVER,
            "--metrics",
            RECEIVER_METRICS,
            "--forward",
            f"http://{HANDLER}/",
        )
        start(
            "prometheus",
            f"--config.file={prometheus}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={PROMETHEUS}",
        )
        drift = (
            "whopwatch",
            "drift",
            "-q",
            *target,
            "--resource",
            "products,payments,plans,members",
            "--baseline",
            str(folder / "baseline.sqlite"),
            "--report-dir",
            str(folder),
            "--textfile",
            str(Neighbour.nightly),
        )
        yield simulator["control_url"], drift


def play(control_url: str, drift: tuple[str, ...]) -> None:
    """Switch the faults, run the nights and send the samples, each when it is due."""
    send = ("whopwatch", "webhook", "send", "payment.succeeded", "--to", f"http://{RECEIVER}/", "--case", "all")
    due: list[tuple[int, tuple[str, ...], bool]] = [(at, changes, True) for at, changes in FAULTS]
    due += [(at, drift, False) for at in NIGHTS]
    due += [(at, send, False) for at in range(REFUSED_SECONDS, SECONDS, REFUSED_SECONDS)]
    faults: set[str] = set()
    begin = time.monotonic()
    for at, what, is_change in sorted(due):
        time.sleep(max(0.0, begin + at - time.monotonic()))
        if not is_change:
            subprocess.Popen(what, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            continue
        faults |= {change for change in what if change[0] != "-"}
        faults -= {change[1:] for change in what if change[0] == "-"}
        httpx.put(control_url, json={"faults": sorted(faults)}).raise_for_status()
        print(f"{at} s: {', '.join(what)}", flush=True)
    time.sleep(max(0.0, begin + SECONDS - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, help="keep the configuration, the log and the data of Prometheus here")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything that runs is stopped
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        with scene(folder) as (control_url, drift):
            play(control_url, drift)
            shot = ("node", str(HERE / "shot.mjs"), "--prometheus", f"http://{PROMETHEUS}", "--out", str(options.out))
            hours, rate = str(SECONDS / 3600), str(4 * SCRAPE_SECONDS)
            subprocess.run(
                (*shot, "--theme", "light", "--width", "1400", "--expand", "--hours", hours, "--rate-interval", rate),
                check=True,
            )


if __name__ == "__main__":
    main()
