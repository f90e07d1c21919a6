"""The contract: what one version of the API documents, loaded from data."""

from __future__ import annotations

from whopwatch.contract.behaviour import AccountResource
from whopwatch.contract.edition import Edition
from whopwatch.contract.loader import contracts_dir, edition_dir, editions, forget_contracts, load
from whopwatch.contract.model import Contract
from whopwatch.contract.operation import Event, Operation, Parameter, Response

__all__ = [
    "AccountResource",
    "Contract",
    "Edition",
    "Event",
    "Operation",
    "Parameter",
    "Response",
    "contracts_dir",
    "edition_dir",
    "editions",
    "forget_contracts",
    "load",
]
