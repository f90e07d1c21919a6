"""The options of the plugin. All but `--target` and `--allow-writes` have a prefix, to avoid clashes."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from whopwatch.contract import Contract

GROUP = "whopwatch"
SESSION_BUDGET = 600


@dataclass(frozen=True, slots=True)
class PluginOptions:
    """The options that decide about the run of the session."""

    target: str | None
    config: Path | None
    given_budget: int | None
    seed: int
    rate: float | None
    only: tuple[str, ...]
    resources: tuple[str, ...]
    allow_writes: bool = False
    allow_unchecked: bool = False
    accepted: Path | None = None
    usage: Path | None = None

    @property
    def budget(self) -> int:
        """The requests of the run that judges the contract tests."""
        return self.given_budget or SESSION_BUDGET

    contract: str | None = None


def add_options(parser: pytest.Parser) -> None:
    """Add the options with a prefix."""
    group = parser.getgroup(GROUP, "contract tests of the Whop API")
    group.addoption("--whop-target", metavar="NAME|URL", help="simulator (default), sandbox, production or a URL")
    group.addoption("--whop-config", metavar="FILE", help="default: ./whopwatch.toml, if any")
    group.addoption(
        "--whop-contract",
        metavar="NAME|DIR|FILE",
        help="a version, newest, sdk:RELEASE, a contract folder or OpenAPI file",
    )
    group.addoption("--whop-accepted", metavar="FILE", help="default: accepted.yaml beside whopwatch.toml, if any")
    group.addoption("--whop-usage", metavar="FILE", help="default: usage.json beside whopwatch.toml, or here, if any")
    group.addoption(
        "--whop-budget", type=_positive, metavar="N", help="requests of the session, all workers and suites together"
    )
    group.addoption("--whop-seed", type=int, default=0, metavar="N", help="seed of the plan and the simulator")
    group.addoption("--whop-rate", type=_rate, metavar="N", help="requests a second at most: 0.01 to 1000")
    group.addoption("--whop-only", type=_names, default=(), metavar="OP[,OP]", help="these operations only")
    group.addoption("--whop-allow-writes", action="store_true", help="run writing suites away from the simulator too")
    group.addoption(
        "--whop-allow-unchecked", action="store_true", help="pass although the API refuses operations to this key"
    )
    group.addoption("--whop-resource", type=_names, default=(), metavar="R[,R]", help="these resources only")


def add_short_options(parser: pytest.Parser) -> None:
    """Add `--target` and `--allow-writes`, unless another plugin has options of these names."""
    group = parser.getgroup(GROUP)
    taken = {
        name for other in (*parser._groups, parser._anonymous) for option in other.options for name in option.names()
    }
    if "--target" not in taken:
        group.addoption("--target", dest="whop_target", metavar="NAME|URL", help="the same as --whop-target")
    if "--allow-writes" not in taken:
        group.addoption(
            "--allow-writes", dest="whop_allow_writes", action="store_true", help="the same as --whop-allow-writes"
        )


def plugin_options(config: pytest.Config) -> PluginOptions:
    """Return the options of this session."""
    files = {name: config.getoption(f"whop_{name}") for name in ("config", "accepted", "usage")}
    paths = {name: Path(file) if file is not None else None for name, file in files.items()}
    return PluginOptions(
        target=config.getoption("whop_target"),
        given_budget=config.getoption("whop_budget"),
        seed=config.getoption("whop_seed"),
        rate=config.getoption("whop_rate"),
        only=config.getoption("whop_only"),
        resources=config.getoption("whop_resource"),
        allow_writes=config.getoption("whop_allow_writes"),
        allow_unchecked=config.getoption("whop_allow_unchecked"),
        contract=config.getoption("whop_contract"),
        **paths,
    )


def session_contract(chosen: PluginOptions) -> Contract:
    """Return the contract of the tests. Raise WhopwatchError for one that is unknown, or a target that is."""
    from whopwatch.config.contract_choice import choose_contract

    return choose_contract(chosen.contract, None, chosen.target, os.environ, chosen.config).contract


def name_something(config: pytest.Config) -> bool:
    """Return whether an option names a target, file, operation or resource, so that the name may be wrong."""
    chosen = plugin_options(config)
    named = (chosen.target, chosen.config, chosen.contract)
    return any(one is not None for one in named) or bool(chosen.only or chosen.resources)


def _names(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError("expected names between commas")
    return tuple(dict.fromkeys(names))


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return int(text)


def _rate(text: str) -> float:
    from whopwatch.config import RATE_RANGE, is_rate

    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not is_rate(number):
        raise argparse.ArgumentTypeError(f"expected {RATE_RANGE}")
    return number
