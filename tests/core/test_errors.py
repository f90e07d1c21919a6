"""Errors tell what, where, expected, got and what to do."""

from __future__ import annotations

import pytest

from whopwatch.core.errors import ConfigError, TargetError, WhopwatchError, did_you_mean, missing_extra


def test_an_error_shows_its_facts_a_line_each_and_leaves_out_what_is_unknown() -> None:
    error = ConfigError("Unknown key.", where="whopwatch.toml, [targets.mine]", got="'base_ulr'", hint="fix it")
    assert str(error).splitlines() == [
        "Unknown key.",
        "  where: whopwatch.toml, [targets.mine]",
        "  got: 'base_ulr'",
        "  what to do: fix it",
    ]
    assert str(WhopwatchError("Only what.")) == "Only what."


def test_exit_codes_follow_the_kind_of_error() -> None:
    assert ConfigError("x").exit_code == 2
    assert TargetError("x").exit_code == 3


def test_a_suggestion_is_made_only_where_something_is_close() -> None:
    assert did_you_mean("product.list", ["products.list", "plans.list"]) == "did you mean 'products.list'?"
    assert did_you_mean("zzz", ["products.list"]) is None


def test_a_missing_extra_names_the_program_that_can_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ModuleNotFoundError("No module named 'mcp'", name="mcp")
    error = missing_extra(missing)
    assert error is not None
    assert (error.hint or "").endswith("-m pip install 'whopwatch[mcp]'")
    monkeypatch.setattr("whopwatch.core.errors.find_spec", lambda _: None)
    error = missing_extra(missing)
    assert error is not None
    assert "uvx --from 'whopwatch[mcp]' whopwatch" in (error.hint or "")
