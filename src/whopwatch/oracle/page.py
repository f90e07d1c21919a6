"""One page of a list, and walks made of pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from whopwatch.contract.list_behaviour import PAGING, Pairs
from whopwatch.core.exchange import Exchange


class Page:
    """The page that an exchange asked for. It is `usable` where it came whole and has the form of a page.

    `items` are its items; none where the page is not usable.
    """

    def __init__(self, exchange: Exchange) -> None:
        value: Any = exchange.json if exchange.ok else None
        self.exchange = exchange
        self.usable = (
            isinstance(value, dict)
            and isinstance(value.get("data"), list)
            and set(map(type, value["data"])) <= {dict}
            and isinstance(value.get("page_info"), dict)
        )
        self.items: Sequence[Mapping[str, Any]] = value["data"] if self.usable else ()
        self._info: Mapping[str, Any] = value["page_info"] if self.usable else {}

    @cached_property
    def ids(self) -> list[str]:
        """What tells the items apart, in their order."""
        return [identity(item) for item in self.items]

    def info(self, name: str) -> Any:
        """The value of a key of `page_info`, None where it is not there."""
        return self._info.get(name)

    def size(self, name: str = "first") -> int | None:
        """The page size that was asked for."""
        text = self.exchange.query_value(name)
        return int(text) if text and text.isdecimal() else None

    @property
    def is_last(self) -> bool:
        """Whether it says that no page follows."""
        return self.info("has_next_page") is False


def identity(item: Mapping[str, Any]) -> str:
    """The id of an item, or the whole of it where it has none."""
    id = item.get("id")
    return id if isinstance(id, str) else json.dumps(item, sort_keys=True)


def base_of(exchange: Exchange, optional: frozenset[str]) -> tuple[object, ...]:
    """Which list is asked for, whatever filters (the `optional` parameters), order and page."""
    rest = tuple(sorted(pair for pair in exchange.query if pair[0] not in PAGING and pair[0] not in optional))
    return exchange.operation, tuple(sorted(exchange.path_params.items())), rest


def chosen(exchange: Exchange, optional: frozenset[str]) -> Pairs:
    """The filters and the order that were asked for."""
    return tuple(pair for pair in exchange.query if pair[0] in optional)
