"""Prepare the contract for Schemathesis: add links, and limit its configuration."""

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
    """Return the required parameters whose values are known before a run."""
    return {"company_id": target.company_id} if target.company_id else {}


def linked(contract: Contract, target: Target) -> dict[str, Any]:
    """Return the document of v1 with links from each list to the operations that take its items' ids."""
    return with_links(contract, given(target))


def reads(document: Mapping[str, Any], selected: Iterable[str]) -> dict[str, Any]:
    """Return `document` with the `selected` GET operations only, and the links between them."""
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
    """Return the `selected` reads of v1 at `target`, configured by schemathesis.toml. The engine runs only `phases`."""
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
