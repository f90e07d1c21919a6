"""The fixtures by which a repository tries its own handler of webhooks."""

from __future__ import annotations

import pytest

from whopwatch.webhooks.samples import SAMPLE_CASES

HANDLER = """
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

def handle(secret, body, headers):
    try:
        Webhook(secret.encode()).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError):
        return 400
    return 200
"""
EACH_CASE = """
def test_handler(whop_webhook_case, whop_webhook_secret):
    for sample in whop_webhook_case:
        sample.check(handle(whop_webhook_secret, sample.body, sample.headers))
"""
OF_ONES_OWN = """
@pytest.fixture(scope="session")
def whop_webhook_secret():
    return "ws_of_my_own"

def test_any_event(whop_webhook):
    for event in ("refund.created", "entry.deleted"):
        (sample,) = whop_webhook(event)
        assert sample.accepted
        assert whop_webhook.secret == "ws_of_my_own"
        assert handle("ws_of_my_own", sample.body, sample.headers) == 200
"""
CARELESS = """
def test_handler(whop_webhook_case):
    for sample in whop_webhook_case:
        sample.check(200)
"""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHOP_WEBHOOK_SECRET", raising=False)
    # Other plugins of this environment take seconds to load, and are nothing to these tests.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, code: str) -> pytest.RunResult:
    pytester.makepyfile(HANDLER + code)
    return pytester.runpytest_inprocess("-p", "whopwatch.pytest_plugin", "-q")


def test_a_handler_that_verifies_passes_every_case(pytester: pytest.Pytester) -> None:
    run(pytester, EACH_CASE).assert_outcomes(passed=len(SAMPLE_CASES))


def test_a_handler_that_accepts_everything_fails_with_the_sample(pytester: pytest.Pytester) -> None:
    refused = [name for name, case in SAMPLE_CASES.items() if not case.accepted]
    result = run(pytester, CARELESS)
    result.assert_outcomes(passed=len(SAMPLE_CASES) - len(refused), failed=len(refused))
    result.stdout.fnmatch_lines(["*replay (*): status 200, expected 4xx*"])


def test_the_secret_can_be_ones_own(pytester: pytest.Pytester) -> None:
    run(pytester, OF_ONES_OWN).assert_outcomes(passed=1)
