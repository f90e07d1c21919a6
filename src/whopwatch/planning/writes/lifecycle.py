"""The life of one object of each resource: created, read, changed, acted on, deleted, gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from whopwatch.contract import Operation
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.oracle.page import ListPage
from whopwatch.oracle.written_object import object_in
from whopwatch.planning.state import Experiment
from whopwatch.planning.writes.bodies import Body
from whopwatch.planning.writes.moving import walk_while_writing
from whopwatch.planning.writes.writing import NOT_OWN, Steps, WriteState


def lifecycle(writing: WriteState, resource: str) -> Experiment:
    """Every write of a resource, each read back; what was created is deleted in the end."""
    body: Body = {}
    create = writing.operation(resource, "create")
    if create and writing.may(create):
        body = yield from _creations(writing, create)
    yield from _changes(writing, resource, body)
    yield from walk_while_writing(writing, resource, body)
    yield from _deletion(writing, resource)
    yield from tidy(writing, resource)


def tidy(writing: WriteState, resource: str) -> Experiment:
    """Delete what the run still has of a resource."""
    delete = writing.operation(resource, "delete")
    for id in list(writing.owned.get(resource, ())) if delete else ():
        yield from writing.write(_the(delete), id)


def _creations(writing: WriteState, create: Operation) -> Steps[Body]:
    """Create with as little as is asked for, then with all that can be sent; the same key again makes nothing new."""
    for resource in writing.bodies.needs(create):
        yield from writing.supply(resource)
        if writing.id_of(resource) is None:
            writing.untried[create.id] = f"not tried: no id of {resource} was seen to create it with"
            return {}
    least = {**writing.bodies.least(create), **writing.parents(create)}
    yield from writing.list_of(create.resource, least)
    yield from writing.write(create, body=least)
    yield from writing.refused(writing.call(create, body=least))
    yield from writing.odd(create, None, least)
    fullest = {**least, **writing.bodies.fullest(create)}
    call, written = yield from writing.accepted(create, None, fullest, least)
    if written.ok:
        yield from _same_key(writing, call)
        yield from writing.look(create, written)
    elif create.resource in writing.listings:
        yield writing.listings[create.resource]
    return least


def _same_key(writing: WriteState, call: Call) -> Steps[None]:
    """The key of a write again: for the same, which makes nothing new, and for something else, which is refused."""
    other = {**call.body, **writing.bodies.changes(call.operation, call.body)}
    if other == call.body:
        other["whopwatch"] = writing.unique()
    yield from writing.send(replace(call, purpose=Purpose.SAME_KEY))
    yield from writing.send(replace(call, purpose=Purpose.OTHER_BODY, body=other))


def _changes(writing: WriteState, resource: str, created: Body) -> Experiment:
    """The update and the actions of a resource, on an object of the run's own where there is one."""
    changes = list(_changing(writing, resource))
    if not changes:
        return
    if not writing.owned.get(resource) and not writing.is_simulated:
        writing.untried.update((operation.id, NOT_OWN) for operation in changes if writing.may(operation))
        return
    page = yield from writing.list_of(resource, created)
    shown = list(ListPage(page).items) if page else []
    for operation in changes:
        if writing.may(operation):
            subject = yield from _subject(writing, operation, shown)
            if subject is None:
                writing.untried[operation.id] = f"not tried: no id of {resource} was seen to change"
            else:
                yield from _change(writing, operation, subject, shown)


def _changing(writing: WriteState, resource: str) -> Iterator[Operation]:
    operations = [operation for operation in writing.state.contract.operations.values() if operation.api == "v1"]
    own = [operation for operation in operations if operation.resource == resource and "{" in operation.path]
    order = list(writing.state.contract.write_effects.actions)
    yield from (operation for operation in own if operation.method in ("PATCH", "PUT"))
    actions = [operation for operation in own if operation.method == "POST"]
    yield from sorted(actions, key=lambda operation: (*order, operation.id).index(operation.id))


def _subject(writing: WriteState, operation: Operation, shown: list[Any]) -> Steps[str | None]:
    """The object to change: the run's own, else the newest one that the change has not befallen yet."""
    own = writing.owned.get(operation.resource)
    if own:
        return own[-1]
    if not shown:
        writing.listings.pop(operation.resource, None)  # what is found elsewhere need not be in this list
        yield from writing.supply(operation.resource)
        return writing.id_of(operation.resource)
    action = writing.action(operation)
    if action is None:
        return str(shown[0].get("id"))
    fitting = [
        item for item in shown if any(item.get(name) not in (value, None) for name, value in action.sets.items())
    ]
    return str((fitting or shown)[0].get("id"))


def _change(writing: WriteState, operation: Operation, id: str, others: list[Any]) -> Experiment:
    """One update or action: refused without a key, then done, then seen; of `others` no one changes."""
    for resource in writing.bodies.needs(operation):
        yield from writing.supply(resource)
    current: dict[str, Any] = {}
    for call in writing.readers(operation.resource, id):
        exchange = yield call
        current = object_in(call.operation, exchange, id) or current
    least: Body = {}
    if operation.body is not None:
        least = {**writing.bodies.least(operation), **_declared_body(writing, operation)}
    is_update = operation.method != "POST" or _shows_body(writing, operation)
    body = {**least, **(writing.bodies.changes(operation, current, others) if is_update else {})}
    yield from writing.refused(writing.call(operation, id, body))
    if is_update:
        yield from writing.odd(operation, id, body)
    yield from writing.untouched(operation, id)
    _, written = yield from writing.accepted(operation, id, body, least)
    if written.ok:
        yield from writing.look(operation, written)
    else:
        yield from writing.untouched(operation, id)


def _shows_body(writing: WriteState, operation: Operation) -> bool:
    action = writing.action(operation)
    return action is not None and action.shows_body


def _declared_body(writing: WriteState, operation: Operation) -> Body:
    action = writing.action(operation)
    return dict(action.body) if action else {}


def _deletion(writing: WriteState, resource: str) -> Experiment:
    """Delete the newest of the run's own objects; it has to be gone everywhere, and cannot be deleted again."""
    delete, own = writing.operation(resource, "delete"), writing.owned.get(resource)
    if delete is None or not writing.may(delete):
        return
    if not own:
        writing.untried.setdefault(delete.id, "not tried: nothing was created that could be deleted")
        return
    id = own[-1]
    for call in writing.readers(resource, id):  # noqa: UP028 (it would send the answers to a generator of calls)
        yield call
    yield from writing.refused(writing.call(delete, id))
    yield from writing.untouched(delete, id)
    written = yield from writing.write(delete, id)
    yield from writing.look(delete, written)
    if written.ok:
        yield writing.call(delete, id, purpose=Purpose.DELETED_AGAIN)
    else:
        yield from writing.untouched(delete, id)


def _the(operation: Operation | None) -> Operation:
    assert operation is not None
    return operation
