"""Every request of a few plans, in order, as `tests/planning/requests/*.txt` have them.

After a change on purpose: `python -m tests.planning.test_requests` writes them anew; read the diff.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from tests.planning.support import INVALID, Api, ProductList, drive, run_state
from tests.run.fake_api import FakeApi
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.http.call import url_of
from whopwatch.planning.schedule import plan
from whopwatch.planning.writes import WriteState, plan_cleanup, plan_writes

FOLDER = Path(__file__).with_name("requests")
READS = (
    "products.list", "products.retrieve", "payments.list", "payments.list_fees", "users.check_access", "members.list",
    "course_lessons.list", "course_lesson_interactions.list", "reviews.list", "ledger_accounts.retrieve",
    "v2.plans.retrieve",
)  # fmt: skip
NEWEST_READS = (
    "api_logs.list", "members.logs.list", "members.list", "stats.time_series.list", "accounts.search", "plans.list",
    "financial_reports.retrieve", "users.check_access", "payouts.methods.list", "messages.list",
)  # fmt: skip
WRITES = (
    "products.create", "products.update", "products.delete", "plans.create", "plans.update", "memberships.pause",
    "memberships.update", "course_lessons.create", "course_lessons.submit_assessment", "reactions.create",
    "experiences.attach", "invoices.create", "invoices.void", "webhooks.create", "webhooks.update", "webhooks.delete",
)  # fmt: skip


class Store:
    """An API that stores what is written: every resource can be created, changed, listed and deleted.

    `rejected` are fields that no create may have, `refused` the HTTP methods that this key may not use with objects.
    A list shows the newest object first; with `empty`, it shows only what was created. No more than `most` objects of a
    resource can be created.
    """

    def __init__(
        self,
        contract: Contract,
        rejected: Iterable[str] = (),
        refused: Iterable[str] = (),
        *,
        empty: bool = False,
        most: int = 1000,
    ) -> None:
        self.contract, self.rejected, self.refused = contract, set(rejected), set(refused)
        self.empty, self.most = empty, most
        self.objects: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, call: Call) -> tuple[Any, int]:
        if call.credential != "key":
            return {"error": {}}, 401
        if call.purpose in (*INVALID, Purpose.INVALID_BODY, Purpose.OTHER_BODY):
            return {"error": {}}, 400
        if call.purpose in (Purpose.UNKNOWN_ID, Purpose.MALFORMED_ID):
            return {"error": {}}, 404
        operation, method = call.operation, call.operation.method_name
        own = self.objects.setdefault(operation.resource, [])
        if operation.is_list:
            there = [] if self.empty else [{"id": f"{operation.resource}_0", "title": None}]
            return self._page(own or there, dict(call.query)), 200
        if operation.method in self.refused and method != "create":
            return {"error": {}}, 403
        if method == "create":
            if found := self.rejected & (call.body or {}).keys():
                return {"error": {"param": min(found)}}, 400
            if len(own) >= self.most:
                return {"error": {}}, 400
            if call.purpose is not Purpose.SAME_KEY:
                own.insert(0, {**(call.body or {}), "id": f"{operation.resource}_{len(own) + 1}"})
            return own[0], 200
        id = [f"{operation.resource}_0", *call.path_params.values()][-1]
        known = next((one for one in own if one["id"] == id), None)
        if method == "delete":
            self.objects[operation.resource] = [one for one in own if one["id"] != id]
            return (True, 200) if known else ({"error": {}}, 404)
        if known is not None:
            known.update(call.body or {})
        return known or {"id": id, **(call.body or {})}, 200

    @staticmethod
    def _page(items: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        ids = [item["id"] for item in items]
        begin = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        part = items[begin : begin + int(query.get("first", 10))]
        info = {
            "start_cursor": part[0]["id"] if part else None,
            "end_cursor": part[-1]["id"] if part else None,
            "has_next_page": begin + len(part) < len(items),
            "has_previous_page": begin > 0,
        }
        return {"data": part, "page_info": info}


def products(ignored: str = "") -> Api:
    """Return an API with 30 products; a single object shows its id."""
    listed = ProductList(30, ignored=[ignored])

    def api(call: Call) -> tuple[Any, int]:
        if call.operation.is_list or call.credential != "key":
            return listed(call)
        is_known = call.path_params["id"].startswith("prod_") and "00" not in call.path_params["id"]
        return ({"id": call.path_params["id"]}, 200) if is_known else ({"error": {}}, 404)

    return api


def fake(contract: Contract) -> Api:
    """Return a correct API of every read."""
    server = FakeApi(contract, items=13)
    key = {"key": "right_key_000000", "unscoped": "right_key_000000"}

    def api(call: Call) -> tuple[Any, int]:
        headers = {"Authorization": f"Bearer {key.get(call.credential, '')}"}
        response = server.handle(httpx.Request(call.operation.method, url_of(call, server.target()), headers=headers))
        return response.json(), response.status_code

    return api


def line(call: Call) -> str:
    """Return a request on one line: purpose, operation, values, key and body."""
    values = [f"{name}={value}" for name, value in call.path_params.items()]
    query = [f"{name}={unquote(value)}" for name, value in call.query]
    extra: list[str] = [call.credential] * (call.credential != "key") + [call.template or ""] * bool(call.template)
    body = [] if call.body is None else [json.dumps(call.body, sort_keys=True)]
    headers = [f"{name}: {value}" for name, value in call.headers]
    return " ".join([call.purpose, call.operation.id, *values, *["?"] * bool(query), *query, *extra, *headers, *body])


def reads(contract: Contract, ids: Iterable[str], api: Api, **facts: Any) -> list[str]:
    """Return the requests of a reading plan, and which checks of which operations had their turn."""
    state = run_state(contract, *ids, **facts)
    state.pool.pin(contract.account.resource, "biz_1")
    calls = [line(call) for planned in plan(state) if planned for call in drive(state, planned.experiment, api)]
    assert state.failures == []
    return [*calls, *(f"had a turn: {kind} of {id}" for id, kind in sorted(state.had_turn))]


def writes(contract: Contract, *known: str, is_simulated: bool, **facts: Any) -> list[str]:
    """Return the requests of a plan that writes, what was skipped, and what is left in the end.

    Of the resources `known`, an id is known from elsewhere.
    """
    state = run_state(contract, *WRITES)
    for resource in ("users", *known):
        state.pool.add(resource, f"{resource}_1")
    writing, api = WriteState(state, "mark-", is_simulated=is_simulated), Store(contract, **facts)
    experiments = [*plan_writes(writing, WRITES), *plan_cleanup(writing)]
    calls = [line(call) for experiment in experiments for call in drive(state, experiment, api)]
    assert state.failures == []
    skipped = [f"skipped: {id}: {reason}" for id, reason in sorted(writing.skipped.items())]
    return [*calls, *skipped, *(f"left: {count} {resource}" for resource, count in sorted(writing.left().items()))]


PLANS: dict[str, Callable[[], list[str]]] = {
    "products": lambda: reads(load(), READS[:2], products(), unscoped=True),
    "products-with-an-ignored-filter": lambda: reads(load(), READS[:2], products("visibilities[]"), seed=1),
    "reads": lambda: reads(load(), READS, fake(load()), seed=2),
    "reads-of-the-newest-edition": lambda: reads(load("newest"), NEWEST_READS, Store(load("newest")), budget=300),
    "writes": lambda: writes(load(), is_simulated=True),
    "writes-elsewhere": lambda: writes(load(), is_simulated=False, rejected=["headline", "route"]),
    "writes-that-are-refused": lambda: writes(load(), is_simulated=True, refused=["PATCH", "POST", "DELETE"]),
    "writes-to-empty-lists": lambda: writes(load(), "memberships", is_simulated=True, empty=True),
    "writes-of-one-object": lambda: writes(load(), is_simulated=True, most=1),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_sends_these_requests(name: str) -> None:
    expected = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert PLANS[name]() == expected


if __name__ == "__main__":
    for name, made in PLANS.items():
        (FOLDER / f"{name}.txt").write_text("".join(f"{text}\n" for text in made()), encoding="utf-8")
