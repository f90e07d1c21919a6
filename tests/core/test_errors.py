"""Errors tell what, where, expected, got and what to do."""

from __future__ import annotations

import pytest

from whopwatch.core import errors
from whopwatch.core.errors import (
    ConfigError,
    TargetError,
    WhopwatchError,
    did_you_mean,
    missing_extra,
    quoted_input,
)
from whopwatch.core.wording import first_few


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


def test_exit_codes_have_the_documented_numbers() -> None:
    numbers = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert numbers == {
        "EXIT_CLEAN": 0,
        "EXIT_DRIFT": 1,
        "EXIT_USAGE": 2,
        "EXIT_COULD_NOT_CHECK": 3,
        "EXIT_INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("production", "'production'"),
        ("a" * 60, repr("a" * 60)),
        ("a" * 61, repr("a" * 57 + "...")),
        ("apik_x", "a value of 6 characters that may contain a key"),
        ("a1" + "b" * 17, repr("a1" + "b" * 17)),
        ("a1" + "b" * 18, "a value of 20 characters that may contain a key"),
        ("https://user:whsec_1@host/", "a value of 26 characters that may contain a key"),
    ],
)
def test_input_is_shown_short_and_without_a_key(value: str, shown: str) -> None:
    assert quoted_input(value) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [([], ""), (["a"], "a"), (["a", 2], "a, 2"), (["a", "b", "c"], "a, b and 1 more"), ("abcd", "a, b and 2 more")],
)
def test_the_first_few_are_listed_and_the_others_counted(values: list[object], shown: str) -> None:
    assert first_few(values, 2) == shown


def test_the_wanted_one_of_several_extras_is_named() -> None:
    missing = ModuleNotFoundError("No module named 'prometheus_client.core'", name="prometheus_client.core")
    for wanted, named in (("webhook", "webhook"), ("", "probe"), ("mcp", "probe")):
        error = missing_extra(missing, wanted)
        assert error is not None
        assert (
            error.what
            == f"This needs the extra {named!r} of whopwatch: the package prometheus_client is not installed."
        )
    assert missing_extra(ModuleNotFoundError("x", name="json")) is None
    assert missing_extra(ModuleNotFoundError("x")) is None
