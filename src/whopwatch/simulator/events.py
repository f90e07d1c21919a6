"""Webhook events: recognise them in changes of the world, compose a signed delivery for each, and send it.

As the API documents it, deliveries arrive at least once and in any order: some are sent twice, they overtake each
other, and one that gets no 2xx in time is sent again.

Each step can be wrapped, as the steps of a request can: a fault changes a delivery in this way.

`simulator.toml` of the edition declares which change triggers which event. Without a declaration the name of the event
decides: `created`, `deleted`, `updated`, or a value of the object's status. Any other event occurs only on demand.
"""

from __future__ import annotations

import heapq
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from whopwatch.config.target import is_local, is_whop
from whopwatch.contract import Contract, Event
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.errors import UsageError
from whopwatch.http.webhook_handler import WebhookHandler
from whopwatch.http.wire import RequestFailedError
from whopwatch.signature import new_secret, signed_headers
from whopwatch.simulator.declarations import Rule
from whopwatch.simulator.world.projection import Projector
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, iso, random_text

Values = Mapping[str, Any]
IGNORED_CHANGES = frozenset({"updated_at"})
"""Fields whose change alone triggers no event."""

_COMPUTED = ("$now", "$not")


class EmittedEvent(NamedTuple):
    """An event that occurred, and the object that it is about."""

    event: Event
    entity: Entity


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object, and its values at some time."""

    entity: Entity
    values: Values


Snapshot = Mapping[EntityRef, ObjectState]


class EventTriggers:
    """Compares the tables of one world that events are about."""

    def __init__(self, contract: Contract, world: World) -> None:
        self._world = world
        self._events: dict[str, list[Event]] = {}
        for event in contract.events.values():
            if event.resource in world.shapes:
                self._events.setdefault(event.resource, []).append(event)
        self._prepared = 0

    def snapshot(self) -> Snapshot:
        """Return the current state of the objects."""
        entities = (entity for table in self._events for entity in self._world.table(table).values())
        return {entity.reference: ObjectState(entity, dict(entity.values)) for entity in entities}

    def since(self, before: Snapshot) -> Iterator[EmittedEvent]:
        """Yield the events that occurred after `before`, in the order of the contract within a table."""
        now = self.snapshot()
        for reference in (*before, *(one for one in now if one not in before)):
            old, new = before.get(reference), now.get(reference)
            old_values, new_values = old.values if old else None, new.values if new else None
            if old_values != new_values:
                entity = (new or before[reference]).entity
                for event in self._events[reference.table]:
                    if _triggers(self._rule(event), old_values, new_values):
                        yield EmittedEvent(event, entity)

    def prepare(self, event: Event) -> Entity | None:
        """Return an object of the key's account that `event` can occur to, a new one if there is none.

        Return None for an event about the creation of an object.
        """
        rule = self._rule(event)
        if event.resource not in self._world.shapes:
            return Entity(event.resource, 0, "", self._world.now)
        if rule.get("on") == "created":
            return None
        fields = rule.get("when") or {
            name: value for name, value in rule.get("set", {}).items() if value not in _COMPUTED
        }
        self._prepared += 1
        fitting = [one for one in self._world.own(event.resource) if not (fields and _matches(one.values, fields))]
        if fitting:
            return fitting[self._prepared % len(fitting)]
        while True:
            created = self._world.create(event.resource)
            if not (fields and _matches(created.values, fields)):
                return created

    def trigger(self, event: Event, subject: Entity | None) -> None:
        """Change the world so that `event` occurs to `subject`, which `prepare` has returned."""
        rule, world = self._rule(event), self._world
        if subject is None:
            world.create(event.resource)
        elif rule.get("on") == "deleted":
            world.delete(subject)
        else:
            for name, value in {**_first_values(rule.get("when", {})), **rule.get("set", {})}.items():
                if value in _COMPUTED:
                    value = iso(world.now) if value == "$now" else not subject.values.get(name)
                if name in world.fields(subject):
                    world.put(subject, name, value)

    def _rule(self, event: Event) -> Rule:
        declared = self._world.declared.events.get(event.name)
        if declared is not None:
            return declared
        change = event.name.rpartition(".")[2]
        if change in ("created", "deleted"):
            return {"on": change}
        if change in ("updated", "changed"):
            return {"on": "changed"}
        for shape in self._world.shapes[event.resource].alternatives if event.resource in self._world.shapes else ():
            status = shape.fields.get("status")
            if status and change in (status.enum or ()):
                return {"when": {"status": change}}
        return {"on": "demand"}


def _triggers(rule: Rule, old: Values | None, new: Values | None) -> bool:
    """Check whether the change of an object from `old` to `new` (None: absent) matches a rule."""
    on = rule.get("on", "became")
    if on == "demand":
        return False
    if on in ("created", "deleted"):
        return (old, new).index(None) == ("created", "deleted").index(on) if None in (old, new) else False
    if new is None:
        return False
    if on == "became":
        return _matches(new, rule["when"]) and not (old and _matches(old, rule["when"]))
    if old is None:
        return False
    names = rule.get("fields") or (old.keys() | new.keys()) - IGNORED_CHANGES
    return any(old.get(name) != new.get(name) for name in names)


def _matches(values: Values, when: Mapping[str, Any]) -> bool:
    return all(values.get(name) in (wanted if isinstance(wanted, list) else [wanted]) for name, wanted in when.items())


def _first_values(when: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[0] if isinstance(value, list) else value for name, value in when.items()}


@dataclass
class OutgoingDelivery:
    """A delivery to one receiver; `url` is empty until the receiver is known.

    `timestamp` is the time of the attempt in seconds since 1970, `delays` are the seconds before each retry.
    """

    event: str
    id: str
    secret: str = field(repr=False)
    payload: Any = field(repr=False)
    delays: tuple[float, ...] = ()
    url: str = field(default="", repr=False)
    attempt: int = 0
    timestamp: int = 0
    body: bytes = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


DeliveryWrapper = Callable[[OutgoingDelivery, Callable[[], None]], None]
"""Runs in place of a step: `wrapper(delivery, proceed)`; `proceed()` runs the step."""


def _compose(delivery: OutgoingDelivery) -> None:
    """Write the payload as the bytes to send."""
    delivery.body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()


def _sign(delivery: OutgoingDelivery) -> None:
    """Make the headers of this attempt."""
    signed = signed_headers(delivery.secret, delivery.id, delivery.timestamp, delivery.body)
    delivery.headers = {"content-type": "application/json", **signed}


DELIVERY_STEPS: dict[str, Callable[[OutgoingDelivery], None]] = {"compose": _compose, "sign": _sign}


def run_delivery_step(step: str, delivery: OutgoingDelivery, wrappers: Iterable[DeliveryWrapper]) -> None:
    """Run one of DELIVERY_STEPS inside of `wrappers`, of which the last is outermost."""

    def proceed() -> None:
        DELIVERY_STEPS[step](delivery)

    for wrapper in wrappers:
        proceed = _wrapped(wrapper, delivery, proceed)
    proceed()


def _wrapped(wrapper: DeliveryWrapper, delivery: OutgoingDelivery, inner: Callable[[], None]) -> Callable[[], None]:
    return lambda: wrapper(delivery, inner)


RETRY_DELAYS = (10.0, 20.0, 40.0)
"""Seconds before each retry, as the API documents them."""
MAX_WAITING = 10_000
"""Deliveries that wait to be sent; further ones are dropped."""
PAYLOAD_VERSION = "v1"
"""The documented version of payloads. Webhooks of another version get no deliveries."""

DeliveryWrappers = Callable[[str, str], Sequence[DeliveryWrapper]]
"""Returns the wrappers of a step (a key of DELIVERY_STEPS) of an event's deliveries."""


