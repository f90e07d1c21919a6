"""The contract: what the API documents, loaded from data."""

from __future__ import annotations

from whopwatch.contract.loader import contracts_dir, load
from whopwatch.contract.model import Contract, Event, Operation, Parameter, Response

__all__ = ["Contract", "Event", "Operation", "Parameter", "Response", "contracts_dir", "load"]
