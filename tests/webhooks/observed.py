"""Check a simulator's deliveries as the receiver does, with simulated time."""

from __future__ import annotations

from copy import copy
from itertools import accumulate

from whopwatch.config import Secret
from whopwatch.contract import load
from whopwatch.http import Client
from whopwatch.signature import Refusal
from whopwatch.simulator import Simulator
from whopwatch.simulator.events import OutgoingDelivery
from whopwatch.webhooks.checker import DeliveryChecker
from whopwatch.webhooks.checks import RetryMonitor
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.ledger import DeliveryLedger
from whopwatch.webhooks.lookup import ObjectLookup

NOW = 1_767_225_600.0
CONTRACT = load()
EVENTS = ("payment.succeeded", "membership.activated") * 3


def observed(simulator: Simulator, events: tuple[str, ...] = EVENTS) -> DeliveryLedger:
    """Return what a receiver records for the events: each is sent twice, every second one is refused once."""
    composer, ledger, retries = simulator.backend.composer, DeliveryLedger(CONTRACT.events), RetryMonitor(every=2)
    with Client(simulator.target(), CONTRACT, budget=1000) as client:
        checker = DeliveryChecker(CONTRACT, Secret(composer.secret), compare=ObjectLookup(CONTRACT, client))

        def arrive(parcel: OutgoingDelivery, at: float) -> bool:
            composer.next_attempt(parcel, at)
            delivery = Delivery.of(parcel.headers.items(), parcel.body, at)
            signed = checker.verify(delivery)
            if isinstance(signed, Refusal):
                ledger.record_refusal(signed)
                return False
            if retries.should_refuse(signed.id, at):
                return False
            ledger.record(checker.check(delivery, signed))
            return True

        for event in events:
            for parcel in simulator.backend.trigger(event):
                for copied in (copy(parcel), copy(parcel)):
                    moments = accumulate(parcel.delays, initial=NOW)
                    any(arrive(copied, at) for at in moments)
        ledger.add_findings(retries.overdue(NOW + 200))
    return ledger
