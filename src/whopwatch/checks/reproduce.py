"""Write a request of a run so that a person can send it again: values are shell variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import MALFORMED_ID, NONEXISTENT_ID_SUFFIX, UNDOCUMENTED_VALUE
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import RequestExample
from whopwatch.core.pointers import pointer_steps

MAX_VALUES, MAX_VALUE, MAX_WALKED = 3, 80, 10_000
"""Values that are shown of a location, characters of one, and values that are visited."""
REQUEST_ID_HEADERS = ("x-request-id", "request-id", "cf-ray")
OWN_VALUES = (MALFORMED_ID, UNDOCUMENTED_VALUE)
"""Values that only whopwatch sends, to see them rejected."""
_REQUEST_ID = re.compile(r"(?![\d.:/+=-]*\Z)[A-Za-z0-9._:/+=-]{4,100}", re.ASCII)
"""A number alone is not shown: it can be that of a card or a telephone."""
_NOT_IN_A_NAME = re.compile(r"\W+")
_PAGE_SIZE = re.compile(r"-?\d{1,9}|x", re.ASCII)


def example_request(contract: Contract, operation: Operation, exchanges: Sequence[Exchange]) -> str:
    """Return path and query of the latest plain request for `operation`, or of the one it would need.

    Page sizes and documented values are shown; every other value is a shell variable named after its parameter.
    """
    plain = [exchange for exchange in exchanges if exchange.purpose in (Purpose.LIST, Purpose.RETRIEVE)]
    query = plain[-1].query if plain else tuple((parameter.name, "") for parameter in operation.required_query)
    return _path(contract, operation, {}, query)


def request_of(contract: Contract, exchange: Exchange) -> RequestExample:
    """Return the request of `exchange`, and the id that its response has."""
    operation = contract.operations[exchange.operation]
    path = _path(contract, operation, exchange.path_params, exchange.query)
    return RequestExample(path, exchange.method, exchange.credential, request_id(exchange))


def request_id(exchange: Exchange) -> str | None:
    """Return the id that the response has for the request, None if it has none."""
    values = (exchange.header(name) for name in REQUEST_ID_HEADERS)
    return next((value for value in values if value and _REQUEST_ID.fullmatch(value)), None)


def values_at(exchange: Exchange, location: str) -> tuple[str, ...]:
    """Return what a response has at `location`, at most MAX_VALUES different values, as short JSON.

    They may be personal data: print them on a terminal if the user asked for that, and write them nowhere.
    """
    if location.startswith("header:"):
        header = exchange.header(location.removeprefix("header:"))
        return (_short(header),) if header is not None else ()
    values = [exchange.json] if location == "" or location.startswith("/") else []
    for step in pointer_steps(location):
        values = list(islice(_children(values, step), MAX_WALKED))
    return tuple(islice(dict.fromkeys(map(_short, values)), MAX_VALUES))


def _children(values: list[Any], name: str) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list) and name == "*":
            yield from value
        elif isinstance(value, dict) and name in value:
            yield value[name]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def _path(contract: Contract, operation: Operation, ids: Mapping[str, str], query: Sequence[tuple[str, str]]) -> str:
    def id_of(match: re.Match[str]) -> str:
        value = ids.get(match[1], "")
        return value if _is_own(value) else _variable(match[1])

    path = re.sub(r"\{(\w+)\}", id_of, operation.path)
    pairs = "&".join(f"{name}={_value(contract, operation, name, value)}" for name, value in query)
    return f"{path}?{pairs}" if pairs else path


def _is_own(value: str) -> bool:
    return value in OWN_VALUES or value.endswith(NONEXISTENT_ID_SUFFIX)


def _value(contract: Contract, operation: Operation, name: str, value: str) -> str:
    parameter = operation.parameter(name)
    if (name in ("first", "last") and _PAGE_SIZE.fullmatch(value)) or _is_own(value):
        return value
    known = contract.documented_values(operation, parameter) if parameter else ()
    return value if value in known else _variable(name)


def _variable(name: str) -> str:
    shown = _NOT_IN_A_NAME.sub("_", name).strip("_").upper()
    return "$WHOP_COMPANY_ID" if shown == "COMPANY_ID" else f"${shown}"