def _no_wrappers(step: str, event: str) -> Sequence[DeliveryWrapper]:
    return ()


@dataclass(frozen=True)
class WebhookOptions:
    """Where deliveries are sent and how.

    Without a `url` they are sent only to webhooks that are created through the API. Without a `secret` it is derived
    from the seed. `retries` and `timeout` are in seconds. Deliveries within `jitter` seconds overtake each other. Every
    `duplicate_every`th delivery is sent twice; 0 means none.
    """

    url: str | None = None
    secret: str | None = None
    retries: tuple[float, ...] = RETRY_DELAYS
    jitter: float = 0.2
    duplicate_every: int = 10
    timeout: float = 5.0

    def __post_init__(self) -> None:
        if self.url is None:
            return
        parts = urlsplit(self.url)
        host, is_url = parts.hostname or "", parts.scheme in ("http", "https") and self.url.isprintable()
        if not is_url or not host or not host.isascii() or is_whop(self.url):
            raise UsageError(
                "Cannot send deliveries to this address.",
                where="option --webhook-url",
                expected="a URL such as http://127.0.0.1:8000/webhooks",
                got="something else",
            )


class DeliveryComposer:
    """Composes deliveries (payload, id, secret) for the events of one world. Sends nothing."""

    def __init__(
        self,
        contract: Contract,
        world: World,
        secret: str | None = None,
        delays: tuple[float, ...] = (),
        wrappers: DeliveryWrappers = _no_wrappers,
    ) -> None:
        self.secret = secret or new_secret(str(world.seed))
        self._world, self._delays, self._wrappers = world, delays, wrappers
        self._projector = Projector(world)
        self._triggers = EventTriggers(contract, world)
        self._number = 0

    @contextmanager
    def watching(self, into: list[OutgoingDelivery], now: float) -> Iterator[None]:
        """Add to `into` a delivery for each event that occurs in this context."""
        before = self._triggers.snapshot()
        yield
        into += [self._compose(emitted, now) for emitted in self._triggers.since(before)]

    def trigger(self, event: Event, now: float) -> list[OutgoingDelivery]:
        """Make `event` occur. Return the deliveries of all events that this causes."""
        found: list[OutgoingDelivery] = []
        subject = self._triggers.prepare(event)
        with self.watching(found, now):
            self._triggers.trigger(event, subject)
        if subject is not None and all(delivery.event != event.name for delivery in found):
            found.append(self._compose(EmittedEvent(event, subject), now))  # no change of the world triggers it
        return found

    def next_attempt(self, delivery: OutgoingDelivery, now: float) -> None:
        """Prepare the next attempt of a delivery: its number, time and signature."""
        delivery.attempt += 1
        delivery.timestamp = int(now)
        run_delivery_step("sign", delivery, self._wrappers("sign", delivery.event))

    def _compose(self, emitted: EmittedEvent, now: float) -> OutgoingDelivery:
        self._number += 1
        world, event = self._world, emitted.event
        suffix = random_text("alnum", 24, random.Random(f"{world.seed}:webhook:{self._number}"))  # noqa: S311
        known = {
            "id": f"msg_{suffix}",
            "api_version": PAYLOAD_VERSION,
            "api_version_date": world.contract.version,
            "type": event.name,
            "timestamp": iso(int(now * 1000)),
            world.contract.account.id_field: world.account.id,
            "data": self._projector.show(emitted.entity, world.views.of_event[event.name]),
        }
        documented = schemas_of(world.contract).event(event.name).fields
        payload = {name: known[name] for name in known if name in documented}
        delivery = OutgoingDelivery(event.name, str(payload["id"]), self.secret, payload, self._delays)
        run_delivery_step("compose", delivery, self._wrappers("compose", event.name))
        return delivery


