"""What an object has to show once a write was answered with success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from whopwatch.contract import Operation
from whopwatch.contract.list_behaviour import moment
from whopwatch.contract.write_effects import Action, declared
from whopwatch.core.exchange import Exchange
from whopwatch.oracle.page import identity

Places = frozenset[str]
"""JSON pointers into an object: where it is not as expected. `ABSENT` stands for all of it."""
ABSENT = "absent"
NOWHERE: Places = frozenset()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one answer shows of a write: the places that it tells of, and those of them that are not as expected."""

    told: Places
    wrong: Places


@dataclass(frozen=True)
class Expected:
    """What follows from one write for the object called `id`.

    `values` are by the name of the field, `holds` and `lacks` name arrays of objects and an id that has to be there
    or must not; `is_gone` that the object must not be shown at all.
    """

    id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    holds: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    is_gone: bool = False

    def held_against(self, shown: Any) -> Sighting:
        """What `shown`, an object, tells of the write."""
        if self.is_gone:
            return Sighting(frozenset([ABSENT]), frozenset([ABSENT]))
        told = dict(self._told(shown)) if isinstance(shown, dict) else {}
        places = frozenset(told)
        return Sighting(places | {ABSENT}, frozenset(place for place in places if not told[place]))

    def _told(self, shown: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        """Each place that tells of the write, and whether it is as expected."""
        for name, value in self.values.items():
            place = place_of(name, value, shown)
            if place:
                yield f"/{place}", _agrees(value, shown[place])
        for name, id in (*self.holds.items(), *self.lacks.items()):
            listed = shown.get(name)
            if isinstance(listed, list):
                yield f"/{name}", (id in _ids(listed)) is (name in self.holds)


def expected_of(operation: Operation, exchange: Exchange, id: str | None = None) -> Expected | None:
    """What the write `exchange` lets expect once it is done; None where its answer tells no id, and none is given."""
    action = declared().actions.get(operation.id, Action())
    given, body = exchange.path_params, exchange.request_body or {}
    answer = exchange.json if isinstance(exchange.json, dict) else {}
    is_new = not given or action.makes
    if id is None:
        id = answer.get("id") if is_new else next(iter(given.values()))
    if not isinstance(id, str):
        return None
    if operation.method == "DELETE":
        return Expected(id, is_gone=True)
    is_plain = operation.id not in declared().actions or action.shows_body
    names = declared().renamed.get(operation.resource, {})
    sent = {names.get(name, name): value for name, value in body.items()} if is_plain else {}
    return Expected(
        id,
        {**sent, **action.sets},
        {name: body.get(source, "") for name, source in action.adds.items()},
        {name: body.get(source, "") for name, source in action.removes.items()},
    )


def place_of(name: str, value: Any, shown: Mapping[str, Any]) -> str | None:
    """The field of `shown` that a body's `value` for `name` can be read off, None where there is none."""
    if isinstance(value, dict):
        return name if name == "metadata" and isinstance(shown.get(name), dict | None) and name in shown else None
    if value is None or isinstance(value, list):
        return None
    stem = name.removesuffix("_id")
    if stem != name and isinstance(shown.get(stem), dict):
        return stem if _kind(shown[stem].get("id")) == _kind(value) else None
    return name if name in shown and not isinstance(shown[name], dict | list) else None


def object_in(operation: Operation, exchange: Exchange, id: str) -> Any:
    """The object called `id` in an answer, None where it is not there."""
    value = exchange.json if exchange.ok else None
    if not isinstance(value, dict):
        return None
    if not operation.is_list:
        return value
    page = value.get("data")
    items = [item for item in page if isinstance(item, dict)] if isinstance(page, list) else []
    return next((item for item in items if identity(item) == id), None)


def seen_in(expected: Expected, operation: Operation, exchange: Exchange) -> Sighting | None:
    """What a read tells of a write; None where it tells nothing.

    A list whose first page is not all of it tells nothing of what it does not show.
    """
    shown = object_in(operation, exchange, expected.id)
    if shown is not None:
        return expected.held_against(shown)
    is_refusal = exchange.status != 404 if not operation.is_list else not exchange.ok
    if is_refusal or (operation.is_list and _goes_on(exchange) and not expected.is_gone):
        return None
    absent = frozenset([ABSENT])
    return Sighting(absent, NOWHERE if expected.is_gone else absent)


def _kind(id: Any) -> str:
    """The prefix of an id: an account may be shown as the user whom it belongs to."""
    return str(id).rpartition("_")[0]


def _goes_on(exchange: Exchange) -> bool:
    info = exchange.json.get("page_info") if isinstance(exchange.json, dict) else None
    return not isinstance(info, dict) or info.get("has_next_page") is not False


def _ids(listed: list[Any]) -> list[Any]:
    return [item.get("id") if isinstance(item, dict) else item for item in listed]


def _agrees(sent: Any, shown: Any) -> bool:
    if sent == "*":
        return shown is not None
    if isinstance(shown, dict) and not isinstance(sent, dict):
        return bool(shown.get("id") == sent)
    if isinstance(sent, dict):
        return isinstance(shown, dict) and sent.items() <= shown.items()
    if isinstance(sent, bool) or isinstance(shown, bool):
        return sent is shown
    if isinstance(sent, str) and isinstance(shown, str) and sent != shown:
        try:
            return moment(sent) == moment(shown)
        except ValueError:
            return False
    return bool(sent == shown)
