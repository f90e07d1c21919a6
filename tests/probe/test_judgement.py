"""Checks run once for what did not change, and again for whatever did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.probe.support import CONTRACT
from whopwatch.checks import CHECKS, Evidence, run_checks
from whopwatch.exchange import Exchange, Failure, Phases, Purpose
from whopwatch.probe.judgement import VOLATILE, Judgement

BROKEN = Exchange(
    "products.list",
    Purpose.LIST,
    "GET",
    "https://t/api/v1/products?first=10",
    query=(("first", "10"),),
    status=200,
    headers=(("content-type", "application/json"), ("date", "today")),
    body=b'{"data": []}',
)


def test_the_same_answer_is_judged_once_and_as_check_judges_it() -> None:
    judgement = Judgement(CONTRACT)
    first = judgement.of("products.list", [BROKEN])
    again = replace(
        BROKEN, headers=(*BROKEN.headers[:1], ("date", "tomorrow")), phases=Phases(total=3.0), started_at=9.0
    )
    assert judgement.of("products.list", [again]) == first == run_checks(CONTRACT, Evidence(CONTRACT, [BROKEN]))
    assert judgement.repeated == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": 201},
        {"body": b'{"data": [] }'},
        {"headers": (("content-type", "text/html"),)},
        {"headers": (*BROKEN.headers, ("deprecation", "true"))},
        {"url": "https://t/api/v1/products?first=5"},
        {"purpose": Purpose.NEXT_PAGE},
        {"status": None, "failure": Failure.RESET},
    ],
)
def test_whatever_a_check_may_look_at_is_judged_again(change: dict[str, Any]) -> None:
    judgement = Judgement(CONTRACT)
    judgement.of("products.list", [BROKEN])
    judgement.of("products.list", [replace(BROKEN, **change)])
    judgement.of("products.list", [replace(BROKEN, **change), BROKEN])
    assert judgement.repeated == 0


def test_no_check_looks_at_a_header_that_is_left_out() -> None:
    import inspect

    from whopwatch.checks import evidence

    of_reads = [check for check in CHECKS if check.__name__ != "side_effects"]  # which looks at writes alone
    sources = [inspect.getsource(inspect.getmodule(check) or check) for check in of_reads]
    for header in VOLATILE:
        assert not any(f'"{header}"' in source for source in [*sources, inspect.getsource(evidence)]), header
