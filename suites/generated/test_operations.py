"""Each read of the API, asked in many documented ways: whatever it answers keeps the contract.

At the simulator requests are generated, and shrunk where one fails. At any other target only those that failed before
are sent again, within the session's budget.
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
    """The reads as Schemathesis knows them. Hypothesis shows what a failing test was given; this shows nothing."""

    schema: OpenApiSchema
    answered: Mapping[str, Exchange]

    def cases(self, operation: Operation) -> SearchStrategy[Case[Any]]:
        """Requests made of nothing but the documentation, and variations of one that was answered."""
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
def test_whatever_is_answered_keeps_the_contract(
    operation: Operation, reads: Reads, generation: Callable[[str], settings]
) -> None:
    statuses: Counter[int] = Counter()

    @settings(generation(operation.id), max_examples=EXAMPLES)
    @given(reads.cases(operation))
    def keeps(case: Case[Any]) -> None:
        try:
            response = case.call()
        except RefusedError:
            reject()  # a path that a server may read as another one: the guard lets nobody send it
        statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=list(CHECKS))
        except FailureGroup as group:
            # Schemathesis would print the response; the messages of our checks hold none of it.
            pytest.fail("\n".join(sorted(str(failure) for failure in group.exceptions)), pytrace=False)

    keeps()
    if not statuses:
        pytest.skip("the guard refused every request that failed before")
    reached = 200 in statuses or operation.id not in reads.answered
    assert reached, "no generated request was answered with success"
