"""What a run has seen, indexed as the checks need it. Nothing here knows how the exchanges were made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import PAGING
from whopwatch.contract.operation import Response
from whopwatch.contract.schema_tree import MAX_EXPLAINED_ITEMS
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.expected_list import ListParameters
from whopwatch.oracle.page import ListPage
from whopwatch.oracle.traversal import PAGE_PURPOSES, ListHistory

INVALID_REQUESTS = frozenset(
    {
        Purpose.INVALID_SIZE,
        Purpose.INVALID_CURSOR,
        Purpose.INVALID_VALUE,
        Purpose.MISSING_PARAMETER,
        Purpose.UNKNOWN_ID,
        Purpose.MALFORMED_ID,
        Purpose.INVALID_BODY,
        Purpose.DELETED_AGAIN,
    }
)
"""Purposes of deliberately invalid requests; any success response to one is a violation."""


@dataclass(frozen=True)
class SuccessResponse:
    """A success response with a JSON body, to a valid request with the target's key.

    `index` is the position of its exchange among all, `value` the parsed body.
    """

    index: int
    operation: Operation
    exchange: Exchange
    value: Any

    @property
    def response(self) -> Response:
        """What is documented for its status; for an undocumented status, what is documented for success."""
        return self.operation.responses.get(self.exchange.status or 0, self.operation.success)

    def part_to_explain(self, is_right: Callable[[Any], bool]) -> tuple[Any, int]:
        """Return the value that has to be explained, and the position of its first item in the page.

        That is the whole value, or of a page with more than MAX_EXPLAINED_ITEMS the first part of so many items for
        which `is_right` is false.
        """
        if not self.operation.is_list or len(self.page.rows) <= MAX_EXPLAINED_ITEMS:
            return self.value, 0
        for start in range(0, len(self.page.rows), MAX_EXPLAINED_ITEMS):
            part = {**self.value, "data": self.page.rows[start : start + MAX_EXPLAINED_ITEMS]}
            if not is_right(part):
                return part, start
        return {**self.value, "data": []}, 0

    @cached_property
    def page(self) -> ListPage:
        """The response as a page of a list."""
        return ListPage(self.exchange)

    @property
    def items(self) -> list[Any]:
        """The items of a page of a list; the whole body of any other operation."""
        return self.page.rows if self.operation.is_list else [self.value]

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the items that have one."""
        return [id for item in self.items if isinstance(item, dict) and isinstance(id := item.get("id"), str)]


