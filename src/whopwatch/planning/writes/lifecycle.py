"""Write to a target that allows it: create, read, update and delete objects, and read their list meanwhile.

This module does not decide whether writing is allowed. The caller does, and the guard of the client rejects writes
elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from whopwatch.contract import Operation
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.oracle.page import ListPage
from whopwatch.oracle.written_object import object_in
from whopwatch.planning.state import Experiment, cursor, has_next, isolated_experiment
from whopwatch.planning.writes.bodies import Body
from whopwatch.planning.writes.write_state import NOT_OWN, WriteState, WriteSteps

ITEMS_PER_PAGE = 2
PAGES_READ = 3
OWN_ITEMS = 5
"""Items that the run created, at least: they fill the first pages of a list whose newest items come first."""


def traverse_while_writing(writing: WriteState, resource: str, body: Body) -> Experiment:
    """Read three pages. After the first, update its first item and delete its last; after that, create an item."""
    create, listing = writing.operation(resource, "create"), writing.listings.get(resource)
    if create is None or listing is None or not writing.created.get(resource) or not _has_pages(listing.operation):
        return
    if not writing.is_simulated and writing.operation(resource, "delete") is None:
        return  # do not create several objects that cannot be deleted again
    for _ in range(len(writing.created[resource]), OWN_ITEMS):
        yield from writing.write(create, body=_fresh(writing, create, body))
    page = yield _page(listing, None)
    for number in range(1, PAGES_READ):
        end = cursor(page, "end_cursor")
        if end is None or not has_next(page):
            return
        is_shorter = number == 1 and (yield from _disturb(writing, resource, ListPage(page).ids))
        if not is_shorter:
            yield from writing.write(create, body=_fresh(writing, create, body))
        page = yield _page(listing, end)


def _has_pages(listing: Operation) -> bool:
    return bool(listing.parameter("first") and listing.parameter("after"))


def _disturb(writing: WriteState, resource: str, shown: list[str]) -> WriteSteps[bool]:
    """Update the first item of a page and delete the last, own items only; return whether one was deleted.

    The caller creates an item only if none was deleted: both at once would cancel out for cursors that count items.
    """
    delete, update = writing.operation(resource, "delete"), writing.operation(resource, "update")
    own = set(writing.created[resource])
    for id in shown[:1]:
        if update and id in own and len(shown) > 1 and (yield from writing.is_own(resource, id)):
            yield from writing.write(update, id, _first_of(writing, update))
    if delete and shown and shown[-1] in own and (yield from writing.is_own(resource, shown[-1])):
        yield from writing.write(delete, shown[-1])
        return True
    return False


def _first_of(writing: WriteState, update: Operation) -> Body:
    """Return an update of one text field: the lifecycle has updated all other fields before."""
    body = writing.bodies.changed(update, {})
    texts: Iterator[str] = (name for name, value in body.items() if isinstance(value, str) and writing.marker in value)
    return {**writing.bodies.minimal(update), **{name: body[name] for name in list(texts)[:1]}}


def _fresh(writing: WriteState, create: Operation, body: Body) -> Body:
    """Return `body` with new texts, so that none is rejected as a duplicate."""
    fresh = writing.bodies.minimal(create)
    return {name: fresh.get(name, value) for name, value in body.items()}


def _page(listing: Call, after: str | None) -> Call:
    rest = tuple(pair for pair in listing.query if pair[0] != "first")
    paging = (("first", str(ITEMS_PER_PAGE)), *((("after", after),) if after else ()))
    return Call(listing.operation, Purpose.MOVING_PAGE, listing.path_params, (*rest, *paging))


def plan_writes(writing: WriteState, selected: Collection[str]) -> Iterator[Experiment]:
    """Yield the lifecycle of each resource with a selected write, in the order of the contract."""
    operations = writing.state.contract.operations.values()
    writes = [one for one in operations if not one.is_read and one.api == "v1" and one.id in selected]
    for resource in dict.fromkeys(operation.resource for operation in writes):
        yield isolated_experiment(writing.state, f"lifecycle of {resource}", None, lifecycle(writing, resource))


def plan_cleanup(writing: WriteState) -> Iterator[Experiment]:
    """Yield the deletion of all that is left of an experiment that was cut short."""
    for resource in list(writing.created):
        yield isolated_experiment(writing.state, f"cleanup of {resource}", None, delete_created(writing, resource))


def lifecycle(writing: WriteState, resource: str) -> Experiment:
    """Send every write of a resource, each followed by reads; delete what was created in the end."""
    body: Body = {}
    create = writing.operation(resource, "create")
    if create and writing.is_allowed(create):
        body = yield from _creations(writing, create)
    yield from _changes(writing, resource, body)
    yield from traverse_while_writing(writing, resource, body)
    yield from _deletion(writing, resource)
    yield from delete_created(writing, resource)


def delete_created(writing: WriteState, resource: str) -> Experiment:
    """Delete the objects of a resource that the run created."""
    delete = writing.operation(resource, "delete")
    if delete:
        for id in list(writing.created.get(resource, ())):
            if (yield from writing.is_own(resource, id)):
                yield from writing.write(delete, id)


def _creations(writing: WriteState, create: Operation) -> WriteSteps[Body]:
    """Create an object with the required fields, then one with all fields; return the minimal body."""
    for resource in writing.bodies.required_resources(create):
        yield from writing.find_id(resource)
        if writing.id_of(resource) is None:
            writing.skipped[create.id] = f"not sent: no id of {resource} is known, which the body needs"
            return {}
    if not (yield from writing.find_parents(create)):
        writing.skipped[create.id] = "not sent: no id of an object in its path is known"
        return {}
    minimal = {**writing.bodies.minimal(create), **writing.parents(create)}
    if not writing.is_simulated and not writing.shows_marker(minimal):
        minimal = {**minimal, **_marked_text(writing, create)}
        if not writing.shows_marker(minimal):
            writing.skipped[create.id] = "not sent: no text of the object could show that this run created it"
            return {}
    yield from writing.list_of(create.resource, minimal)
    yield from writing.write(create, body=minimal)
    yield from writing.without_valid_key(writing.call(create, body=minimal))
    yield from writing.with_invalid_body(create, None, minimal)
    full = {**minimal, **writing.bodies.full(create)}
    call, written = yield from writing.write_accepted(create, None, full, minimal)
    if written.ok:
        yield from _same_key(writing, call)
        yield from writing.read_until_visible(create, written)
    elif create.resource in writing.listings:
        yield writing.listings[create.resource]
    return minimal


def _marked_text(writing: WriteState, create: Operation) -> Body:
    """Return one optional text that shows the marker of the run, if the body has such a field."""
    texts = [(name, value) for name, value in writing.bodies.full(create).items() if writing.shows_marker(value)]
    return dict(texts[:1])


def _same_key(writing: WriteState, call: Call) -> WriteSteps[None]:
    """Repeat the Idempotency-Key with the same body, which must create nothing, then with another, which must fail."""
    if call.body is None:
        yield from writing.send(replace(call, purpose=Purpose.SAME_KEY))
        return
    other = {**call.body, **writing.bodies.changed(call.operation, call.body)}
    if other == call.body:
        other["whopwatch"] = writing.unique()
    yield from writing.send(replace(call, purpose=Purpose.SAME_KEY))
    yield from writing.send(replace(call, purpose=Purpose.OTHER_BODY, body=other))


def _changes(writing: WriteState, resource: str, created: Body) -> Experiment:
    """Send the update and the actions of a resource, to an object that the run created if there is one."""
    changes = list(_changing_operations(writing, resource))
    if not changes:
        return
    if not writing.created.get(resource) and not writing.is_simulated:
        writing.skipped.update((operation.id, NOT_OWN) for operation in changes if writing.is_allowed(operation))
        return
    page = yield from writing.list_of(resource, created)
    shown = list(ListPage(page).items) if page else []
    for operation in changes:
        if writing.is_allowed(operation):
            subject = yield from _subject(writing, operation, shown)
            if subject is None or not (yield from writing.find_parents(operation, subject)):
                writing.skipped[operation.id] = f"not sent: no id of {resource} is known to update"
            else:
                yield from _change(writing, operation, subject, shown)


def _changing_operations(writing: WriteState, resource: str) -> Iterator[Operation]:
    operations = [operation for operation in writing.state.contract.operations.values() if operation.api == "v1"]
    own = [operation for operation in operations if operation.resource == resource and "{" in operation.path]
    order = list(writing.state.contract.write_effects.actions)
    yield from (operation for operation in own if operation.method in ("PATCH", "PUT"))
    actions = [operation for operation in own if operation.method == "POST" and operation.method_name != "create"]
    yield from sorted(actions, key=lambda operation: (*order, operation.id).index(operation.id))


def _subject(writing: WriteState, operation: Operation, shown: list[Any]) -> WriteSteps[str | None]:
    """Return the id of the object to change: the run's own, or the newest that does not yet have the new values."""
    own = writing.created.get(operation.resource)
    if own:
        return own[-1]
    if not shown:
        writing.listings.pop(operation.resource, None)  # an object found elsewhere need not be in this list
        # Settings of an object have no id of their own: their path names the object.
        *_, last = operation.in_("path")
        for resource in (operation.resource, last.resource or ""):
            yield from writing.find_id(resource)
            if (known := writing.id_of(resource)) is not None:
                return known
        return None
    action = writing.action(operation)
    if action is None:
        return str(shown[0].get("id"))
    fitting = [
        item for item in shown if any(item.get(name) not in (value, None) for name, value in action.sets.items())
    ]
    return str((fitting or shown)[0].get("id"))


