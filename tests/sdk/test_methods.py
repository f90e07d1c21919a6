"""The official Python SDK, unmodified, drives every operation of the simulator and parses what it declares."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any, get_type_hints

import pytest
from whop_sdk import AsyncWhop, DefaultAsyncHttpxClient, Whop
from whop_sdk.pagination import AsyncCursorPage, SyncCursorPage

from tests.local_http import NO_TLS
from tests.sdk.declared import problems
from tests.simulator.asker import Asker
from tests.simulator.bodies import bodies
from whopwatch.contract import Operation, load
from whopwatch.simulator import Simulator, embedded

ENOUGH = 40


@pytest.fixture(scope="module", params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def running(kind: str) -> Iterator[Simulator]:
    """A world for each kind of client: both delete what they find."""
    with embedded() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(running: Simulator) -> Iterator[Whop]:
    with Whop(api_key=running.api_key, base_url=running.base_url, max_retries=0) as client:
        yield client


def methods(client: Any) -> set[str]:
    """Every method of the SDK that sends a request, as `resource.method`."""
    found = set()
    for resource in vars(type(client)):
        holder = getattr(client, resource, None)
        if type(holder).__name__.endswith("Resource"):
            names = [name for name in vars(type(holder)) if not name.startswith(("_", "with_"))]
            found |= {f"{resource}.{name}" for name in names}
    return found - {"webhooks.unwrap"}


# Reads come first: what is written later has nothing that refers to it.
V1 = [
    operation.id
    for operation in sorted(load().operations.values(), key=lambda operation: (not operation.is_read, operation.id))
    if operation.api == "v1"
]


def test_the_sdk_has_a_method_for_each_operation_and_no_other(client: Whop) -> None:
    assert methods(client) == set(V1)
    assert len(V1) == 149


def arguments(ask: Asker, operation: Operation) -> Iterator[dict[str, Any]]:
    """What to call a method with: every required parameter, and each documented body filled in."""
    for body in bodies(ask, operation):
        path = {p.name: ask.some_id(p.resource or "products") for p in operation.in_("path")}
        yield {**path, **ask.required(operation), **(body or {})}


def sync_results(client: Whop, operation: Operation, sent: dict[str, Any]) -> tuple[Any, list[Any]]:
    resource, name = operation.id.split(".")
    result = getattr(getattr(client, resource), name)(**sent)
    items = list(islice(result, ENOUGH)) if isinstance(result, SyncCursorPage) else []
    return result, items


async def async_results(running: Simulator, operation: Operation, sent: dict[str, Any]) -> tuple[Any, list[Any]]:
    resource, name = operation.id.split(".")
    http = DefaultAsyncHttpxClient(verify=NO_TLS)
    async with AsyncWhop(api_key=running.api_key, base_url=running.base_url, max_retries=0, http_client=http) as client:
        method = getattr(getattr(client, resource), name)
        result = await method(**sent)
        items = []
        if isinstance(result, AsyncCursorPage):
            async for item in result:
                items.append(item)
                if len(items) == ENOUGH:
                    break
    return result, items


def declared(client: Whop, operation: Operation) -> Any:
    resource, name = operation.id.split(".")
    return get_type_hints(getattr(type(getattr(client, resource)), name), include_extras=True)["return"]


def item_type(page: Any) -> Any:
    """The T of a `SyncCursorPage[T]`."""
    return page.__pydantic_generic_metadata__["args"][0]


@pytest.mark.parametrize("id", V1)
def test_a_method_completes_and_parses_what_it_declares(running: Simulator, client: Whop, kind: str, id: str) -> None:
    contract = running.backend.contract
    ask, operation = Asker(running.backend, contract), contract.operation(id)
    hint = declared(client, operation)
    for sent in arguments(ask, operation):
        if kind == "sync":
            result, items = sync_results(client, operation, sent)
        else:
            result, items = asyncio.run(async_results(running, operation, sent))
        if operation.is_list:
            assert len(items) > len(result.data), "the walk went beyond the first page"
            found = [problem for item in items for problem in problems(item, item_type(hint))]
        else:
            found = list(problems(result, hint))
        assert found == []
