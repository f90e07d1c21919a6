"""The contract as Schemathesis reads it: with links, and with a configuration that keeps it within bounds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema

from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.generate.adapter import KEY_PLACEHOLDER
from whopwatch.generate.links import with_links

CONFIG = Path(__file__).with_name("schemathesis.toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")


def given(target: Target) -> dict[str, str]:
    """The required parameters that a run has values for from the start."""
    return {"company_id": target.company_id} if target.company_id else {}


def linked(contract: Contract, target: Target) -> dict[str, Any]:
    """The document of v1, each list with links to what its items' ids make possible at `target`."""
    return with_links(contract, given(target))


def reads(document: Mapping[str, Any], selected: Iterable[str]) -> dict[str, Any]:
    """`document` with the `selected` GET operations only, and links among them."""
    wanted = set(selected)
    paths = {
        path: {"get": item["get"]}
        for path, item in document["paths"].items()
        if "get" in item and item["get"]["operationId"] in wanted
    }
    for item in paths.values():
        for response in item["get"]["responses"].values():
            if "links" in response:
                links = {name: link for name, link in response["links"].items() if name in wanted}
                response["links"] = links
    return {**document, "paths": paths, "webhooks": {}}


def load_schema(
    contract: Contract, target: Target, selected: Iterable[str], phases: Iterable[str] = PHASES
) -> OpenApiSchema:
    """The `selected` reads of v1 at `target`, configured by schemathesis.toml; the engine runs only `phases`."""
    settings = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    for phase in PHASES:
        settings["phases"].setdefault(phase, {})["enabled"] = phase in phases
    settings |= {
        "seed": 1,
        "base-url": target.base_url,
        "headers": {"Authorization": KEY_PLACEHOLDER},
        "parameters": given(target),
    }
    document = reads(linked(contract, target), selected)
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(settings))
