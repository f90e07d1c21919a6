"""A small Whop API in memory, made from the contract: enough truth to run a whole check against, quickly.

It is no simulator: objects are generated from their schemas one by one, and nothing can be changed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, Operation

COMPANY = "biz_company000000"
Answer = tuple[int, Any, dict[str, str]]
Fault = Callable[[Operation, httpx.Request, Answer], Answer | httpx.Response]


class FakeApi:
    """Answers the contract's reads. `fault` may replace any answer; `items` is the length of every list."""

    def __init__(self, contract: Contract, *, items: int = 23, fault: Fault | None = None) -> None:
        self.contract = contract
        self.items = items
        self.fault = fault
        self.requests: Counter[str] = Counter()
        self.log: list[str] = []
        self.transport = httpx.MockTransport(self.handle)

    def target(self, **changes: Any) -> Target:
        settings: dict[str, Any] = {
            "name": "fake",
            "base_url": "http://127.0.0.1:1/api/v1",
            "v2_base_url": "http://127.0.0.1:1/api/v2",
            "api_key": Secret("right_key_000000"),
            "company_id": COMPANY,
            "known_ids": {"files": "file_0"},
        }
        return Target(**(settings | changes))

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests[request.method] += 1
        self.log.append(str(request.url))
        api, path = request.url.path.removeprefix("/api/").split("/", 1)
        operation = self.contract.match(request.method, f"/{path}", api)
        assert operation is not None, request.url.path
        answer: Answer | httpx.Response = self.answer(operation, f"/{path}", request)
        if self.fault and not isinstance(answer, httpx.Response):
            answer = self.fault(operation, request, answer)
        if isinstance(answer, httpx.Response):
            return answer
        status, body, headers = answer
        return httpx.Response(status, json=body, headers=headers)

    def answer(self, operation: Operation, path: str, request: httpx.Request) -> Answer:
        if request.headers.get("Authorization") != "Bearer right_key_000000" and not operation.is_public:
            v2 = {"error": {"status": 401, "message": "refused"}}
            return error(401, "unauthorized") if operation.api == "v1" else (401, v2, {})
        query = dict(parse_qsl(request.url.query.decode()))
        for parameter in operation.required_query:
            if parameter.name not in query:
                return error(400, "invalid_request_error", code="parameter_missing", param=parameter.name)
        if operation.is_list:
            return 200, self.page(operation, query), {}
        schema = operation.success.schema or {}
        id = path.split("/")[2]
        number = int("0" + "".join(filter(str.isdigit, id))) % 1000
        return 200, self.generate(schema, operation.api, id, operation.id, number), {}

    def page(self, operation: Operation, query: Mapping[str, str]) -> dict[str, Any]:
        schema = self.contract.resolve(operation.success.schema or {})["properties"]["data"]["items"]
        start, end = 0, self.items
        if "after" in query:
            start = int(query["after"].removeprefix("cursor")) + 1
        if "before" in query:
            end = int(query["before"].removeprefix("cursor"))
        if "last" in query:
            start = max(start, end - int(query["last"]))
        end = min(end, start + int(query.get("first", 100)))
        own = "biz_{}" if operation.id == "companies.list" else None
        data = [
            self.generate(schema, "v1", own and own.format(number), operation.id, number)
            for number in range(start, end)
        ]
        info = {
            "start_cursor": f"cursor{start}" if data else None,
            "end_cursor": f"cursor{end - 1}" if data else None,
            "has_next_page": end < self.items,
            "has_previous_page": start > 0,
        }
        return {"data": data, "page_info": info}

    def generate(self, schema: Mapping[str, Any], api: str, id: str | None, place: str, number: int = 0) -> Any:
        schema = self.contract.resolve(schema, api)
        branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if branches:
            return self.generate(branches[0], api, id, place, number)
        if "properties" in schema:
            value = {
                name: self.generate(part, api, None, f"{place}/{name}", number)
                for name, part in schema["properties"].items()
            }
            if id is not None and isinstance(value.get("id"), str):
                value["id"] = id
            return value
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        kind = schema.get("type")
        if kind == "array":
            return [self.generate(schema["items"], api, None, place, number)]
        if kind == "string":
            return self.text(schema, place, number)
        return {"integer": 1, "number": 1.5, "boolean": True, "null": None}.get(str(kind), {})

    def text(self, schema: Mapping[str, Any], place: str, number: int) -> str:
        if schema.get("x-resource") == "companies":
            return COMPANY
        if "x-resource" in schema:
            prefix = schema.get("x-id-prefix", [f"{schema['x-resource']}_"])[0]
            return f"{prefix}{number}"
        if "x-id-prefix" in schema:
            return f"{schema['x-id-prefix'][0]}1"
        return {"date-time": "2026-01-02T03:04:05.678Z", "date": "2026-01-02"}.get(schema.get("format", ""), "text")


def error(status: int, kind: str, **more: str | None) -> Answer:
    envelope = {"type": kind, "message": "refused", "code": None, "param": None} | more
    return status, {"error": envelope}, {}


def html(status: int = 200) -> httpx.Response:
    return httpx.Response(status, text="<html>hello</html>", headers={"content-type": "text/html"})


def mutate(body: Any, change: Callable[[Any], None]) -> Any:
    copy = json.loads(json.dumps(body))
    change(copy)
    return copy
