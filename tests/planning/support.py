"""Responses made by hand, a small list that obeys its filters, and a driver of experiments."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.http import Call
from whopwatch.planning.state import Experiment, RunState

Api = Callable[[Call], tuple[Any, int]]
"""Returns the body and the status of the response to a call."""

Step = Callable[[RunState, Any], Experiment]
TYPES = ("regular", "app", "experience_upsell")
VISIBILITIES = ("visible", "hidden")
INVALID = (Purpose.INVALID_SIZE, Purpose.INVALID_CURSOR, Purpose.INVALID_VALUE, Purpose.MISSING_PARAMETER)


def answer(call: Call, body: Any = None, status: int = 200) -> Exchange:
    return Exchange(
        operation=call.operation.id,
        purpose=call.purpose,
        method=call.operation.method,
        url="http://127.0.0.1/",
        path_params=dict(call.path_params),
        query=call.query,
        request_body=call.body,
        credential=call.credential,
        status=status,
        headers=(("content-type", "application/json"),),
        body=json.dumps(body).encode(),
    )


def failed(call: Call) -> Exchange:
    """Return an exchange without a response."""
    return Exchange(call.operation.id, call.purpose, "GET", "http://127.0.0.1/", failure=Failure.READ_TIMEOUT)


def page(ids: list[str], end: str | None = None, more: bool = False, start: str | None = "s") -> dict[str, Any]:
    info = {"start_cursor": start, "end_cursor": end, "has_next_page": more, "has_previous_page": False}
    return {"data": [{"id": id} for id in ids], "page_info": info}


def run_state(contract: Contract, *selected: str, seed: int = 0, budget: int = 600, unscoped: bool = False) -> RunState:
    """Return the state of a run over `selected` operations, with the company of the key known."""
    state = RunState(contract, selected, seed, budget, has_unscoped_key=unscoped)
    state.pool.pin("companies", "biz_1")
    return state


def drive(state: RunState, experiment: Experiment, api: Api) -> list[Call]:
    """Run `experiment` against `api` and record the responses; return its calls."""
    calls: list[Call] = []
    exchange = None
    while True:
        try:
            call = next(experiment) if exchange is None else experiment.send(exchange)
        except StopIteration:
            return calls
        assert len(calls) < 200, "the experiment does not end"
        calls.append(call)
        body, status = api(call)
        exchange = answer(call, body, status)
        state.record(call, exchange)


def ask(state: RunState, step: Step, operation: str, api: Api) -> list[Call]:
    """Run one step of the plan for `operation`; return its calls."""
    return drive(state, step(state, state.contract.operation(operation)), api)


def product(number: int) -> dict[str, Any]:
    """Return a product: two a day, the higher number the newer; most are visible and regular."""
    day, hour = divmod(number, 2)
    return {
        "id": f"prod_{number}",
        "created_at": f"2026-01-{day + 1:02}T{6 * hour + 1:02}:00:00.000Z",
        "product_type": TYPES[1] if number % 10 == 4 else TYPES[0],
        "visibility": VISIBILITIES[1] if number % 10 == 7 else VISIBILITIES[0],
        "member_count": number % 5,
    }


class ProductList:
    """`products.list` over `count` products: filters, orders and pages as documented.

    Parameters in `ignored` have no effect. `requests` are the calls so far.
    """

    def __init__(self, count: int = 30, ignored: Collection[str] = ()) -> None:
        self.items = [product(number) for number in range(count)]
        self.ignored = ignored
        self.requests: list[Call] = []

    def __call__(self, call: Call) -> tuple[Any, int]:
        self.requests.append(call)
        if call.credential != "key":
            return {"error": {}}, 401
        if call.purpose in INVALID:
            return {"error": {}}, 400
        values: dict[str, list[str]] = {}
        for name, value in call.query:
            if name not in self.ignored:
                values.setdefault(name, []).append(value)
        found = self._sorted([item for item in self.items if _passes(item, values)], values)
        begin, end = self._window([item["id"] for item in found], values)
        shown = found[begin:end]
        info = {
            "start_cursor": shown[0]["id"] if shown else None,
            "end_cursor": shown[-1]["id"] if shown else None,
            "has_next_page": end < len(found),
            "has_previous_page": begin > 0,
        }
        return {"data": shown, "page_info": info}, 200

    @staticmethod
    def _sorted(items: list[dict[str, Any]], values: dict[str, list[str]]) -> list[dict[str, Any]]:
        field = {"active_memberships_count": "member_count"}.get(values.get("order", [""])[-1], "created_at")
        is_ascending = values.get("direction", ["desc"])[-1] == "asc"
        return sorted(items, key=lambda item: (item[field], item["id"]), reverse=not is_ascending)

    @staticmethod
    def _window(ids: Sequence[str], values: dict[str, list[str]]) -> tuple[int, int]:
        """Return the first and the last place of the page that is requested."""
        if "before" in values:
            end = ids.index(values["before"][0]) if values["before"][0] in ids else len(ids)
            return max(0, end - int(values.get("last", ["10"])[0])), end
        after = values.get("after", [""])[0]
        begin = ids.index(after) + 1 if after in ids else 0
        return begin, min(len(ids), begin + int(values.get("first", ["10"])[0]))


def _passes(item: dict[str, Any], values: dict[str, list[str]]) -> bool:
    return (
        item["product_type"] in values.get("product_types[]", TYPES)
        and item["visibility"] in values.get("visibilities[]", VISIBILITIES)
        and item["created_at"] >= values.get("created_after", [""])[-1]
        and item["created_at"] < values.get("created_before", ["3"])[-1]
    )


def plain_list(state: RunState, api: Api, first: str = "100") -> None:
    """Send the plain request of `products.list`, as reaching it does."""
    call = Call(
        state.contract.operation("products.list"), Purpose.LIST, query=(("company_id", "biz_1"), ("first", first))
    )
    state.record(call, answer(call, *api(call)))


def purposes(calls: Sequence[Call]) -> list[Purpose]:
    return [call.purpose for call in calls]


class WritableProducts:
    """The products of one company, newest first: they can be created, updated, deleted and listed in pages."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.count = 0

    def __call__(self, call: Call) -> tuple[Any, int]:
        if call.credential != "key":
            return {"error": {}}, 401
        if call.purpose in (Purpose.INVALID_BODY, Purpose.OTHER_BODY):
            return {"error": {}}, 400
        if call.purpose is Purpose.SAME_KEY:
            return self.items[0], 200
        id = call.path_params.get("id")
        own = next((item for item in self.items if item["id"] == id), None)
        match call.operation.method_name:
            case "create":
                self.count += 1
                self.items.insert(0, {**call.body, "id": f"prod_{self.count}"})
                return self.items[0], 200
            case "update" if own:
                own.update(call.body)
                return own, 200
            case "delete" if own:
                self.items.remove(own)
                return True, 200
            case "retrieve" if own:
                return own, 200
            case "list" if call.operation.resource == "products":
                return self._page(dict(call.query))
        return {"error": {}}, 404

    def _page(self, query: dict[str, str]) -> tuple[Any, int]:
        ids = [item["id"] for item in self.items]
        begin = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        part = self.items[begin : begin + int(query.get("first", 100))]
        end = part[-1]["id"] if part else None
        info = {"end_cursor": end, "has_next_page": begin + len(part) < len(ids), "has_previous_page": begin > 0}
        return {"data": part, "page_info": {"start_cursor": None, **info}}, 200
