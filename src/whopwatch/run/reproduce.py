"""Write a request of a run so that a person can send it again: values are shell variables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose

_NOT_IN_A_NAME = re.compile(r"\W+")


def example_request(contract: Contract, operation: Operation, exchanges: Sequence[Exchange]) -> str:
    """Return path and query of the latest plain request for `operation`, or of the one it would need.

    Page sizes and documented values are shown; every other value is a shell variable named after its parameter.
    """
    plain = [exchange for exchange in exchanges if exchange.purpose in (Purpose.LIST, Purpose.RETRIEVE)]
    query = plain[-1].query if plain else tuple((parameter.name, "") for parameter in operation.required_query)
    path = re.sub(r"\{(\w+)\}", lambda match: _variable(match[1]), operation.path)
    pairs = "&".join(f"{name}={_value(contract, operation, name, value)}" for name, value in query)
    return f"{path}?{pairs}" if pairs else path


def _value(contract: Contract, operation: Operation, name: str, value: str) -> str:
    parameter = operation.parameter(name)
    if name in ("first", "last") and value.isdecimal():
        return value
    known = contract.documented_values(operation, parameter) if parameter else ()
    return value if value in known else _variable(name)


def _variable(name: str) -> str:
    shown = _NOT_IN_A_NAME.sub("_", name).strip("_").upper()
    return "$WHOP_COMPANY_ID" if shown == "COMPANY_ID" else f"${shown}"
