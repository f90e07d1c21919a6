"""A recorded run, and every kind of response in it altered in many ways, one at a time: what do the checks find?"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from tests.run.in_process import InProcess
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Failure, Phases, Purpose
from whopwatch.run import observe
from whopwatch.simulator.backend import SimulatorOptions

Alter = Callable[[Exchange], Exchange]
JSON = ("content-type", "application/json")


def recorded(contract: Contract, selected: Collection[str], seed: int, budget: int) -> list[Exchange]:
    """Return the exchanges of a run, with writes, at a simulator without a fault."""
    simulator = InProcess(contract, SimulatorOptions(seed=seed, rate_limit=10**9))
    target = replace(simulator.target(), writable=True)
    observation = observe(
        contract, target, budget=budget, selected=selected, seed=seed, transport=simulator, writes=True
    )
    assert not observation.findings
    return [
        replace(
            one, phases=Phases(total=0.01), started_at=float(number), body=one.body or json.dumps(one.json).encode()
        )
        for number, one in enumerate(observation.exchanges)
    ]


def with_json(change: Callable[[Any], Any]) -> Alter:
    """Return an alteration of the parsed body: `change` alters it in place, or returns another one."""

    def alter(exchange: Exchange) -> Exchange:
        value = copy.deepcopy(exchange.json)
        try:
            changed = change(value)
        except (KeyError, IndexError, TypeError, AttributeError):
            return exchange
        return replace(exchange, body=json.dumps(value if changed is None else changed).encode())

    return alter


def objects(value: Any) -> Any:
    """Return the first item of a page, or the object itself."""
    return value["data"][0] if "data" in value else value


def put(item: dict[str, Any], name: str, value: Any) -> None:
    if name not in item:
        raise KeyError(name)
    item[name] = value


def first_of(item: dict[str, Any], kind: type) -> str:
    return next(name for name in [*item, ""] if name == "" or (isinstance(item[name], kind) and name != "id"))


def info(name: str, value: Any) -> Alter:
    return with_json(lambda body: put(body["page_info"], name, value))


def status(number: int, body: bytes | None = None) -> Alter:
    return lambda one: replace(one, status=number, body=one.body if body is None else body)


def header(name: str, value: str) -> Alter:
    return lambda one: replace(one, headers=((name, value), *(pair for pair in one.headers if pair[0] != name)))


ERROR = json.dumps({"error": {"type": "x", "message": "m", "code": None, "param": None}}).encode()
ALTERATIONS: dict[str, Alter] = {
    "status 200": status(200),
    "status 202": status(202),
    "status 301": status(301),
    "status 400, another parameter": status(400, ERROR.replace(b'"param": null', b'"param": "query"')),
    "status 401": status(401, ERROR),
    "status 403": status(403, ERROR),
    "status 404": status(404, ERROR),
    "status 410": status(410, ERROR),
    "status 422, malformed": status(422, b'{"error": "m"}'),
    "status 429": status(429, ERROR),
    "status 500": status(500, ERROR),
    "no response": lambda one: replace(one, status=None, body=b"", headers=(), failure=Failure.READ_TIMEOUT),
    "too large": lambda one: replace(one, status=None, body=b"", headers=(), failure=Failure.TOO_LARGE),
    "empty body": lambda one: replace(one, body=b""),
    "half a body": lambda one: replace(one, body=one.body[: len(one.body) // 2]),
    "not UTF-8": lambda one: replace(one, body=b'"\xff"'),
    "HTML": header("content-type", "text/html"),
    "Latin-1": header("content-type", "application/json; charset=latin-1"),
    "another version": header("api-version-date", "2024-01-01"),
    "a sunset": header("sunset", "Wed, 01 Jan 2020 00:00:00 GMT"),
    "a deprecation": header("deprecation", "true"),
    "slow": lambda one: replace(one, phases=Phases(total=9.0)),
    "a list": with_json(lambda body: [body]),
    "null": with_json(lambda body: {"data": None} if "data" in body else [None]),
    "an item less": with_json(lambda body: body["data"].pop(0) and None),
    "the last item less": with_json(lambda body: body["data"].pop() and None),
    "no items": with_json(lambda body: body["data"].clear()),
    "an item twice": with_json(lambda body: body["data"].append(body["data"][0])),
    "an unknown item": with_json(lambda body: body["data"].append({**body["data"][0], "id": "new_1234567"})),
    "reversed": with_json(lambda body: body["data"].reverse()),
    "no next page": info("has_next_page", False),
    "a next page": info("has_next_page", True),
    "a previous page": info("has_previous_page", True),
    "no end cursor": info("end_cursor", None),
    "no start cursor": info("start_cursor", None),
    "another end cursor": info("end_cursor", "elsewhere"),
    "another start cursor": info("start_cursor", "elsewhere"),
    "no page_info": with_json(lambda body: body.pop("page_info") and None),
    "a number as string": with_json(lambda body: put(objects(body), first_of(objects(body), int), "7")),
    "a string as number": with_json(lambda body: put(objects(body), first_of(objects(body), str), 7)),
    "another string": with_json(lambda body: put(objects(body), first_of(objects(body), str), "other")),
    "a null": with_json(lambda body: put(objects(body), first_of(objects(body), str), None)),
    "a field less": with_json(lambda body: objects(body).pop(first_of(objects(body), str)) and None),
    "no title": with_json(lambda body: objects(body).pop("title") and None),
    "another title": with_json(lambda body: put(objects(body), "title", "other")),
    "created later": with_json(lambda body: put(objects(body), "created_at", "2999-01-01T00:00:00.000Z")),
    "never created": with_json(lambda body: put(objects(body), "created_at", None)),
    "updated long ago": with_json(lambda body: put(objects(body), "updated_at", "2001-01-01T00:00:00.000Z")),
    "a date without time": with_json(lambda body: put(objects(body), "updated_at", "2026-01-01")),
    "an unknown enum value": with_json(lambda body: put(objects(body), "visibility", "paused")),
    "an unknown field": with_json(lambda body: objects(body).update(unheard_of=1)),
    "another id": with_json(lambda body: put(objects(body), "id", "zzz_1234567")),
    "another owner": with_json(lambda body: put(objects(body)["company"], "id", "biz_elsewhere12345")),
    "an object less": with_json(lambda body: put(objects(body), first_of(objects(body), dict), None)),
    "a list less": with_json(lambda body: objects(body).pop(first_of(objects(body), list)) and None),
}


SEEN_OFTEN = frozenset(Purpose) - {
    Purpose.NO_KEY, Purpose.WRONG_KEY, Purpose.INVALID_SIZE, Purpose.INVALID_CURSOR, Purpose.INVALID_VALUE,
    Purpose.MISSING_PARAMETER, Purpose.UNKNOWN_ID, Purpose.MALFORMED_ID,
}  # fmt: skip
"""The purposes of requests that most checks compare with others."""


def findings(contract: Contract, exchanges: list[Exchange], often: int, seldom: int) -> Iterator[str]:
    """Yield what the checks find if one response is altered, or all of one kind: operation, purpose and success.

    Each kind gets a part of the alterations, another one in turn: one of `often` for SEEN_OFTEN, one of `seldom` else.
    """
    kinds: dict[tuple[str, Purpose, bool], list[int]] = {}
    for number, exchange in enumerate(exchanges):
        kinds.setdefault((exchange.operation, exchange.purpose, exchange.ok), []).append(number)
    for turn, ((operation, purpose, _), numbers) in enumerate(kinds.items()):
        part = often if purpose in SEEN_OFTEN else seldom
        for place, name in list(enumerate(ALTERATIONS))[turn % part :: part]:
            which, chosen = ("all", numbers) if (place // part) % 2 else ("one", numbers[-1:])
            changed = list(exchanges)
            for number in chosen:
                changed[number] = ALTERATIONS[name](exchanges[number])
            for one in run_checks(contract, Evidence(contract, changed), CHECKS):
                yield f"{operation} {purpose}, {which}, {name}: {one.severity} {one.rule} {one.location}: {one.message}"
