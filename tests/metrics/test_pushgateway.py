"""Metrics of finished runs, pushed to a Pushgateway."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest

from tests.history.factories import report, tracked
from tests.local_http import LocalHandler, running
from whopwatch.cli._support.metrics import Metrics
from whopwatch.core.errors import UsageError
from whopwatch.metrics.runs import DRIFT_JOB, drift_metrics, push_metrics, url_without_credentials


class Gateway(HTTPServer):
    status = 200

    def __init__(self) -> None:
        self.pushed: list[tuple[str, str, str]] = []
        super().__init__(("127.0.0.1", 0), Taker)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Taker(LocalHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.pushed.append((self.command, self.path, body))
        self.send_response(self.server.status)
        self.end_headers()

    do_PUT = do_POST


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running(Gateway()) as server:
        yield server


@pytest.mark.parametrize(("replaces_all", "method"), [(True, "PUT"), (False, "POST")])
def test_a_run_that_could_check_replaces_all_metrics_of_its_job(
    gateway: Gateway, replaces_all: bool, method: str
) -> None:
    """A fixed finding has no series any more, and a Pushgateway keeps every series that is not replaced."""
    push_metrics(
        drift_metrics(report(tracked()), {}, 5.0), gateway.url, DRIFT_JOB, {"shard": "1"}, replace_all=replaces_all
    )
    ((command, path, body),) = gateway.pushed
    assert (command, path) == (method, "/metrics/job/whopwatch-drift/shard/1")
    assert "drift_findings" in body


def test_an_error_of_the_gateway_is_reported(gateway: Gateway) -> None:
    gateway.status = 500
    with pytest.raises(UsageError, match="Cannot push metrics to") as caught:
        push_metrics(drift_metrics(report(), {}, 5.0), gateway.url, DRIFT_JOB, {}, replace_all=True)
    assert "HTTP 500" in str(caught.value)
    with pytest.raises(UsageError, match="Cannot push metrics to"):
        push_metrics(drift_metrics(report(), {}, 5.0), "http://127.0.0.1:1", DRIFT_JOB, {}, replace_all=True)


def test_secret_parts_of_a_url_are_not_shown() -> None:
    assert url_without_credentials("https://me:password@push.example:9091/x?token=1") == "https://push.example:9091"


def test_a_pushgateway_that_is_down_does_not_hide_the_verdict(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    metrics = Metrics(tmp_path / "w.prom", "http://127.0.0.1:1", {})
    metrics.send(DRIFT_JOB, report(), drift_metrics(report(), {}, 5.0))
    assert "warning: Cannot push metrics to http://127.0.0.1:1: connection refused." in capsys.readouterr().err
    assert 'whop_metrics_push_success{push_job="whopwatch-drift"} 0.0' in (tmp_path / "w.prom").read_text().splitlines()