@dataclass(order=True)
class _Due:
    at: float
    number: int
    delivery: OutgoingDelivery = field(compare=False)


class DeliverySender:
    """Sends deliveries from a thread of its own until it is stopped. `outcomes` counts attempts: `2xx`, `failed`."""

    def __init__(self, options: WebhookOptions, composer: DeliveryComposer) -> None:
        self._options, self._composer = options, composer
        self._rng = random.Random(composer.secret)  # noqa: S311
        self._waiting: list[_Due] = []
        self._sent = self._scheduled = 0
        self._changed = threading.Condition()
        self._stopped = False
        self.outcomes: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, daemon=True, name="webhooks")
        self._thread.start()

    def send(self, delivery: OutgoingDelivery) -> None:
        """Schedule a delivery, some of them twice. Drop it if MAX_WAITING deliveries wait already."""
        with self._changed:
            self._sent += 1
            every = self._options.duplicate_every
            for _ in range(2 if every and self._sent % every == 0 else 1):
                self._schedule(copy(delivery), self._rng.random() * self._options.jitter)

    def stop(self) -> None:
        """Drop the deliveries that wait, and wait for the current attempt."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(self._options.timeout + 1)

    def _schedule(self, delivery: OutgoingDelivery, delay: float) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._scheduled += 1
            heapq.heappush(self._waiting, _Due(time.time() + delay, self._scheduled, delivery))
            self._changed.notify()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            self._attempt(due.delivery)

    def _next(self) -> _Due | None:
        with self._changed:
            while not self._stopped:
                wait = self._waiting[0].at - time.time() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(wait)
        return None

    def _attempt(self, delivery: OutgoingDelivery) -> None:
        self._composer.next_attempt(delivery, time.time())
        try:
            handler = WebhookHandler(delivery.url, self._options.timeout)
            accepted = 200 <= handler.post(delivery.headers.items(), delivery.body) < 300
        except (RequestFailedError, ValueError):  # a webhook may have any text for its URL
            accepted = False
        self.outcomes["2xx" if accepted else "failed"] += 1
        if not accepted and delivery.attempt <= len(delivery.delays):
            with self._changed:
                self._schedule(delivery, delivery.delays[delivery.attempt - 1])


def addressed(world: World, delivery: OutgoingDelivery, url: str | None) -> Iterator[OutgoingDelivery]:
    """Yield the delivery for each receiver: for `url`, and for each webhook that subscribes to the event."""
    if url:
        yield replace(delivery, url=url)
    for webhook in reachable_webhooks(world):
        fields = world.declared.webhooks
        if fields and delivery.event in (webhook.values.get(fields.events) or ()):
            secret = str(webhook.values.get(fields.secret) or delivery.secret)
            yield replace(delivery, url=str(webhook.values[fields.url]), secret=secret)


def reachable_webhooks(world: World) -> Iterator[Entity]:
    """Yield the enabled webhooks of the key's account on this machine.

    A simulator never sends data to another machine because of a request.
    """
    fields = world.declared.webhooks
    if fields is None or fields.resource not in world.shapes:
        return
    for webhook in world.own(fields.resource):
        values = webhook.values
        is_sent = values.get(fields.enabled) and values.get(fields.version) == PAYLOAD_VERSION
        if is_sent and _is_here(str(values.get(fields.url))):
            yield webhook


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and url.isprintable() and is_local(url)
    except ValueError:
        return False
