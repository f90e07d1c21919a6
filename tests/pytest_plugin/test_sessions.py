"""The plugin in sessions of its own, as the repository of a user runs it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.history.factories import finding
from whopwatch.simulator import ApiCall, Simulator, SimulatorOptions, StepWrapper, embedded
from whopwatch.usage.profile import Certainty, Coverage, Profile

pytestmark = pytest.mark.thorough

CONTRACT_TEST = """
def test_contract(whop_case):
    whop_case.check()
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with embedded() as running:
        yield running


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
    for name in ("WHOP_API_KEY", "WHOP_COMPANY_ID", "WHOP_BASE_URL", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    # Other plugins of this environment take seconds to load, and are nothing to these tests.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir("tmp")))


@pytest.fixture
def at_simulator(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator as a foreign server, with its counter of requests at zero."""
    monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
    monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
    simulator.requests.clear()
    return simulator


def run_process(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(
        "-p", "whopwatch.pytest_plugin", "-p", "xdist", "-p", "no:cacheprovider", *args
    )


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    """Run a session without workers in this process: starting one costs more than most of these sessions."""
    return pytester.runpytest_inprocess("-p", "whopwatch.pytest_plugin", "-p", "no:cacheprovider", *args)


def requests_of(result: pytest.RunResult) -> int:
    found = re.search(r"^requests +(\d+) of \d+ requests? sent, all read-only", result.stdout.str(), re.MULTILINE)
    assert found, result.stdout.str()
    return int(found[1])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_one_observation_however_many_workers(
    workers: tuple[str, ...], at_simulator: Simulator, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    result = run_process(pytester, "--target", at_simulator.base_url, "--whop-resource", "products,plans", *workers)
    assert result.ret == 0
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 2 * 3 + 2 * 3 + 1
    assert outcomes["skipped"] == 2 * 3
    assert dict(at_simulator.requests) == {"GET": requests_of(result)}
    assert not list(Path(os.environ["TMPDIR"]).glob("whopwatch-*"))


V2_TEST = """
import pytest

@pytest.mark.whop_resource("{resource}")
def test_marked(whop_case):
    whop_case.check()
"""


def test_a_test_names_its_own_resource(at_simulator: Simulator, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(V2_TEST.format(resource="v2"))
    result = run(pytester, "--strict-markers", "--target", at_simulator.base_url)
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 3}
    assert requests_of(result) < 30


def test_it_is_left_out_where_the_session_selects_something_else(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(V2_TEST.format(resource="v2"))
    assert run(pytester, "--whop-resource", "topups").parseoutcomes() == {"skipped": 1}


def test_it_is_left_out_where_only_another_contract_has_the_resource(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(V2_TEST.format(resource="v2"))
    assert run(pytester, "--whop-contract", "newest").parseoutcomes() == {"skipped": 1}


def test_a_test_of_a_resource_that_there_is_not_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(V2_TEST.format(resource="v3"))
    result = run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "Unknown resource 'v3'" in result.stdout.str()


def test_a_selection_of_tests_asks_for_nothing_else(at_simulator: Simulator, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    result = run(pytester, "--target", at_simulator.base_url, "-k", "products.list-schema")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 1
    assert requests_of(result) < 41


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_a_session_that_verified_nothing_fails(workers: tuple[str, ...], pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    result = run_process(pytester, "--target", "http://127.0.0.1:9/api/v1", *workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"skipped", "failed"}
    assert outcomes["failed"] == 1
    result.stdout.fnmatch_lines(["FAILED whopwatch::target_was_checked*"])
    result.stdout.fnmatch_lines(["*COULD NOT CHECK: The target cannot be reached*"])


def test_the_failed_test_is_in_the_junit_file(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    run(pytester, "--target", "http://127.0.0.1:9/api/v1", "-k", "products.list", "--junit-xml", "j.xml")
    (failure,) = ElementTree.parse(pytester.path / "j.xml").getroot().iter("failure")
    assert "The target cannot be reached" in failure.attrib["message"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_the_junit_file_has_the_operation_and_the_findings(
    workers: tuple[str, ...], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    with embedded(faults=["field-missing@products.list"]) as broken:
        monkeypatch.setenv("WHOP_API_KEY", broken.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", broken.company_id)
        run_process(
            pytester,
            "-W",
            "error",
            "--target",
            broken.base_url,
            "-k",
            "products.list",
            "--junit-xml",
            "j.xml",
            *workers,
        )
    tests = list(ElementTree.parse(pytester.path / "j.xml").getroot().iter("testcase"))
    properties = [[(one.attrib["name"], one.attrib["value"]) for one in test.iter("property")] for test in tests]
    assert all(("whop.operation", "products.list") in found for found in properties)
    (failed,) = [found for test, found in zip(tests, properties, strict=True) if test.find("failure") is not None]
    assert any(name == "whop.finding" and "required-field-removed /data/*/" in value for name, value in failed)
    assert any(name == "whop.checks" and "schema" in value for name, value in failed)


def test_labels_for_allure_only_where_it_is_installed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    pytester.makeconftest(
        """
def pytest_configure(config):
    if config.getoption("--whop-seed") == 7:
        config.pluginmanager.register(object(), "allure_pytest")
        for name in ("allure_label",):
            config.addinivalue_line("markers", name)

def pytest_collection_modifyitems(items):
    for item in items:
        print([mark.args + (mark.kwargs["label_type"],) for mark in item.iter_markers("allure_label")])
"""
    )
    collect = ("--collect-only", "-q", "-s", "--strict-markers", "-k", "products.list")
    assert "('products', 'feature')" not in run(pytester, *collect).stdout.str()
    labelled = run(pytester, *collect, "--whop-seed", "7").stdout.str()
    assert "('products', 'feature')" in labelled
    assert "('products.list', 'story')" in labelled


def test_an_empty_company_is_no_passing_session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tests pass even there: a key is asked for, and what needs no object is answered."""
    pytester.makepyfile(CONTRACT_TEST)
    with embedded(items=0) as empty:
        monkeypatch.setenv("WHOP_API_KEY", empty.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", empty.company_id)
        result = run(pytester, "--target", empty.base_url)
    assert result.parseoutcomes()["passed"] > 0
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*COULD NOT CHECK: every list is empty*"])


def test_a_session_whose_budget_is_spent_does_not_pass(at_simulator: Simulator, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    result = run(pytester, "--target", at_simulator.base_url, "--whop-budget", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*COULD NOT CHECK: the budget of 1 request is too small*"])


SECOND_SUITE = """
from whopwatch.core.errors import BudgetExhaustedError
from whopwatch.contract import load
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call, Client, RunBudget
from whopwatch.pytest_plugin.session_run import session_budget
from whopwatch.config import resolve_target
import os, pytest

@pytest.mark.parametrize("number", range(6))
def test_more(request, number):
    target = resolve_target(request.config.getoption("whop_target"), os.environ)
    call = Call(load().operation("products.list"), Purpose.LIST, query=(("company_id", target.company_id),))
    with Client(target, load(), budget=RunBudget(100, shared=session_budget(request.config))) as client:
        try:
            for _ in range(20):
                client.send(call)
        except BudgetExhaustedError:
            pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "3")], ids=["alone", "three workers"])
def test_all_suites_and_workers_share_the_budget(
    workers: tuple[str, ...], at_simulator: Simulator, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_contract=CONTRACT_TEST, test_second=SECOND_SUITE)
    before = sum(at_simulator.requests.values())
    result = run_process(pytester, "--target", at_simulator.base_url, "--whop-budget", "40", *workers)
    assert sum(at_simulator.requests.values()) - before == 40
    result.stdout.fnmatch_lines(["all suites  40 requests sent"])


def test_drift_fails_the_test_it_belongs_to(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_title(call: ApiCall, proceed: Callable[[], None]) -> None:
        for item in call.payload.get("data", ()):
            item.pop("title", None)
        proceed()

    pytester.makepyfile(CONTRACT_TEST)
    with embedded(wrappers=[StepWrapper("respond", without_title, "products.list")]) as broken:
        monkeypatch.setenv("WHOP_API_KEY", broken.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", broken.company_id)
        result = run(pytester, "--target", broken.base_url, "--whop-only", "products.list", "-rA")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    result.stdout.fnmatch_lines(
        [
            "products.list: 1 finding",
            "critical: required-field-removed (D5) at /data/[*]/title*",
            "FAILED *products.list-schema*",
        ]
    )
    result.stdout.fnmatch_lines(["PASSED *products.list-answer*"])


def test_an_accepted_finding_fails_no_test_and_an_expired_entry_is_a_warning(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    with embedded() as broken:
        broken.faults.switch(["field-missing@products.list"])
        monkeypatch.setenv("WHOP_API_KEY", broken.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", broken.company_id)
        missing = run(pytester, "--target", broken.base_url, "--whop-only", "products.list", "-rA")
        location = re.search(r"required-field-removed \(D5\) at (\S+)", missing.stdout.str())
        assert location
        fingerprint = finding("products.list", location[1]).fingerprint
        for date, code in (("2999-12-31", 0), ("2026-01-01", 1)):
            file = pytester.path / "accepted.yaml"
            file.write_text(f"accepted: [{{fingerprint: '{fingerprint}', reason: known, expires: {date}}}]")
            result = run(pytester, "--target", broken.base_url, "--whop-only", "products.list")
            assert result.ret == code
    result.stdout.fnmatch_lines([f"warning *Accepted finding {fingerprint} expired on 2026-01-01*"])


def test_a_finding_has_its_impact_on_the_users_code(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    made = Profile("2025-01-01", coverage=Coverage(files=1))
    made.use_field("products.list", "/data/*/route", "shop.py:4", Certainty.SEEN)
    (pytester.path / "mine.json").write_text(json.dumps(made.to_json()))
    with embedded(options=SimulatorOptions(faults=["field-missing@products.list"])) as broken:
        monkeypatch.setenv("WHOP_API_KEY", broken.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", broken.company_id)
        result = run(pytester, "--target", broken.base_url, "--whop-only", "products.list", "--whop-usage", "mine.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*impact* hits you: shop.py:4"])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--whop-only", "product.list"), "*did you mean 'products.list'*"),
        (("--whop-resource", "produkts"), "*did you mean 'products'*"),
        (("--target", "sandbx"), "*did you mean 'sandbox'*"),
        (("--target", ""), "*The target is blank.*"),
        (("--whop-config", ""), "*configuration file cannot be read.*"),
        (("--whop-config", "nowhere.toml"), "*configuration file does not exist.*"),
        (("--target", "production"), "*export WHOP_API_KEY*"),
        (("--whop-budget=0",), "*expected a whole number above 0*"),
        (("--whop-rate=nan",), "*from 0.01*"),
        (("--whop-rate=1e-9",), "*from 0.01*"),
        (("--whop-only", ""), "*names between commas*"),
        (("--target", "sandbx", "-n", "2"), "*did you mean 'sandbox'*"),
    ],
)
def test_a_mistake_is_reported_before_anything_is_collected(
    args: tuple[str, ...], said: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    result = (run_process if "-n" in args else run)(pytester, *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("content", [None, "[target.mine]"], ids=["blank variable", "file with a slip"])
def test_a_mistake_in_the_environment_is_reported_once(
    content: str | None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(CONTRACT_TEST)
    if content is None:
        monkeypatch.setenv("WHOP_BASE_URL", "")
    else:
        Path("whopwatch.toml").write_text(content)
    result = run(pytester)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*did you mean 'targets'*" if content else "*environment variable WHOP_BASE_URL*"])
    assert result.parseoutcomes()["errors"] == 1


def test_the_fixtures_serve_the_tests_of_a_user(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        def test_simulator(whop_simulator):
            request = urllib.request.Request(
                f"{whop_simulator.base_url}/products?company_id={whop_simulator.company_id}",
                headers={"Authorization": f"Bearer {whop_simulator.api_key}"},
            )
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200

        def test_report(whopwatch_report):
            assert whopwatch_report.target == "simulator"
            assert whopwatch_report.sent <= 120
        """
    )
    result = run_process(pytester, "--whop-budget", "120")
    result.assert_outcomes(passed=2)


def test_a_conftest_may_have_an_option_target_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        def pytest_addoption(parser):
            parser.addoption("--target", default="mine")
        """
    )
    pytester.makepyfile(
        """
        def test_target(pytestconfig):
            assert pytestconfig.getoption("--target") == "yours"
            assert pytestconfig.getoption("--whop-target") == "simulator"
        """
    )
    run(pytester, "--target", "yours", "--whop-target", "simulator").assert_outcomes(passed=1)


def test_other_sessions_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        HEAVY = {"httpx", "starlette", "uvicorn", "rich", "jsonschema_rs", "click", "filelock"}

        def test_nothing_heavy_is_imported():
            assert not HEAVY & set(sys.modules)
        """
    )
    result = run_process(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*requests sent*")


def test_the_contract_is_an_option(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        CONTRACT_TEST
        + """
from urllib.request import Request, urlopen

def test_simulator(whop_simulator):
    url, key = f"{whop_simulator.base_url}/accounts", whop_simulator.api_key
    assert urlopen(Request(url, headers={"Authorization": f"Bearer {key}"})).status == 200
"""
    )
    result = run(pytester, "--whop-contract", "newest", "--whop-only", "accounts.list")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] > 3
    assert "Unknown contract 'nowest'" in run(pytester, "--whop-contract", "nowest").stderr.str()
