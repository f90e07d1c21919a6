"""The simulator's webhooks: what happens in the world is sent, signed, to those who are to be told.

As documented of the real ones, deliveries come at least once and in any order: some come twice, they overtake each
other, and what is not answered with a 2xx in time is sent again.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from whopwatch.contract import Contract, Event
from whopwatch.core.errors import UsageError
from whopwatch.signature import new_secret
from whopwatch.simulator import parcel as steps
from whopwatch.simulator.faults import Faults
from whopwatch.simulator.happenings import Happening, Happenings
from whopwatch.simulator.parcel import Parcel
from whopwatch.simulator.project import Projector
from whopwatch.simulator.values import random_text
from whopwatch.simulator.world import World

RETRIES = (10.0, 20.0, 40.0)
"""Seconds before each retry, as documented of the real sender."""
MOST_WAITING = 10_000


@dataclass(frozen=True)
class Webhook:
    """Where deliveries go and how.

    Without a `url` they go to webhooks that are made through the API alone. Without a `secret` there is one that
    follows from the seed. `retries` and `timeout` are in seconds; within `jitter` seconds deliveries overtake each
    other; every `duplicate_every`th comes twice, 0 for none.
    """

    url: str | None = None
    secret: str | None = None
    retries: tuple[float, ...] = RETRIES
    jitter: float = 0.2
    duplicate_every: int = 10
    timeout: float = 5.0

    def __post_init__(self) -> None:
        if self.url is None:
            return
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not self.url.isprintable():
            raise UsageError(
                "Deliveries cannot be sent to this address.",
                where="option --webhook-url",
                expected="a URL such as http://127.0.0.1:8000/webhooks",
                got="something else",
            )


class Composer:
    """Makes parcels of what happens: payload, id, secret. Nothing is sent here."""

    def __init__(
        self,
        contract: Contract,
        world: World,
        faults: Faults,
        secret: str | None = None,
        delays: tuple[float, ...] = (),
    ) -> None:
        self.secret = secret or new_secret(str(world.seed))
        self._contract, self._world, self._faults, self._delays = contract, world, faults, delays
        self._projector = Projector(world)
        self._happenings = Happenings(contract, world)
        self._number = 0

    @contextmanager
    def watching(self, into: list[Parcel], now: float) -> Iterator[None]:
        """Add to `into` a parcel for each event that happens while the context lasts."""
        before = self._happenings.snapshot()
        yield
        into += [self._parcel(happening, now) for happening in self._happenings.since(before)]

    def make(self, event: Event, now: float) -> list[Parcel]:
        """Let `event` happen; the parcels of all that came of it."""
        found: list[Parcel] = []
        subject = self._happenings.prepare(event)
        with self.watching(found, now):
            self._happenings.make(event, subject)
        return found

    def address(self, parcel: Parcel, now: float) -> None:
        """Make the parcel ready for its next attempt: time and signature."""
        parcel.attempt += 1
        parcel.timestamp = int(now)
        steps.run("sign", parcel, self._faults.tampers("sign", parcel.event))

    def _parcel(self, happening: Happening, now: float) -> Parcel:
        self._number += 1
        world, event = self._world, happening.event
        suffix = random_text("alnum", 24, random.Random(f"{world.seed}:webhook:{self._number}"))  # noqa: S311
        view = world.views.of_event[event.name]
        payload = {
            "id": f"msg_{suffix}",
            "api_version": "v1",
            "type": event.name,
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "company_id": world.company.id,
            "data": self._projector.show(happening.entity, view),
        }
        parcel = Parcel(event.name, str(payload["id"]), self.secret, payload, self._delays)
        steps.run("compose", parcel, self._faults.tampers("compose", event.name))
        return parcel


@dataclass(order=True)
class _Due:
    at: float
    number: int
    parcel: Parcel = field(compare=False)


class Sender:
    """Sends parcels from a thread of its own, until it is stopped. `outcomes` counts attempts: `2xx`, `failed`."""

    def __init__(self, webhook: Webhook, composer: Composer, *, clock: Callable[[], float] = time.time) -> None:
        self._webhook, self._composer, self._clock = webhook, composer, clock
        self._rng = random.Random(composer.secret)  # noqa: S311
        self._waiting: list[_Due] = []
        self._number = self._planned = 0
        self._changed = threading.Condition()
        self._stopped = False
        self.outcomes: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, daemon=True, name="webhooks")
        self._thread.start()

    def send(self, parcel: Parcel) -> None:
        """Have a parcel delivered, some of them twice; dropped where far too many wait already."""
        with self._changed:
            self._number += 1
            every = self._webhook.duplicate_every
            for _ in range(2 if every and self._number % every == 0 else 1):
                self._plan(copy(parcel), self._rng.random() * self._webhook.jitter)

    def stop(self) -> None:
        """Send nothing more. What waits is dropped; an attempt under way is waited for."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(self._webhook.timeout + 1)

    def _plan(self, parcel: Parcel, delay: float) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._planned += 1
            heapq.heappush(self._waiting, _Due(self._clock() + delay, self._planned, parcel))
            self._changed.notify()

    def _run(self) -> None:
        with httpx.Client(timeout=self._webhook.timeout, trust_env=False) as client:
            while (due := self._next()) is not None:
                self._attempt(client, due.parcel)

    def _next(self) -> _Due | None:
        with self._changed:
            while not self._stopped:
                wait = self._waiting[0].at - self._clock() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(wait)
        return None

    def _attempt(self, client: httpx.Client, parcel: Parcel) -> None:
        self._composer.address(parcel, self._clock())
        try:
            accepted = client.post(parcel.url, content=parcel.body, headers=parcel.headers).is_success
        except (httpx.HTTPError, httpx.InvalidURL):
            accepted = False
        self.outcomes["2xx" if accepted else "failed"] += 1
        if not accepted and parcel.attempt <= len(parcel.delays):
            with self._changed:
                self._plan(parcel, parcel.delays[parcel.attempt - 1])