class Evidence:
    """The exchanges of one run, without those of operations that the contract does not have."""

    def __init__(self, contract: Contract, exchanges: Sequence[Exchange]) -> None:
        self._contract = contract
        self.exchanges = tuple(exchange for exchange in exchanges if exchange.operation in contract.operations)

    @cached_property
    def by_operation(self) -> Mapping[str, Sequence[Exchange]]:
        """The exchanges of each operation, in their order."""
        index: dict[str, list[Exchange]] = defaultdict(list)
        for exchange in self.exchanges:
            index[exchange.operation].append(exchange)
        return index

    @cached_property
    def responses(self) -> Mapping[str, Sequence[SuccessResponse]]:
        """The success responses of each operation that can be checked against its schema."""
        found: dict[str, list[SuccessResponse]] = defaultdict(list)
        for index, exchange in enumerate(self.exchanges):
            if exchange.ok and exchange.credential == "key" and exchange.purpose not in INVALID_REQUESTS:
                value, problem = exchange.parsed
                if problem is None:
                    operation = self.operation(exchange)
                    found[operation.id].append(SuccessResponse(index, operation, exchange, value))
        return found

    @cached_property
    def inexact_responses(self) -> Sequence[SuccessResponse]:
        """The success responses that violate their schema, have an undocumented field or an unknown id prefix."""
        return [one for responses in self.responses.values() for one in responses if not self._is_exact(one)]

    def _is_exact(self, success: SuccessResponse) -> bool:
        response = success.response
        if response.schema is None:
            return False
        return self._contract.validator(response.pointer, success.operation.api).is_exact(success.value)

    @cached_property
    def lists(self) -> Mapping[str, ListHistory]:
        """The traversals of each list."""
        return {
            id: ListHistory(list_parameters(self._contract, id), exchanges)
            for id, exchanges in self.by_operation.items()
            if self._contract.operations[id].is_list
        }

    @cached_property
    def _indexes(self) -> Mapping[int, int]:
        return {id(exchange): index for index, exchange in enumerate(self.exchanges)}

    def index(self, exchange: Exchange) -> int:
        """Return the position of an exchange among all: a later one has a higher index."""
        return self._indexes[id(exchange)]

    def is_still_there(self, exchange: Exchange) -> bool:
        """Return whether the last valid requests for the same object or list do not say that it is gone."""
        plain = [
            other
            for other in self.by_operation[exchange.operation]
            if other.purpose in (Purpose.LIST, Purpose.RETRIEVE) and other.path_params == exchange.path_params
        ]
        wanted = exchange.path_params.get("id")
        is_gone = wanted is not None and self.is_listed(self.operation(exchange).resource, wanted) is False
        return (not plain or plain[-1].status != 404) and not is_gone

    @cached_property
    def _last_requests(self) -> Mapping[tuple[object, ...], int]:
        """The index of the last response to each request that shows what is there: a success, or a 404."""
        answered = (one for one in self.exchanges if one.ok or one.status == 404)
        return {_request_of(exchange): self.index(exchange) for exchange in answered}

    def is_listed(self, resource: str, wanted: str) -> bool | None:
        """Return whether a page of the list still shows the object, as last requested; None if no page ever did.

        A list that is not found any more shows nothing, whatever its other pages showed before.
        """
        listing = [page for page in self.responses.get(f"{resource}.list", ()) if wanted in page.ids]
        shown = {page.index for page in listing}
        last = {self._last_requests[_request_of(page.exchange)] for page in listing}
        if not last:
            return None
        return all(self.exchanges[index].ok for index in last) and not shown.isdisjoint(last)

    def operation(self, exchange: Exchange) -> Operation:
        """Return the operation of an exchange."""
        return self._contract.operations[exchange.operation]

    @cached_property
    def _item_counts(self) -> Mapping[str, int]:
        return {id: sum(len(success.items) for success in responses) for id, responses in self.responses.items()}

    def samples(self, operation: str) -> int:
        """Return how many items of the operation were seen."""
        return self._item_counts.get(operation, 0)

    def pages(self) -> Iterator[SuccessResponse]:
        """Yield every page of every list."""
        for responses in self.responses.values():
            yield from (one for one in responses if one.exchange.purpose in PAGE_PURPOSES)

    @cached_property
    def steps(self) -> Sequence[tuple[SuccessResponse, SuccessResponse]]:
        """Every two pages of which the second was requested with the first one's end cursor."""
        return tuple(self._linked(Purpose.NEXT_PAGE, "after", "end_cursor"))

    @cached_property
    def steps_back(self) -> Sequence[tuple[SuccessResponse, SuccessResponse]]:
        """Every two pages of which the second was requested, backwards, with the first one's start cursor."""
        return tuple(self._linked(Purpose.PREVIOUS_PAGE, "before", "start_cursor"))

    @cached_property
    def traversals(self) -> Sequence[Sequence[SuccessResponse]]:
        """Every first page with the pages that were reached from it, at least two pages together."""
        following = {page.index: after for page, after in reversed(self.steps)}
        traversals = []
        for page in self.pages():
            if page.exchange.purpose is Purpose.LIST and page.index in following:
                traversal = [page]
                while traversal[-1].index in following:
                    traversal.append(following[traversal[-1].index])
                traversals.append(traversal)
        return traversals

    def _linked(
        self, purpose: Purpose, parameter: str, cursor: str
    ) -> Iterator[tuple[SuccessResponse, SuccessResponse]]:
        """Yield each page with `purpose` after the latest earlier page of the same list that has its cursor."""
        for responses in self.responses.values():
            for position, page in enumerate(responses):
                if page.exchange.purpose is purpose:
                    sent = page.exchange.query_value(parameter)
                    origins = (
                        earlier
                        for earlier in reversed(responses[:position])
                        if earlier.exchange.purpose in (Purpose.LIST, Purpose.NEXT_PAGE)
                        and earlier.page.cursor(cursor) == sent
                        and scope(earlier.exchange) == scope(page.exchange)
                    )
                    yield from ((origin, page) for origin in islice(origins, 1))


def _request_of(exchange: Exchange) -> tuple[object, ...]:
    return exchange.operation, tuple(sorted(exchange.path_params.items())), exchange.query


@lru_cache(maxsize=512)
def list_parameters(contract: Contract, id: str) -> ListParameters:
    """Return the parameters of list `id`."""
    return ListParameters(contract, contract.operations[id])


def scope(exchange: Exchange) -> tuple[object, ...]:
    """Return what is requested without the paging: requests of one scope read the same list."""
    rest = tuple(sorted(pair for pair in exchange.query if pair[0] not in PAGING))
    return exchange.operation, tuple(sorted(exchange.path_params.items())), rest
