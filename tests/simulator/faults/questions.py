"""Everything a client may ask one operation: what a fault there has to change an answer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from starlette.responses import Response

from tests.simulator.asker import Asker
from tests.simulator.bodies import bodies
from whopwatch.contract import Operation, Parameter
from whopwatch.contract.behaviour import PAGING
from whopwatch.core.strict_json import parse_json
from whopwatch.simulator.declarations import SORT_PARAMETERS

Answer = tuple[str, int, tuple[tuple[str, str], ...], bytes]
Query = Mapping[str, Any]

IDS = 40
UNKNOWN = "zzzz_AAAAAAAAAAAAAA"


def told(response: Response) -> Answer:
    """All there is of a response: how it is sent, its status, headers and body."""
    headers = tuple(sorted(response.headers.items()))
    return type(response).__name__, response.status_code, headers, bytes(response.body)


def one_each(ask: Asker, *, besides: str = "") -> dict[str, Answer]:
    """One answer of each reading operation but one."""
    return {
        operation.id: told(ask.operation(operation.id, {"first": 3} if operation.is_list else None).response)
        for operation in ask.contract.reads
        if operation.id != besides
    }


def answers(ask: Asker, operation: Operation) -> Iterator[Answer]:
    """What a client hears that asks an operation everything it could think of."""
    if operation.is_read:
        yield from map(told, _listed(ask, operation) if operation.is_list else _retrieved(ask, operation))
        yield from map(told, _unauthorized(ask, operation))
    else:
        yield from map(told, _written(ask, operation))


def _unauthorized(ask: Asker, operation: Operation) -> Iterator[Response]:
    for key in ("", "wrong", ask.backend.unscoped_key):
        sent = ask.required(operation)
        yield ask(operation.method, ask.path(operation), sent, key=key, api=operation.api).response


def _retrieved(ask: Asker, operation: Operation) -> Iterator[Response]:
    name = next((parameter.name for parameter in operation.in_("path")), "id")
    view = ask.backend.world.views.of_operation.get(operation.id)
    own = view is not None and view.table in ask.contract.resources
    ids = list(ask.backend.world.table(view.table))[:IDS] if own and view else []
    for id in (*ids, *ids[:2], UNKNOWN, "?"):
        yield ask.operation(operation.id, None, **{name: id}).response
    for parameter in operation.in_("query"):
        for value in ask.contract.documented_values(operation, parameter):
            yield ask.operation(operation.id, {parameter.name: value}, **{name: ids[0]} if ids else {}).response
    if operation.alternate_paths or not own:
        yield ask.operation(operation.id).response


def _listed(ask: Asker, operation: Operation) -> Iterator[Response]:
    yield from (ask.operation(operation.id).response for _ in range(4))
    yield from _walked(ask, operation, {"first": 3})
    yield from _walked(ask, operation, {})
    yield from _refusable(ask, operation)
    yield from _missing(ask, operation)
    for query in _queries(ask, operation):
        yield ask.operation(operation.id, query).response
        yield from _walked(ask, operation, {**query, "first": 5}, back=False, pages=3)
    for parameter in operation.in_("query"):
        if parameter.is_array:
            pairs = [(parameter.name, value) for value in _values(ask, operation, parameter)[:2]]
            yield ask("GET", ask.path(operation), [*ask.required(operation).items(), *pairs]).response


def _walked(
    ask: Asker, operation: Operation, query: Query, *, back: bool = True, pages: int = 12
) -> Iterator[Response]:
    """The first pages of a walk, each page twice, and the way back from each."""
    after: Query = {}
    for _ in range(pages):
        page = ask.operation(operation.id, {**query, **after})
        yield page.response
        info = _object(page.response).get("page_info")
        if not isinstance(info, dict) or not isinstance(info.get("end_cursor"), str):
            return
        if back and after:
            yield ask.operation(operation.id, {**query, **after}).response
            yield ask.operation(operation.id, {**query, **after, "first": 5}).response
            yield ask.operation(operation.id, {"last": 3, "before": info.get("start_cursor")}).response
        after = {"after": info["end_cursor"]}


def _object(response: Response) -> dict[str, Any]:
    """The body, where it is one that a client could read."""
    value, problem = parse_json(bytes(response.body))
    return value if problem is None and isinstance(value, dict) else {}


def _refusable(ask: Asker, operation: Operation) -> Iterator[Response]:
    cursor = _foreign_cursor(ask)
    odd = ({"first": 0}, {"first": -2}, {"first": "x"}, {"first": 100}, {"first": 2, "last": 3}, {"last": 2})
    for query in (*odd, {"after": "garbage"}, {"before": "garbage"}, {"after": cursor}, {"first": 7}, {"first": 20}):
        yield ask.operation(operation.id, query).response


def _foreign_cursor(ask: Asker) -> str:
    page = ask.operation("leads.list")
    return str(_object(page.response)["page_info"]["end_cursor"])


def _missing(ask: Asker, operation: Operation) -> Iterator[Response]:
    needed = ask.required(operation)
    for name in needed:
        rest = {other: value for other, value in needed.items() if other != name}
        yield ask("GET", ask.path(operation), rest).response
        yield ask("GET", ask.path(operation), {**rest, name: UNKNOWN}).response


def _queries(ask: Asker, operation: Operation) -> Iterator[Query]:
    """Each filter with each of a few values, two filters at once, each order in each direction."""
    filters = [p for p in operation.in_("query") if p.name not in PAGING | SORT_PARAMETERS and not p.required]
    values = {parameter.name: _values(ask, operation, parameter) for parameter in filters}
    for name, candidates in values.items():
        yield from ({name: value} for value in candidates)
    names = list(values)
    for one, other in pairwise(names):
        yield {one: values[one][0], other: values[other][0]}
    order = operation.parameter("order")
    orders = ask.contract.resolve(order.schema)["enum"] if order else ()
    directions = ("asc", "desc") if operation.parameter("direction") else ()
    yield from ({"direction": direction} for direction in directions)
    yield from ({"order": order, "direction": direction} for order in orders for direction in directions)


def _values(ask: Asker, operation: Operation, parameter: Parameter) -> list[str]:
    schema = ask.contract.resolve(parameter.schema)
    schema = ask.contract.resolve(schema.get("items", schema))
    if "enum" in schema:
        return [*schema["enum"][:4], schema["enum"][-1], "undocumented"]
    if schema.get("format") == "date-time":
        return _moments(ask, operation)
    if schema["type"] == "integer":
        return ["1", "3", "5", "99"]
    if schema["type"] == "boolean":
        return ["true", "false", "perhaps"]
    if parameter.resource in ask.backend.world.shapes:
        return [*list(ask.backend.world.table(parameter.resource or ""))[-8:], UNKNOWN]
    return ["a", "da", "Ada", "mercer", UNKNOWN]


def _moments(ask: Asker, operation: Operation) -> list[str]:
    view = ask.backend.world.views.of_operation[operation.id]
    rows = list(ask.backend.world.table(view.table).values())
    moments = [ask.backend.world.created(row) for row in rows[len(rows) // 2 :: 7]]
    return [*moments, "2020-01-01T00:00:00.000Z", "2035-01-01T00:00:00.000Z", "yesterday"]


def _written(ask: Asker, operation: Operation) -> Iterator[Response]:
    """A write with all it documents, with less and with nonsense, twice with one key, and what is seen of it."""
    body, path = next(bodies(ask, operation)), ask.path(operation)
    key = {"idempotency-key": "one"}
    subject = path.split("/")[2] if "{" in operation.path else None
    yield from _seen(ask, operation, subject)
    yield ask(operation.method, path, body=body, headers=key).response
    yield from _seen(ask, operation, subject)
    yield ask(operation.method, path, body=body, headers=key).response
    needed = ask.contract.resolve(operation.body).get("required", []) if operation.body else []
    less = {name: value for name, value in (body or {}).items() if name in needed}
    yield ask(operation.method, path, body=less, headers=key).response
    yield from _seen(ask, operation, subject)
    for other in (less, {}, {**less, "title": 12}, dict.fromkeys(less, 12)):
        yield ask(operation.method, path, body=other).response
    yield ask(operation.method, path, body=body, key="").response
    if subject:
        yield ask(operation.method, path.replace(subject, UNKNOWN), body=body).response
    yield from _seen(ask, operation, subject)


def _seen(ask: Asker, operation: Operation, subject: str | None) -> Iterator[Response]:
    for name in ("retrieve", "list"):
        reading = ask.contract.operations.get(f"{operation.resource}.{name}")
        if reading and reading.is_list:
            yield ask.operation(reading.id).response
        elif reading and subject:
            yield ask.operation(reading.id, id=subject).response
