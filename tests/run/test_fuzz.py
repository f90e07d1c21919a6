"""Whatever a target answers, a run ends in a report."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import pytest

from tests.run.fake_api import Answer, FakeApi
from whopwatch.contract import Contract, Operation
from whopwatch.run import check

ODD: list[Any] = [
    *(None, True, 0, -1, 1e308, 10**30, [], {}, [[]], {"id": "a/b"}, {"id": []}, [{"id": None}]),
    *(
        "",
        "a/b",
        "../x",
        ".",
        "x" * 70_000,
        "\ud800",
        "\u0000",
        "%2e%2e",
        "2026-01-02T25:61:00Z",
        "99999-01-01T00:00:00Z",
    ),
]


def mutated(value: Any, rng: random.Random, chance: float) -> Any:
    """`value` with some of its parts replaced, removed, doubled or renamed."""
    if rng.random() < chance:
        return rng.choice(ODD)
    if isinstance(value, dict):
        return {
            (rng.choice(["id", "data", ""]) if rng.random() < chance else name): mutated(part, rng, chance)
            for name, part in value.items()
            if rng.random() > chance
        }
    if isinstance(value, list):
        parts = [mutated(part, rng, chance) for part in value]
        return parts * 2 if rng.random() < chance else parts
    return value


@pytest.mark.parametrize("seed", range(12))
def test_answers_of_any_content_end_in_a_report(contract: Contract, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    chance = (0.002, 0.02, 0.2)[seed % 3]

    def fault(_: Operation, __: httpx.Request, truth: Answer) -> httpx.Response:
        body = json.dumps(mutated(truth[1], rng, chance)).encode()
        status = rng.choice([200, 200, 204, 400, 404, 429, 500]) if rng.random() < chance else truth[0]
        return httpx.Response(status, content=body, headers={"content-type": "application/json", "retry-after": "0"})

    api = FakeApi(contract, items=15, fault=fault)
    resources = ["products", "plans", "reviews", "members", "apps", "messages", "users"]
    report = check(contract, api.target(), resources=resources, budget=250, seed=seed, transport=api.transport)
    assert report.sent <= 250
    assert set(api.requests) <= {"GET"}
    json.dumps(report.to_json())
