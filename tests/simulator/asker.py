"""Send requests to the simulator without a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from whopwatch.contract import Contract, Operation
from whopwatch.simulator import ApiCall, Backend
from whopwatch.simulator.world.values import EntityRef


@dataclass(frozen=True)
class Answer:
    """A response of the backend, parsed."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def json(self) -> Any:
        return json.loads(bytes(self.response.body))

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.json["data"]]

    @property
    def info(self) -> dict[str, Any]:
        return dict(self.json["page_info"])

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.json["error"])


@dataclass(frozen=True)
class Asker:
    """Sends requests directly to a Backend."""

    backend: Backend
    contract: Contract

    def __call__(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | Sequence[tuple[str, str]] = (),
        body: Any = None,
        *,
        api: str = "v1",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        pairs = query.items() if isinstance(query, Mapping) else query
        sent = {"authorization": f"Bearer {self.backend.api_key if key is None else key}", **(headers or {})}
        if not sent["authorization"].removeprefix("Bearer "):
            del sent["authorization"]
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        flat = [(name, str(value)) for name, value in pairs]
        return Answer(self.backend.answer(ApiCall(method, api, path, flat, sent, raw)))

    def operation(self, name: str, query: Mapping[str, Any] | None = None, **path: str) -> Answer:
        """Send a read request. Parameters that it requires are taken from the world if they are not given."""
        operation = self.contract.operation(name)
        sent = {**self.required(operation), **(query or {})}
        return self(operation.method, self.path(operation, path), sent, api=operation.api)

    def path(self, operation: Operation, given: Mapping[str, str] | None = None) -> str:
        values = {p.name: self.some_id(p.resource or "products") for p in operation.in_("path")}
        return operation.fill({name: quote(v, safe="") for name, v in {**values, **(given or {})}.items()})

    def required(self, operation: Operation) -> dict[str, str]:
        return {p.name: self.some_id(p.resource or "") for p in operation.required_query}

    def some_id(self, resource: str) -> str:
        """Return the newest object of a resource, which most others refer to. For companies: the key's own."""
        if resource == "companies":
            return self.backend.world.account.id
        return next(reversed(self.backend.world.table(resource)))

    def walk(self, name: str, query: Mapping[str, Any] | None = None, *, first: int = 100) -> list[dict[str, Any]]:
        """Return every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        after: dict[str, Any] = {}
        while True:
            page = self.operation(name, {**(query or {}), "first": first, **after}).json
            items += page["data"]
            if not page["page_info"]["has_next_page"]:
                return items
            after = {"after": page["page_info"]["end_cursor"]}

    def resolves(self, resource: str, id: str) -> bool:
        return self.backend.world.get(EntityRef(resource, id)) is not None
