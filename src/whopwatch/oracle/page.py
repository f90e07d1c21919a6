"""One page of a list: its items, its cursors, and which list it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from whopwatch.contract.list_behaviour import PAGING, Pairs
from whopwatch.core.exchange import Exchange


class ListPage:
    """The page in the response of `exchange`.

    `usable` is true if the response is a complete page: an object with `page_info` and an array `data` of objects.
    `items` are its items, empty for a page that is not usable. `rows` and `page_info` are what the body has for them,
    usable or not, empty if it is not an array or an object; `has_data` is whether `data` is an array.
    """

    def __init__(self, exchange: Exchange) -> None:
        value: Any = exchange.json if exchange.ok else None
        body = value if isinstance(value, dict) else {}
        data, info = body.get("data"), body.get("page_info")
        self.exchange = exchange
        self.has_data = isinstance(data, list)
        self.rows: list[Any] = data if isinstance(data, list) else []
        self.page_info: Mapping[str, Any] = info if isinstance(info, dict) else {}
        self.usable = self.has_data and isinstance(info, dict) and set(map(type, self.rows)) <= {dict}
        self.items: Sequence[Mapping[str, Any]] = self.rows if self.usable else ()

    @cached_property
    def ids(self) -> list[str]:
        """The identities of the items (see `identity`), in page order."""
        return [identity(item) for item in self.items]

    @cached_property
    def own_ids(self) -> list[str]:
        """The ids of the rows that have one, in page order."""
        return [id for row in self.rows if isinstance(row, dict) and isinstance(id := row.get("id"), str)]

    def info(self, name: str) -> Any:
        """Return the value of a key of `page_info`, None if it is absent or the page is not usable."""
        return self.page_info.get(name) if self.usable else None

    def cursor(self, name: str) -> str | None:
        """Return cursor `name`, None if it is not a string that can be sent back."""
        value = self.page_info.get(name)
        return value if isinstance(value, str) and value else None

    def size(self, name: str = "first") -> int | None:
        """Return the page size that the request asks for with parameter `name`, None if it has none."""
        text = self.exchange.query_value(name)
        return int(text) if text and text.isdecimal() else None

    @property
    def is_last(self) -> bool:
        """Whether the page says that no page follows."""
        return self.info("has_next_page") is False


def identity(item: Mapping[str, Any]) -> str:
    """Return the id of `item`, or all of it as JSON if it has no id that is a string."""
    id = item.get("id")
    return id if isinstance(id, str) else json.dumps(item, sort_keys=True)


def list_key(exchange: Exchange, optional: frozenset[str]) -> tuple[object, ...]:
    """Return which list is requested, without paging and without filters and order (the `optional` parameters)."""
    rest = tuple(sorted(pair for pair in exchange.query if pair[0] not in PAGING and pair[0] not in optional))
    return exchange.operation, tuple(sorted(exchange.path_params.items())), rest


def filters_and_order(exchange: Exchange, optional: frozenset[str]) -> Pairs:
    """Return the filters and the order that are requested: the pairs of `optional` parameters."""
    return tuple(pair for pair in exchange.query if pair[0] in optional)
