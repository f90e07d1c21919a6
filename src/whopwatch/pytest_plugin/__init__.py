"""The pytest plugin: contract tests of an API, as parametrised tests.

A test that takes the fixture `whop_case` becomes one test for each check group and operation, all of them judged
from one observation of the target:

    def test_contract(whop_case):
        whop_case.check()

With the mark `whop_resource("products")` it is about that resource, with `"v2"` about that version of the API.
A test that takes `whop_webhook_case` becomes one test for each way in which a delivery of a webhook is right or wrong,
to be sent to a handler of one's own:

    def test_handler(whop_webhook_case, client):
        for sample in whop_webhook_case:
            answer = client.post("/webhooks", content=sample.body, headers=sample.headers)
            sample.check(answer.status_code)

Sessions without such a test pay for nothing but the options: everything else is imported when it is needed.
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

MARKER = "whop_contract"
RESOURCE = "whop_resource"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that cannot clash with anyone's."""
    options.add(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, None, None]:
    """The short names only after every conftest had its chance to take them for itself."""
    yield
    options.add_short(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The marker of contract tests, and the one who counts them.

    Raises pytest's usage error for options that cannot be meant, before anything is collected.
    """
    from whopwatch.pytest_plugin.summary import Summary

    if options.are_given(config):
        refuse_unusable(config)
    config.addinivalue_line("markers", f"{MARKER}: a contract test of an API's operation (whopwatch)")
    config.addinivalue_line(
        "markers", f"{RESOURCE}(name): the resource, or v2, that a contract test is about (whopwatch)"
    )
    config.pluginmanager.register(Summary(config, MARKER), "whopwatch-summary")


def refuse_unusable(config: pytest.Config) -> None:
    """Raise pytest's usage error for a target, resource or operation that there is not; nothing is started or sent."""
    from whopwatch.core.errors import WhopwatchError
    from whopwatch.pytest_plugin.cases import usable

    try:
        usable(options.read(config))
    except WhopwatchError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each check group and operation, and for each case of a webhook."""
    if "whop_webhook_case" in metafunc.fixturenames:
        from whopwatch.webhooks.samples import SAMPLE_CASES

        metafunc.parametrize("whop_webhook_case", list(SAMPLE_CASES), indirect=True)
    if "whop_case" in metafunc.fixturenames:
        from whopwatch.pytest_plugin.cases import cases

        marks = getattr(pytest.mark, MARKER)
        named = metafunc.definition.get_closest_marker(RESOURCE)
        besides = named.args if named else ()
        params = [pytest.param(case, id=case.id, marks=marks) for case in cases(metafunc.config, besides)]
        metafunc.parametrize("whop_case", params, indirect=True)


@pytest.fixture
def whop_case(request: pytest.FixtureRequest) -> BoundCase:
    """One check group of one operation, with what the session observed; `check()` passes, skips or fails."""
    from whopwatch.pytest_plugin.observed import observed

    bound: BoundCase = request.param.bind(observed(request.session))
    return bound


@pytest.fixture(scope="session")
def whopwatch_report(request: pytest.FixtureRequest) -> Report:
    """The session's one observation of the target, judged: `verdict`, `operations`, `findings`."""
    from whopwatch.pytest_plugin.observed import observed

    return observed(request.session).report


@pytest.fixture(scope="session")
def whop_simulator() -> Iterator[Simulator]:
    """The embedded Whop API, running for the session: `base_url`, `api_key`, `company_id`."""
    from whopwatch.simulator import embedded

    with embedded() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def whop_webhook_secret() -> str:
    """What samples are signed with: WHOP_WEBHOOK_SECRET, or a made-up secret. Override it with your handler's."""
    import os

    from whopwatch.signature import new_secret

    return os.environ.get("WHOP_WEBHOOK_SECRET", "") or new_secret("pytest")


@pytest.fixture(scope="session")
def whop_webhook(whop_webhook_secret: str) -> Sampler:
    """Makes signed samples: `whop_webhook("payment.succeeded", "old")` is a list of `headers`, `body`, `accepted`."""
    from whopwatch.contract import load
    from whopwatch.webhooks.samples import Sampler

    return Sampler(load(), whop_webhook_secret)


@pytest.fixture
def whop_webhook_case(request: pytest.FixtureRequest, whop_webhook: Sampler) -> list[Sample]:
    """The samples of one case (`payment.succeeded`): one, or two of a duplicate; each has `check(status)`."""
    return whop_webhook(case=request.param)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the workers share their one observation."""
    from whopwatch.pytest_plugin.observed import shared_folder

    node.workerinput["whopwatch_folder"] = str(shared_folder(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete what the workers shared."""
    from whopwatch.pytest_plugin.observed import delete_shared_folder

    delete_shared_folder(config)
