"""The traces of `whopwatch check`, `drift` and `probe --once`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.telemetry.receiver import Receiver, attributes, receiving
from whopwatch.cli import main
from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.simulator import embedded
from whopwatch.telemetry import Signal, wants
from whopwatch.telemetry.spans import HeadersOnly, error_type

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Receiver]:
    monkeypatch.chdir(tmp_path)
    with receiving() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        yield receiver


def run_of(spans: list[Span]) -> tuple[Span, list[Span]]:
    """Return the span of the run and those of its requests."""
    (root,) = [span for span in spans if not span.parent_span_id]
    children = [span for span in spans if span.parent_span_id == root.span_id]
    assert len(children) == len(spans) - 1
    assert {span.trace_id for span in spans} == {root.trace_id}
    return root, children


def test_a_check_is_a_span_with_one_child_for_each_request(
    collector: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--resource", "products", "--budget", "40", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    root, children = run_of(collector.spans)
    assert (root.name, root.kind) == ("whopwatch check", Span.SPAN_KIND_INTERNAL)
    assert attributes(root)["whopwatch.verdict"] == report["verdict"] == "clean"
    assert len(children) == report["requests"]["sent"] > 3
    retrieve = next(span for span in children if attributes(span)["whopwatch.operation"] == "products.retrieve")
    assert (retrieve.name, retrieve.kind) == ("GET /api/v1/products/{id}", Span.SPAN_KIND_CLIENT)
    facts = attributes(retrieve)
    assert facts["http.request.method"] == "GET"
    assert facts["url.template"] == "/api/v1/products/{id}"
    assert facts["http.response.status_code"] == 200
    assert facts["server.address"] == "127.0.0.1"
    assert facts["url.full"] == f"http://127.0.0.1:{facts['server.port']}/api/v1/products/REDACTED"
    assert root.start_time_unix_nano <= retrieve.start_time_unix_nano < retrieve.end_time_unix_nano


def test_requests_that_must_be_refused_are_no_errors(collector: Receiver) -> None:
    main(["check", "--resource", "products", "--budget", "60"])
    _, children = run_of(collector.spans)
    refused = [span for span in children if attributes(span)["http.response.status_code"] >= 400]
    assert refused
    assert all(span.status.code == Status.STATUS_CODE_UNSET for span in refused)
    assert all("error.type" not in attributes(span) for span in refused)


@pytest.mark.parametrize(
    ("purpose", "status", "failure", "expected"),
    [
        (Purpose.LIST, 200, None, None),
        (Purpose.LIST, 404, None, "404"),
        (Purpose.UNKNOWN_ID, 404, None, None),
        (Purpose.UNKNOWN_ID, 500, None, "500"),
        (Purpose.LIST, None, Failure.READ_TIMEOUT, "read-timeout"),
    ],
)
def test_error_types(purpose: Purpose, status: int | None, failure: Failure | None, expected: str | None) -> None:
    exchange = Exchange("products.list", purpose, "GET", "https://x.example/", status=status, failure=failure)
    assert error_type(exchange) == expected


def test_nothing_secret_or_personal_is_exported(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded(faults=["field-missing@products.list"]) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        assert main(["check", "--target", simulator.base_url, "--resource", "products,members"]) == 1
    sent = b"".join(collector.bodies["/v1/traces"])
    for unwanted in (simulator.api_key, simulator.company_id, "prod_", "mber_", "biz_", "company_id=", "Bearer"):
        assert unwanted.encode() not in sent
    root, _ = run_of(collector.spans)
    assert root.status.code == Status.STATUS_CODE_ERROR
    (event,) = root.events
    assert attributes(event)["whopwatch.class"] == "required-field-removed"
    assert attributes(event)["whopwatch.operation"] == "products.list"


def test_a_night_and_a_round_of_probes_are_traced(collector: Receiver, tmp_path: Path) -> None:
    assert main(["drift", "--resource", "products", "--budget", "60"]) == 0
    config = tmp_path / "probes.toml"
    config.write_text('[[probes]]\noperations = ["products.list"]\n', encoding="utf-8")
    assert main(["probe", "--once", "--config", str(config)]) == 0
    roots = [span.name for span in collector.spans if not span.parent_span_id]
    assert roots == ["whopwatch drift", "whopwatch probe"]


def test_each_company_has_a_trace_with_its_own_verdict(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with embedded() as good, embedded(faults=["field-missing@products.list"]) as bad:
        rows = []
        for name, simulator in (("acme", good), ("globex", bad)):
            monkeypatch.setenv(f"{name.upper()}_KEY", simulator.api_key)
            rows.append(
                f'[[companies]]\nname = "{name}"\ntarget = "{simulator.base_url}"\n'
                f'api_key_env = "{name.upper()}_KEY"\nbaseline = "{name}.sqlite"\n'
                f'company_id = "{simulator.company_id}"\n'
            )
        targets = tmp_path / "companies.toml"
        targets.write_text("\n".join(rows), encoding="utf-8")
        assert main(["drift", "--targets", str(targets), "--resource", "products", "--budget", "40"]) == 1
    roots = [attributes(span) for span in collector.spans if not span.parent_span_id]
    assert [root["whopwatch.verdict"] for root in roots] == ["clean", "drift"]
    assert [root["whopwatch.findings"] for root in roots] == [0, 1]


def test_the_standard_variables_are_honoured(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{parent}-01")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "nightly")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    assert main(["check", "--only", "products.list", "--budget", "20"]) == 0
    assert {span.trace_id.hex() for span in collector.spans} == {trace}
    assert [span.name for span in collector.spans if span.parent_span_id.hex() == parent] == ["whopwatch check"]
    assert b"nightly" in collector.bodies["/v1/traces"][0]
    assert collector.headers[0]["x-tenant"] == "acme"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, False),
        ({ENDPOINT: "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({ENDPOINT: "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://c:4318", "OTEL_TRACES_EXPORTER": "console, otlp"}, True),
    ],
)
def test_when_traces_are_wanted(environ: dict[str, str], expected: bool) -> None:
    assert wants(Signal.TRACES, environ) is expected


def test_without_an_endpoint_the_sdk_is_not_loaded(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom whopwatch.cli import main\n"
        "code = main(['check', '--only', 'products.list', '--budget', '20'])\n"
        "sys.exit(code or any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True).returncode == 0


GRPC = ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]


@pytest.mark.parametrize("problem", ["refused", "down", *GRPC])
def test_a_trace_that_is_not_exported_is_one_sentence(
    problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with receiving(400) as receiver:
        monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9" if problem == "down" else receiver.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        if problem in GRPC:
            monkeypatch.setenv(problem, "grpc")
        assert main(["check", "--only", "products.list", "--budget", "20"]) == 0
    shown = capfd.readouterr().err
    warnings = [line for line in shown.splitlines() if "warning" in line or "Traceback" in line]
    assert len(warnings) == 1
    if problem in GRPC:
        assert f"{problem}='grpc' is not supported" in warnings[0]
        assert f"use: {problem}=http/protobuf" in shown
    else:
        assert "did not accept the trace" in warnings[0]


def test_a_refused_connection_is_named_without_the_credentials() -> None:
    """One attempt: the exporter tries again until its time is over, and then that it is over is the reason."""
    session = HeadersOnly()
    with pytest.raises(requests.ConnectionError):
        session.post("http://user:hidden@127.0.0.1:9/v1/traces", timeout=300)
    assert session.problem == "http://127.0.0.1:9/v1/traces: the connection failed"


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("foo", "foo/v1/traces: not a URL, expected http://HOST:PORT"),
        ("user:hidden@foo", "foo/v1/traces: not a"),
        ("http://user:hidden?x://hidden@127.0.0.1:9", "127.0.0.1:9/v1/traces: "),
        ("http://user:hidden@127.0.0.1:9", "http://127.0.0.1:9/v1/traces: "),
    ],
)
def test_a_failed_export_names_address_and_reason(
    endpoint: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENDPOINT, endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    assert main(["check", "--only", "products.list", "--budget", "5", "-q"]) == 0
    shown = capsys.readouterr().err
    assert said in shown
    assert "hidden" not in shown


def test_a_redirect_of_the_collector_is_a_failure(collector: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    collector.status = 307
    assert main(["check", "--only", "products.list", "--budget", "5", "-q"]) == 0
    assert "The collector did not accept the trace of this run." in capsys.readouterr().err


def test_the_body_of_a_collector_is_not_read(collector: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    collector.is_endless = True
    assert main(["check", "--only", "products.list", "--budget", "5", "-q"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert collector.spans


def test_a_missing_extra_is_one_sentence_with_the_command(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert main(["check", "--only", "products.list", "--budget", "20"]) == 0
    assert "pip install 'whopwatch[otel]'" in capsys.readouterr().err
    assert collector.spans == []


def test_a_collector_that_never_ends_its_headers_does_not_hold_a_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each byte arrives in time, so that no limit of a single read ends it."""
    monkeypatch.chdir(tmp_path)
    ended = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            while not ended.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        try:
            assert main(["check", "--only", "products.list", "--budget", "5", "-q"]) == 0
        finally:
            ended.set()
            thread.join()
    assert "/v1/traces: timed out" in capsys.readouterr().err
