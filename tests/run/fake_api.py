"""A small Whop API in memory, made from the contract: enough truth to run a whole check against, quickly.

It is no simulator: objects are generated from their schemas one by one, and nothing can be changed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

import httpx

from tests.http.mock import MockTransport
from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import PAGING, Pairs
from whopwatch.oracle.documented_fields import EXPAND
from whopwatch.oracle.expected_list import ListParameters, WholeList

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
        self.owners: dict[str, Pairs] = {}
        self.transport = MockTransport(self.handle)

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
            return error(401, "unauthorized") if operation.api == "v1" else (401, v2_error(401), {})
        pairs = tuple(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        query = dict(pairs)
        ids = [*path.split("/")[2:], *(query[p.name] for p in operation.required_query if p.name in query)]
        if any(id.endswith("000000000000") or "!" in id or (id.strip("0").endswith("_") and "00" in id) for id in ids):
            return error(404, "not_found") if operation.api == "v1" else (404, v2_error(404), {})
        for parameter in operation.required_query:
            if parameter.name not in query:
                return error(400, "invalid_request_error", code="parameter_missing", param=parameter.name)
        if operation.is_list:
            mistake = self.mistake(operation, pairs)
            return mistake or (200, self.page(operation, query, pairs), {})
        schema = operation.success.schema or {}
        id = path.split("/")[2]
        number = int("0" + "".join(filter(str.isdigit, id))) % 1_000_000
        is_owner = any("x-resource-alternatives" in parameter.schema for parameter in operation.in_("path"))
        asked = None if is_owner and id.startswith(("biz_", "user_")) else id
        value = self.generate(schema, operation.api, asked, operation.id, number)
        belong(self.contract, value, self.owners.get(id, ()))
        expanded = {name: {"id": value[name]} for key, name in pairs if key == EXPAND and name in value}
        return 200, {**value, **expanded} if expanded else value, {}

    def mistake(self, operation: Operation, pairs: Pairs) -> Answer | None:
        """Return the rejection of an invalid page size, cursor or value."""
        query, mark = dict(pairs), mark_of(pairs)
        sizes: list[str] = [name for name in ("first", "last") if name in query]
        odd = sizes[1:] or [name for name in sizes if not query[name].isdecimal() or int(query[name]) < 1]
        odd += [
            name
            for name in ("after", "before")
            if not re.fullmatch(r"cursor\d+" + mark, query.get(name, f"cursor0{mark}"))
        ]
        odd += [name for name, value in pairs if value == "whopwatch-unknown"]
        return error(400, "invalid_request_error", code="parameter_invalid", param=odd[0]) if odd else None

    def rows(self, operation: Operation, pairs: Pairs) -> list[Mapping[str, Any]]:
        """What the list has under filters and an order; what an item does not show keeps it in."""
        schema = self.contract.resolve(operation.success.schema or {})["properties"]["data"]["items"]
        own = "biz_{}" if operation.id == "companies.list" else None
        needed = {parameter.name for parameter in operation.required_query}
        parents = [value for name, value in pairs if name in needed]
        start = 50 * sum(crc32(value.encode()) % 19_997 for value in parents if value != COMPANY)
        made = [
            self.generate(schema, "v1", own and own.format(number), operation.id, number)
            for number in range(start, start + self.items)
        ]
        owners = tuple(pair for pair in pairs if pair[0] in needed)
        for item in made:
            belong(self.contract, item, self.owners.setdefault(str(item.get("id")), owners))
        listing = WholeList(made, ListParameters(self.contract, operation))
        asked = tuple(pair for pair in pairs if pair[0] in listing.parameters.optional)
        chosen = listing.expect(asked)
        return [listing.by_id[id] for id in chosen] if asked else made

    def page(self, operation: Operation, query: Mapping[str, str], pairs: Pairs = ()) -> dict[str, Any]:
        rows = self.rows(operation, pairs)
        start, end = 0, len(rows)
        if "after" in query:
            start = int(query["after"].removeprefix("cursor").partition("of")[0]) + 1
        if "before" in query:
            end = int(query["before"].removeprefix("cursor").partition("of")[0])
        if "last" in query:
            start = max(start, end - int(query["last"]))
        end = min(end, start + int(query.get("first", query.get("last", 10))))
        data = rows[start:end]
        info = {
            "start_cursor": f"cursor{start}{mark_of(pairs)}" if data else None,
            "end_cursor": f"cursor{end - 1}{mark_of(pairs)}" if data else None,
            "has_next_page": end < len(rows),
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


def belong(contract: Contract, item: Any, pairs: Pairs) -> None:
    """Make an item show, where it shows an owner, the one that was asked for."""
    for name, value in pairs:
        for path in contract.behaviour.owners.get(name, "").split("|"):
            *steps, last = path.split(".")
            holder = item
            for step in steps:
                holder = holder.get(step) if isinstance(holder, dict) else None
            if isinstance(holder, dict) and isinstance(holder.get(last), str):
                holder[last] = value


def mark_of(pairs: Pairs) -> str:
    """What binds a cursor to the filters and the order it was given under."""
    asked = [pair for pair in pairs if pair[0] not in PAGING and not pair[0].endswith("_id") and pair[0] != "id"]
    return f"of{crc32(repr(asked).encode())}" if asked else ""


def error(status: int, kind: str, **more: str | None) -> Answer:
    envelope = {"type": kind, "message": "refused", "code": None, "param": None} | more
    return status, {"error": envelope}, {}


def v2_error(status: int) -> dict[str, Any]:
    return {"error": {"status": status, "message": "refused"}}


def html(status: int = 200) -> httpx.Response:
    return httpx.Response(status, text="<html>hello</html>", headers={"content-type": "text/html"})


def mutate(body: Any, change: Callable[[Any], None]) -> Any:
    copy = json.loads(json.dumps(body))
    change(copy)
    return copy