def _change(writing: WriteState, operation: Operation, id: str, others: list[Any]) -> Experiment:
    """Send one update or action: without a valid key, then with one, then read it; `others` must not change."""
    for resource in writing.bodies.required_resources(operation):
        yield from writing.find_id(resource)
    if not (yield from writing.is_own(operation.resource, id)):
        return
    current: dict[str, Any] = {}
    for call in writing.readers(operation.resource, id):
        exchange = yield call
        current = object_in(call.operation, exchange, id) or current
    minimal: Body = {}
    if operation.body is not None:
        minimal = {**writing.bodies.minimal(operation), **_declared_body(writing, operation)}
    is_update = operation.method != "POST" or _shows_body(writing, operation)
    body = {**minimal, **(writing.bodies.changed(operation, current, others) if is_update else {})}
    yield from writing.without_valid_key(writing.call(operation, id, body))
    if is_update:
        yield from writing.with_invalid_body(operation, id, body)
    yield from writing.read_once(operation, id)
    _, written = yield from writing.write_accepted(operation, id, body, minimal)
    if written.ok:
        yield from writing.read_until_visible(operation, written)
    else:
        yield from writing.read_once(operation, id)


def _shows_body(writing: WriteState, operation: Operation) -> bool:
    action = writing.action(operation)
    return action is not None and action.shows_body


def _declared_body(writing: WriteState, operation: Operation) -> Body:
    action = writing.action(operation)
    return dict(action.body) if action else {}


def _deletion(writing: WriteState, resource: str) -> Experiment:
    """Delete the newest object that the run created; it has to be gone, and cannot be deleted again."""
    delete, own = writing.operation(resource, "delete"), writing.created.get(resource)
    if delete is None or not writing.is_allowed(delete):
        return
    if own and not (yield from writing.find_parents(delete, own[-1])):
        own = None
    if not own:
        writing.skipped.setdefault(delete.id, "not sent: the run created no object to delete")
        return
    id = own[-1]
    if not (yield from writing.is_own(resource, id)):
        return
    for call in writing.readers(resource, id):  # noqa: UP028 (it would send the responses to a generator of calls)
        yield call
    yield from writing.without_valid_key(writing.call(delete, id))
    yield from writing.read_once(delete, id)
    written = yield from writing.write(delete, id)
    yield from writing.read_until_visible(delete, written)
    if written.ok:
        yield writing.call(delete, id, purpose=Purpose.DELETED_AGAIN)
    else:
        yield from writing.read_once(delete, id)
