"""What a run has seen, indexed the way checks ask for it. Nothing here knows how it was come by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.contract.operation import Response
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.expected_list import ListParameters
from whopwatch.oracle.traversal import ListHistory

PAGES = (Purpose.LIST, Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.QUERY)
MISTAKES = frozenset(
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
"""Requests that have to be refused with a documented error: one that is not is wrong as such, whatever it answers."""


@dataclass(frozen=True)
class Answer:
    """A success answer to a request that keeps the documentation, with the target's key, whose body is JSON.

    `items` are what its operation is about: the items of a page, or the one object. `number` tells answers apart.
    """

    number: int
    operation: Operation
    exchange: Exchange
    value: Any

    @property
    def response(self) -> Response:
        """What is documented for its status; for an undocumented one, what is for success."""
        return self.operation.responses.get(self.exchange.status or 0, self.operation.success)

    @cached_property
    def items(self) -> list[Any]:
        """The items of a list's page; the whole body of anything else."""
        if not self.operation.is_list:
            return [self.value]
        data = self.value.get("data") if isinstance(self.value, dict) else None
        return data if isinstance(data, list) else []

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the items that have one."""
        return [id for item in self.items if isinstance(item, dict) and isinstance(id := item.get("id"), str)]

    @cached_property
    def page_info(self) -> Mapping[str, Any]:
        """The page's `page_info`, empty where it is no object."""
        info = self.value.get("page_info") if isinstance(self.value, dict) else None
        return info if isinstance(info, dict) else {}

    def cursor(self, name: str) -> str | None:
        """The cursor called `name`, where it is a string that can be sent back."""
        value = self.page_info.get(name)
        return value if isinstance(value, str) and value else None


class Evidence:
    """The exchanges of one observation. Those of operations that the contract does not know are left out."""

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
    def answers(self) -> Mapping[str, Sequence[Answer]]:
        """The success answers of each operation that can be held against its schema."""
        index: dict[str, list[Answer]] = defaultdict(list)
        for number, exchange in enumerate(self.exchanges):
            if exchange.ok and exchange.credential == "key" and exchange.purpose not in MISTAKES:
                value, problem = exchange.parsed
                if problem is None:
                    operation = self.operation(exchange)
                    index[operation.id].append(Answer(number, operation, exchange, value))
        return index

    @cached_property
    def inexact(self) -> Sequence[Answer]:
        """The success answers that are not as documented down to the last field, whatever is wrong with them."""
        return [answer for answers in self.answers.values() for answer in answers if not self._is_exact(answer)]

    def _is_exact(self, answer: Answer) -> bool:
        response = answer.response
        if response.schema is None:
            return False
        return self._contract.validator(response.pointer, answer.operation.api).is_exact(answer.value)

    @cached_property
    def lists(self) -> Mapping[str, ListHistory]:
        """The walks that were made of each list."""
        return {
            id: ListHistory(rules_of(self._contract, id), exchanges)
            for id, exchanges in self.by_operation.items()
            if self._contract.operations[id].is_list
        }

    @cached_property
    def _places(self) -> Mapping[int, int]:
        return {id(exchange): place for place, exchange in enumerate(self.exchanges)}

    def number(self, exchange: Exchange) -> int:
        """The place of an exchange among all: what tells earlier from later."""
        return self._places[id(exchange)]

    def is_still_there(self, exchange: Exchange) -> bool:
        """Whether what an exchange asked for was there when it was last asked for in the plain way."""
        plain = [
            other
            for other in self.by_operation[exchange.operation]
            if other.purpose in (Purpose.LIST, Purpose.RETRIEVE) and other.path_params == exchange.path_params
        ]
        return not plain or plain[-1].status != 404

    def operation(self, exchange: Exchange) -> Operation:
        """The operation that `exchange` was made for."""
        return self._contract.operations[exchange.operation]

    def samples(self, operation: str) -> int:
        """How many items of the operation were seen."""
        return sum(len(answer.items) for answer in self.answers.get(operation, ()))

    def pages(self) -> Iterator[Answer]:
        """Every page of every list."""
        for answers in self.answers.values():
            yield from (answer for answer in answers if answer.exchange.purpose in PAGES)

    @cached_property
    def steps(self) -> Sequence[tuple[Answer, Answer]]:
        """Every two pages of which the second was asked for by the first one's end cursor."""
        return tuple(self._linked(Purpose.NEXT_PAGE, "after", "end_cursor"))

    @cached_property
    def steps_back(self) -> Sequence[tuple[Answer, Answer]]:
        """Every two pages of which the second was asked for, backwards, by the first one's start cursor."""
        return tuple(self._linked(Purpose.PREVIOUS_PAGE, "before", "start_cursor"))

    @cached_property
    def walks(self) -> Sequence[Sequence[Answer]]:
        """Every walk: a first page and those that were reached from it, two pages at least."""
        after = {page.number: following for page, following in reversed(self.steps)}
        walks = []
        for page in self.pages():
            if page.exchange.purpose is Purpose.LIST and page.number in after:
                walk = [page]
                while walk[-1].number in after:
                    walk.append(after[walk[-1].number])
                walks.append(walk)
        return walks

    def _linked(self, purpose: Purpose, parameter: str, cursor: str) -> Iterator[tuple[Answer, Answer]]:
        for answers in self.answers.values():
            for place, page in enumerate(answers):
                if page.exchange.purpose is purpose:
                    sent = page.exchange.query_value(parameter)
                    origins = (
                        earlier
                        for earlier in reversed(answers[:place])
                        if earlier.exchange.purpose in (Purpose.LIST, Purpose.NEXT_PAGE)
                        and earlier.cursor(cursor) == sent
                        and scope(earlier.exchange) == scope(page.exchange)
                    )
                    yield from ((origin, page) for origin in islice(origins, 1))


@lru_cache(maxsize=512)
def rules_of(contract: Contract, id: str) -> ListParameters:
    """What is known of the parameters of the list called `id`."""
    return ListParameters(contract, contract.operations[id])


def scope(exchange: Exchange) -> tuple[object, ...]:
    """What an exchange asked for without its paging: requests of one scope walk the same list."""
    rest = tuple(sorted(pair for pair in exchange.query if pair[0] not in PAGING))
    return exchange.operation, tuple(sorted(exchange.path_params.items())), rest
