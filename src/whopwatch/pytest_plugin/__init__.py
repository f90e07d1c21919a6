"""The pytest plugin: contract tests of an API, as parametrised tests.

A test that takes the fixture `whop_case` becomes one test for each check group and operation, all of them judged by one
run of requests:

    def test_contract(whop_case):
        whop_case.check()

The mark `whop_resource("products")` restricts it to that resource, `whop_resource("v2")` to that version of the API.
A test that takes `whop_webhook_case` becomes one test for each kind of valid or forged delivery, to send to your own
webhook handler:

    def test_handler(whop_webhook_case, client):
        for sample in whop_webhook_case:
            answer = client.post("/webhooks", content=sample.body, headers=sample.headers)
            sample.check(answer.status_code)

Sessions without such a test only load the options: everything else is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from whopwatch.pytest_plugin import options

if TYPE_CHECKING:
    from collections.abc import Generator

    from whopwatch.core.report import Report
    from whopwatch.pytest_plugin.cases import BoundCase
    from whopwatch.simulator import Simulator
    from whopwatch.webhooks.samples import Sample, Sampler

CONTRACT_MARK = "whop_contract"
RESOURCE_MARK = "whop_resource"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options whose prefix avoids clashes."""
    options.add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, None, None]:
    """Add the short option names after every conftest, which may define options of these names itself."""
    yield
    options.add_short_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and the summary.

    Raise pytest's usage error for options that cannot be used, before anything is collected.
    """
    from whopwatch.pytest_plugin.summary import Summary

    if options.name_something(config):
        check_options(config)
    config.addinivalue_line("markers", f"{CONTRACT_MARK}: a contract test of an API's operation (whopwatch)")
    config.addinivalue_line(
        "markers", f"{RESOURCE_MARK}(name): the resource, or v2, that a contract test is about (whopwatch)"
    )
    config.pluginmanager.register(Summary(config, CONTRACT_MARK), "whopwatch-summary")


def check_options(config: pytest.Config) -> None:
    """Raise pytest's usage error for an unknown target, resource or operation. Starts and sends nothing."""
    from whopwatch.core.errors import WhopwatchError
    from whopwatch.pytest_plugin.cases import selected_operations

    try:
        selected_operations(options.plugin_options(config))
    except WhopwatchError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize tests: one for each check group and operation, and for each kind of delivery."""
    if "whop_webhook_case" in metafunc.fixturenames:
        from whopwatch.webhooks.samples import SAMPLE_CASES

        metafunc.parametrize("whop_webhook_case", list(SAMPLE_CASES), indirect=True)
    if "whop_case" in metafunc.fixturenames:
        from whopwatch.pytest_plugin.cases import cases

        mark = getattr(pytest.mark, CONTRACT_MARK)
        has_allure = metafunc.config.pluginmanager.hasplugin("allure_pytest")
        named = metafunc.definition.get_closest_marker(RESOURCE_MARK)
        of_resources = named.args if named else ()
        params = [
            pytest.param(case, id=case.id, marks=[mark, *(case.allure_marks() if has_allure else ())])
            for case in cases(metafunc.config, of_resources)
        ]
        metafunc.parametrize("whop_case", params, indirect=True)


@pytest.fixture
def whop_case(request: pytest.FixtureRequest) -> BoundCase:
    """Return one check group of one operation; its `check()` passes, skips or fails."""
    from whopwatch.pytest_plugin.session_run import session_run

    properties = request.node.user_properties
    properties += request.param.properties()
    bound: BoundCase = request.param.bind(session_run(request.session), properties.append)
    return bound


@pytest.fixture(scope="session")
def whopwatch_report(request: pytest.FixtureRequest) -> Report:
    """Return the report of the session's run: `verdict`, `operations`, `findings`."""
    from whopwatch.pytest_plugin.session_run import session_run

    return session_run(request.session).report


@pytest.fixture(scope="session")
def whop_simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """Yield the embedded Whop API, running for the session: `base_url`, `api_key`, `company_id`."""
    from whopwatch.simulator import embedded

    with embedded(options.session_contract(options.plugin_options(request.config))) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def whop_webhook_secret() -> str:
    """Return the secret that signs samples: WHOP_WEBHOOK_SECRET, or a generated one. Override it with yours."""
    import os

    from whopwatch.signature import new_secret

    return os.environ.get("WHOP_WEBHOOK_SECRET", "") or new_secret("pytest")


@pytest.fixture(scope="session")
def whop_webhook(request: pytest.FixtureRequest, whop_webhook_secret: str) -> Sampler:
    """Return a maker of samples: `whop_webhook("payment.succeeded", "old")` lists `headers`, `body`, `accepted`."""
    from whopwatch.webhooks.samples import Sampler

    return Sampler(options.session_contract(options.plugin_options(request.config)), whop_webhook_secret)


@pytest.fixture
def whop_webhook_case(request: pytest.FixtureRequest, whop_webhook: Sampler) -> list[Sample]:
    """Return the samples of one case (`payment.succeeded`): one, or two for a duplicate; each has `check(status)`."""
    return whop_webhook(case=request.param)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the folder where the workers share their run."""
    from whopwatch.pytest_plugin.folder import shared_folder

    node.workerinput["whopwatch_folder"] = str(shared_folder(node.config))
