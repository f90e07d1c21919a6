"""The running prober at the simulator: pages, reloads, shards, the end."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.prober.support import CONTRACT, probe
from whopwatch.config import Secret
from whopwatch.config.shard import Shard
from whopwatch.core.errors import ConfigError, UsageError
from whopwatch.metrics import ProbeOutcome
from whopwatch.prober.footprint import reads_only
from whopwatch.prober.history import ProbeRun, RunRecord
from whopwatch.prober.http_pages import build_pages
from whopwatch.prober.http_server import PageRequest, PageServer
from whopwatch.prober.service import ProberService
from whopwatch.simulator import Simulator, embedded

CONFIG = """
[[probes]]
operations = ["products.list", "products.retrieve", "plans.list"]
interval = "1h"
[[maintenance]]
operations = ["plans.list"]
start = "00:00"
duration = "1d"
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with embedded(CONTRACT) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "probes.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


@pytest.fixture
def service(simulator: Simulator, config: Path) -> Iterator[ProberService]:
    made = ProberService(reads_only(CONTRACT), simulator.target(), config)
    yield made
    made.stop()


@pytest.fixture
def server(service: ProberService) -> Iterator[PageServer]:
    started = service.start(("127.0.0.1", 0))
    yield started
    started.stop()


def get(server: PageServer, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def get_headers(server: PageServer, path: str, **headers: str) -> tuple[http.client.HTTPMessage, bytes]:
    """Return the headers and the body of `path`; `_` in a header's name becomes `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.headers, response.read()
    finally:
        connection.close()


def samples(server: PageServer) -> dict[tuple[str, str], float]:
    """Return the values of /metrics by name and operation."""
    return {
        (sample.name, sample.labels.get("operation", "")): sample.value
        for family in text_string_to_metric_families(get(server, "/metrics")[1])
        for sample in family.samples
    }


def test_metrics(server: PageServer, service: ProberService) -> None:
    service.runner.run(service.probes["products.retrieve"])
    found = samples(server)
    assert found["whop_probe_success", "products.retrieve"] == 1
    assert found["whop_probe_interval_seconds", "plans.list"] == 3600
    assert found["whop_prober_shards", ""] == 1
    assert found["whop_prober_config_last_reload_successful", ""] == 1
    assert 0 < found["whop_ratelimit_remaining_requests", ""] < found["whop_ratelimit_limit_requests", ""]
    assert found["process_resident_memory_bytes", ""] > 0
    assert found["whop_probe_maintenance", "plans.list"] == 1
    assert found["whop_probe_maintenance", "products.list"] == 0


def test_openmetrics_with_exemplars_that_lead_to_the_record_of_the_run(
    server: PageServer, service: ProberService
) -> None:
    run = service.runner.run(service.probes["products.retrieve"])
    headers, body = get_headers(
        server, "/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.1"
    )
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {one.name: one for one in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
    for name in ("whop_probe_runs", "whop_probe_duration_seconds", "whop_probe_http_responses"):
        found = [sample.exemplar.labels for sample in families[name].samples if sample.exemplar]
        assert found == [{"run_id": run.id}], name
    (record,) = json.loads(get(server, f"/history?run={run.id}")[1])["records"]
    assert (record["run_id"], record["operation"]) == (run.id, "products.retrieve")
    assert json.loads(get(server, "/history?run=0000")[1])["records"] == []


def test_metrics_are_compressed_for_clients_that_accept_it(server: PageServer) -> None:
    plain, body = get_headers(server, "/metrics")
    headers, compressed = get_headers(server, "/metrics", Accept_Encoding="br, gzip;q=0.5")
    assert (headers["Content-Encoding"], plain["Content-Encoding"]) == ("gzip", None)
    assert headers["Vary"] == "Accept, Accept-Encoding"
    assert len(compressed) < len(body) / 5
    assert b"whop_probe_interval_seconds" in gzip.decompress(compressed)
    small, content = get_headers(server, "/healthz", Accept_Encoding="gzip")
    assert (small["Content-Encoding"], content) == (None, b"ok\n")


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_promtool_has_no_complaint(server: PageServer, service: ProberService) -> None:
    service.runner.run(service.probes["products.retrieve"])
    text = get(server, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_probe_on_request_returns_metrics_and_changes_none(server: PageServer, simulator: Simulator) -> None:
    before = simulator.requests["GET"]
    status, text = get(server, "/probe?target=products.list")
    assert status == 200
    assert 'whop_probe_success{operation="products.list"} 1.0' in text
    assert simulator.requests["GET"] == before + 1
    assert ("whop_probe_success", "products.list") not in samples(server)
    assert "whop_prober_" not in text, "a prober's state is not that of one run, and would raise its alerts"
    assert "whop_probe_maintenance" not in text


def test_a_probe_on_request_is_explained_without_values(server: PageServer, simulator: Simulator) -> None:
    status, text = get(server, "/probe?target=products.retrieve&debug=true")
    assert status == 200
    assert "outcome: success" in text
    assert "request 1: GET /products?company_id=...&first=... (products.list)" in text
    assert "request 2: GET /products/{id} (products.retrieve)" in text
    assert "ttfb" in text
    assert "findings: none" in text
    assert 'repeat: curl -gsS -H "Authorization: Bearer $WHOP_API_KEY"' in text
    assert '"$WHOP_BASE_URL/products/$ID"' in text
    for secret in (simulator.api_key, simulator.company_id, "prod_"):
        assert secret not in text


def test_an_operation_without_a_probe_is_not_requested(server: PageServer, simulator: Simulator) -> None:
    before = simulator.requests.total()
    status, text = get(server, "/probe?target=products.lst")
    assert (status, "did you mean 'products.list'?" in text) == (404, True)
    assert get(server, "/probe")[0] == 400
    status, text = get(server, "/probe?target=mcp")
    assert (status, "on its schedule only" in text, "whop_mcp_" in text) == (404, True, True)
    assert simulator.requests.total() == before


def test_a_probe_on_request_has_a_budget_of_its_own(server: PageServer, service: ProberService) -> None:
    statuses = [get(server, "/probe?target=products.list")[0] for _ in range(12)]
    assert statuses[:10] == [200] * 10
    assert statuses[-1] == 429
    assert service.runner.run(service.probes["products.list"]).outcome == "success", "scheduled runs go on"


@pytest.mark.parametrize(
    ("client", "token", "authorization", "status"),
    [
        ("127.0.0.1", None, "", 200),
        ("::1", None, "", 200),
        ("::ffff:127.0.0.1", None, "", 200),
        ("192.0.2.1", None, "", 403),
        ("fe80::1%eth0", None, "", 403),
        ("192.0.2.1", "s3cret", "Bearer s3cret", 200),
        ("192.0.2.1", "s3cret", "Bearer other", 401),
        ("127.0.0.1", "s3cret", "", 401),
        ("127.0.0.1", "s3cret", "Bearer s3cr\xe9t", 401),
    ],
)
def test_a_probe_on_request_needs_a_local_client_or_the_token(
    simulator: Simulator, config: Path, client: str, token: str | None, authorization: str, status: int
) -> None:
    service = ProberService(CONTRACT, simulator.target(), config, probe_token=Secret(token) if token else None)
    before = simulator.requests["GET"]
    request = PageRequest("/probe", {"target": "products.list"}, client, authorization)
    assert build_pages(service)["/probe"](request).status == status
    assert simulator.requests["GET"] - before == (status == 200)


def test_history(server: PageServer, service: ProberService) -> None:
    service.runner.run(service.probes["products.list"])
    records = json.loads(get(server, "/history?operation=products.list&limit=5")[1])["records"]
    assert [record["outcome"] for record in records] == ["success"]
    assert records[0]["requests"][0]["status"] == 200
    assert json.loads(get(server, "/history?failed=true")[1]) == {"records": []}
    assert get(server, "/history?limit=x")[0] == 400
    status, text = get(server, "/history?operation=products.lst")[:2]
    assert (status, "operation: this prober has no probe" in str(text)) == (404, True)
    for path in ("/probe", "/probe?target="):
        status, text = get(server, path)[:2]
        assert (status, "target: this parameter is required" in str(text)) == (400, True)


def test_health_and_readiness(server: PageServer, service: ProberService) -> None:
    assert get(server, "/healthz") == (200, "ok\n")
    assert get(server, "/readyz") == (200, "ok\n")
    service.scheduler.stop()
    assert get(server, "/readyz") == (503, "no\n")
    service.stop()
    assert get(server, "/healthz") == (503, "no\n")


def test_unknown_pages_and_methods(server: PageServer) -> None:
    assert get(server, "/nowhere")[0] == 404
    index = get(server, "/")[1]
    links = re.findall(r'<a href="([^"]+)">', index)
    assert {"/metrics", "/healthz", "/readyz"} <= set(links)
    for link in links:
        if not link.startswith("/probe"):  # a probe on request is sent
            assert get(server, link.replace("&amp;", "&"))[0] in (200, 503), link
    assert get(server, "/metrics", "POST")[0] == 501
    assert get(server, "/", "HEAD") == (200, "")


def test_the_index_shows_the_last_run_of_each_probe_and_failures_first(
    server: PageServer, service: ProberService
) -> None:
    runs = (("products.list", "contract"), ("plans.list", "contract"), ("plans.list", "success"))
    for at, (operation, outcome) in enumerate(runs, start=1):
        service.runner.history.add(RunRecord(ProbeRun(operation, ProbeOutcome(outcome), at, 0.25), ()))
    text = get(server, "/")[1]

    assert "3 probes, last run of each: 1 contract, 1 success, 1 not run yet" in text
    rows = re.findall(r"<tr><td><a href=\"/history\?operation=([^\"]+)\">[^<]+</a><td>(.*?)<td>(.*?)<td>", text)
    assert rows == [
        ("products.list", '<b class="failed">contract</b>', "1970-01-01 00:00:01"),
        ("plans.list", "success", "1970-01-01 00:00:03"),
        ("products.retrieve", "not run yet", ""),
    ]


def test_an_address_in_use_is_an_error(server: PageServer, service: ProberService) -> None:
    with pytest.raises(UsageError, match="cannot listen"):
        PageServer(("127.0.0.1", server.server_address[1]), {})


def test_a_new_configuration_takes_effect_and_old_series_go(
    server: PageServer, service: ProberService, config: Path
) -> None:
    service.runner.run(service.probes["products.list"])
    config.write_text('[[probes]]\noperations = ["members.list"]\ninterval = "30m"\n', encoding="utf-8")
    assert service.reload()
    found = samples(server)
    assert found["whop_probe_interval_seconds", "members.list"] == 1800
    assert not any(operation == "products.list" for _, operation in found)
    assert list(service.probes) == ["members.list"]
    assert json.loads(get(server, "/history")[1])["records"], "the history outlives a reload"


def test_an_invalid_configuration_changes_nothing_and_is_logged(
    server: PageServer, service: ProberService, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text('[[probes]]\noperations = ["nope"]\n', encoding="utf-8")
    assert not service.reload()
    found = samples(server)
    assert found["whop_prober_config_last_reload_successful", ""] == 0
    assert found["whop_probe_interval_seconds", "plans.list"] == 3600
    assert "The contract has no operation 'nope'" in caplog.text
    config.write_text(CONFIG, encoding="utf-8")
    assert service.reload()
    assert samples(server)["whop_prober_config_last_reload_successful", ""] == 1


def test_an_invalid_configuration_at_the_start(simulator: Simulator, config: Path) -> None:
    config.write_text("gets = true", encoding="utf-8")
    with pytest.raises(ConfigError):
        ProberService(CONTRACT, simulator.target(), config)


def test_a_shard_has_its_part_of_the_operations_and_the_budget(simulator: Simulator, config: Path) -> None:
    whole, part = (ProberService(CONTRACT, simulator.target(), config, shard) for shard in (Shard(), Shard(1, 3)))
    for each in (whole, part):
        each.refresh()
    assert list(part.probes) == [sorted(whole.probes)[1]]
    limit = "whop_ratelimit_limit_requests"
    assert part.metrics.registry.get_sample_value(limit) == 20
    assert whole.metrics.registry.get_sample_value(limit) == 60
    assert part.metrics.registry.get_sample_value("whop_prober_shard_index") == 1


def test_the_reduced_contract_has_every_read() -> None:
    small = reads_only(CONTRACT)
    assert small.sha256 == CONTRACT.sha256
    assert [operation.id for operation in small.operations.values()] == [each.id for each in CONTRACT.reads]
    for operation in CONTRACT.reads:
        own = small.operations[operation.id]
        assert own.parameters == operation.parameters
        assert own.responses == operation.responses
        small.validator(own.success.pointer, own.api).prepare()


PROBES = [probe(operation.id) for operation in CONTRACT.reads]


@given(st.integers(1, 100), st.randoms())
def test_every_probe_is_in_exactly_one_shard(count: int, random: object) -> None:
    mixed = PROBES[:]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    shards = [Shard(index, count).of(mixed) for index in range(count)]
    assert sorted(each.id for shard in shards for each in shard) == sorted(each.id for each in PROBES)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("text", ["", "1", "1/", "/3", "3/3", "-1/3", "0/0", "1/2/3", "a/b", "0/9999", "¹/3"])
def test_an_invalid_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="shard is invalid"):
        Shard.parse(text)


def test_a_shard() -> None:
    assert Shard.parse("2/3") == Shard(2, 3)
