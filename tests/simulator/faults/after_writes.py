"""What one reading operation shows while its resource is written to."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from tests.simulator.asker import Asker
from tests.simulator.bodies import bodies
from tests.simulator.faults.questions import Answer, told
from whopwatch.contract import Operation


def answers_after_writes(ask: Asker, operation: Operation) -> Iterator[Answer]:
    """The answers of a list or a retrieve before and after its resource is created, updated and deleted."""
    yield from map(told, _asked(ask, operation))


def _asked(ask: Asker, operation: Operation) -> Iterator[Response]:
    resource = operation.resource
    create, update, delete = (ask.contract.operation(f"{resource}.{name}") for name in ("create", "update", "delete"))
    yield from _read(ask, operation, ask.some_id(resource))
    walked = ask.operation(operation.id, {"first": 4}) if operation.is_list else None
    id = ask(create.method, create.path, body=next(bodies(ask, create))).json["id"]
    yield from _read(ask, operation, id)
    old = list(ask.backend.world.table(resource))[-4]
    yield from _read(ask, operation, old)
    ask(update.method, ask.path(update, {"id": old}), body=next(bodies(ask, update)))
    yield from _read(ask, operation, old)
    if walked:
        ask(delete.method, ask.path(delete, {"id": walked.ids[-1]}))
        yield ask.operation(operation.id, {"first": 4, "after": walked.info["end_cursor"]}).response
    ask(delete.method, ask.path(delete, {"id": id}))
    yield from _read(ask, operation, id)


def _read(ask: Asker, operation: Operation, id: str) -> Iterator[Response]:
    for _ in range(5):
        if operation.is_list:
            yield ask.operation(operation.id, {"first": 5}).response
        else:
            yield ask.operation(operation.id, id=id).response
    if operation.is_list:
        yield ask.operation(operation.id, {"first": 100}).response
