"""The suites' settings: at the simulator examples are generated; elsewhere only failed ones run again."""

from __future__ import annotations

import pytest

SUITE = """
    from hypothesis import given, settings, strategies as st
    from suites.conftest import generation  # the fixture

    def test_small(generation, request):
        tried = []

        @settings(generation("small"), max_examples=200)
        @given(st.integers())
        def small(number):
            tried.append(number)
            assert number < 1000

        try:
            small()
        finally:
            print("TRIED", len(tried), "LAST", tried[-1] if tried else None)
"""
ELSEWHERE = "http://127.0.0.1:9/api/v1"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for variable in ("CI", "WHOP_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    pytester.makepyfile(SUITE)
    return pytester


def _run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    # Only the plugins that the suites use: loading every plugin of the environment takes most of a second each time.
    plugins = ("--disable-plugin-autoload", "-p_hypothesis_pytestplugin", "-pwhopwatch.pytest_plugin")
    return suite.runpytest_inprocess(*plugins, "-pno:cacheprovider", "-rA", "-s", *options)


def test_elsewhere_nothing_is_generated(suite: pytest.Pytester) -> None:
    result = _run(suite, "--target", ELSEWHERE)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*TRIED 0 LAST None*"])


def test_what_failed_at_the_simulator_is_tried_again_elsewhere(suite: pytest.Pytester) -> None:
    found = _run(suite, "--target", "simulator")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["*LAST 1000*"])
    again = _run(suite, "--target", ELSEWHERE)
    again.assert_outcomes(failed=1)
    assert any(f"TRIED {number} " in again.stdout.str() for number in range(1, 5))


def test_in_ci_nothing_is_remembered(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    _run(suite, "--target", "simulator").assert_outcomes(failed=1)
    assert not (suite.path / ".hypothesis" / "whopwatch").exists()
    _run(suite, "--target", ELSEWHERE).assert_outcomes(skipped=1)
