"""Send many valid and invalid requests to each read operation: every response conforms to the contract.

At the simulator, requests are generated, and shrunk if one fails. At any other target, only requests that failed
before are sent again, within the session's budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.schemas import OpenApiSchema

from suites.generated.checks import CHECKS
from suites.generated.document import load_schema
from whopwatch.config import Target
from whopwatch.contract import Contract, Operation, load
from whopwatch.core.exchange import Exchange
from whopwatch.generate.adapter import GuardedAdapter, RefusedError

EXAMPLES = 6
READS = [operation for operation in load().reads if operation.api == "v1"]


@dataclass(frozen=True, repr=False)
class Reads:
    """The reads as Schemathesis knows them. Without a repr: Hypothesis prints the arguments of a failing test."""

    schema: OpenApiSchema
    answered: Mapping[str, Exchange]

    def cases(self, operation: Operation) -> SearchStrategy[Case[Any]]:
        """Return requests that are generated from the contract, and variations of a successful one."""
        generated = self.schema.find_operation_by_id(operation.id)
        answered = self.answered.get(operation.id)
        if answered is None:
            return generated.as_strategy()
        query = {parameter.name: answered.query_value(parameter.name) for parameter in operation.required_query}
        varied = generated.as_strategy(path_parameters=answered.path_params or None, query=query or None)
        return st.one_of(varied, generated.as_strategy())


@pytest.fixture(scope="module")
def reads(contract: Contract, target: Target, answered: Mapping[str, Exchange], adapter: GuardedAdapter) -> Reads:
    return Reads(load_schema(contract, target, [operation.id for operation in READS]), answered)


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.id)
def test_every_response_conforms_to_the_contract(
    operation: Operation, reads: Reads, generation: Callable[[str], settings]
) -> None:
    statuses: Counter[int] = Counter()

    @settings(generation(operation.id), max_examples=EXAMPLES)
    @given(reads.cases(operation))
    def conforms(case: Case[Any]) -> None:
        try:
            response = case.call()
        except RefusedError:
            reject()  # the guard rejects a path that a server may read as another path
        statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=list(CHECKS))
        except FailureGroup as group:
            # Schemathesis would print the response. The messages of our checks contain no values.
            pytest.fail("\n".join(sorted(str(failure) for failure in group.exceptions)), pytrace=False)

    conforms()
    if not statuses:
        pytest.skip("the guard rejected every request that failed before")
    reached = 200 in statuses or operation.id not in reads.answered
    assert reached, "no generated request succeeded"
