"""Page through one list of the API, and write to it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call, Client

FORWARDS = ("first", "after", "has_next_page", "end_cursor")
BACKWARDS = ("last", "before", "has_previous_page", "start_cursor")
RESOURCES = Path(__file__).with_name("resources.toml")


@dataclass(frozen=True)
class Page:
    """The ids of one page, and the cursor of the next page in the traversal's direction, None after the last page."""

    ids: tuple[str, ...]
    next: str | None


class Items(Protocol):
    """What the state machine needs from a list. `moves` is whether an update changes an item's position."""

    moves: bool

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page: ...
    def create(self, number: int) -> str: ...
    def update(self, id: str, number: int) -> None: ...
    def delete(self, id: str) -> None: ...
    def holds(self, id: str) -> bool: ...


@dataclass(frozen=True)
class Resource:
    """One entry of resources.toml."""

    name: str
    query: Mapping[str, str]
    create: Mapping[str, Any]
    update: Mapping[str, Any] = field(default_factory=dict)
    order: str | None = None


def resources() -> Iterator[Resource]:
    """Yield the resources of resources.toml."""
    for name, entry in tomllib.loads(RESOURCES.read_text(encoding="utf-8")).items():
        yield Resource(name, **entry)


class ApiItems:
    """The list of `resource` at the writable target of `client`."""

    def __init__(self, client: Client, contract: Contract, resource: Resource) -> None:
        self.moves = resource.order in resource.update
        self._client = client
        self._contract = contract
        self._resource = resource
        order = {"order": resource.order, "direction": "asc"} if resource.order else {}
        self._query = tuple({**self._filled(resource.query, 0), **order}.items())

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        """Return a page of at most `size` items after or before the cursor."""
        number, place, more, edge = BACKWARDS if backwards else FORWARDS
        paging = ((number, str(size)), *([(place, cursor)] if cursor else ()))
        answer = self._answer("list", query=(*self._query, *paging)).json
        info = answer["page_info"]
        return Page(tuple(item["id"] for item in answer["data"]), info[edge] if info[more] else None)

    def create(self, number: int) -> str:
        """Create an item and return its id."""
        return str(self._answer("create", body=self._filled(self._resource.create, number)).json["id"])

    def update(self, id: str, number: int) -> None:
        """Update the item, if the API has an operation for it."""
        if self._resource.update:
            self._answer("update", id, body=self._filled(self._resource.update, number))

    def delete(self, id: str) -> None:
        """Delete the item."""
        self._answer("delete", id)

    def holds(self, id: str) -> bool:
        """Check that the item can be retrieved. A status other than success or 404 is an error."""
        exchange = self._send("retrieve", id)
        assert exchange.ok or exchange.status == 404, f"{self._resource.name}.retrieve: {exchange.status}"
        return exchange.ok

    def _answer(self, method: str, id: str | None = None, **request: Any) -> Exchange:
        exchange = self._send(method, id, **request)
        assert exchange.ok, f"{self._resource.name}.{method}: {exchange.status or exchange.failure}"
        return exchange

    def _send(self, method: str, id: str | None = None, **request: Any) -> Exchange:
        operation = self._contract.operation(f"{self._resource.name}.{method}")
        params = {} if id is None else {"id": id}
        return self._client.send(Call(operation, Purpose.RETRIEVE, path_params=params, **request))

    def _filled(self, template: Mapping[str, Any], number: int) -> dict[str, Any]:
        return {name: self._value(value, number) for name, value in template.items()}

    def _value(self, value: Any, number: int) -> Any:
        if not isinstance(value, str):
            return value
        return self._first(value[1:]) if value.startswith("@") else value.replace("{}", str(number))

    def _first(self, resource: str) -> str:
        """Return the company of the key, or the id of the first item of the list of `resource`."""
        company = self._client.target.company_id
        if resource == "companies" and company:
            return company
        operation = self._contract.operation(f"{resource}.list")
        query = tuple((parameter.name, self._first(str(parameter.resource))) for parameter in operation.required_query)
        exchange = self._client.send(Call(operation, Purpose.LIST, query=query))
        assert exchange.ok, f"{resource}.list: {exchange.status or exchange.failure}"
        assert exchange.json["data"], f"{resource}.list is empty, so no item can be created"
        return str(exchange.json["data"][0]["id"])
