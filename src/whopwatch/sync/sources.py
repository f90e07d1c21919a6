"""`sources.toml`, written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from whopwatch.contract_build.declared import Package

_HEAD = (
    "# The SDK packages that the contract is built from, fetched by name from their registries and pinned by digest.\n"
)
_NONE = "# There is no such release in this language.\n"
_COUNTS = "# What the v1 document made of these releases comes to; `contract verify` holds it against them.\n"


def sources_text(packages: Mapping[str, Package], counts: Mapping[str, int]) -> str:
    """The text of `sources.toml` for these packages and counts."""
    tables = [_HEAD]
    for language, package in packages.items():
        lines = "".join(f'{key} = "{value}"\n' for key, value in asdict(package).items())
        tables.append(f"{'' if package.is_published else _NONE}[sdk.{language}]\n{lines}")
    numbers = "".join(f"{name} = {number}\n" for name, number in counts.items())
    return "\n".join([*tables, f"{_COUNTS}[counts]\n{numbers}"])
