"""What the receiver's checks make of a simulator's deliveries, in a time of their own."""

from __future__ import annotations

from copy import copy
from itertools import accumulate

from whopwatch.config import Secret
from whopwatch.contract import load
from whopwatch.http import Client
from whopwatch.signature import Refusal
from whopwatch.simulator import Simulator
from whopwatch.simulator.parcel import Parcel
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.judge import Judge
from whopwatch.webhooks.ledger import Ledger
from whopwatch.webhooks.lookup import Lookup
from whopwatch.webhooks.retries import Retries

NOW = 1_767_225_600.0
CONTRACT = load()
EVENTS = ("payment.succeeded", "membership.activated") * 3


def observed(simulator: Simulator, events: tuple[str, ...] = EVENTS) -> Ledger:
    """What a receiver makes of the events: each sent twice, every second one refused once."""
    composer, ledger, retries = simulator.backend.composer, Ledger(CONTRACT), Retries(every=2)
    with Client(simulator.target(), CONTRACT, budget=1000) as client:
        judge = Judge(CONTRACT, Secret(composer.secret), compare=Lookup(CONTRACT, client))

        def arrive(parcel: Parcel, at: float) -> bool:
            composer.address(parcel, at)
            delivery = Delivery.of(parcel.headers.items(), parcel.body, at)
            signed = judge.admit(delivery)
            if isinstance(signed, Refusal):
                ledger.was_refused(signed)
                return False
            if retries.refuses(signed.id, at):
                return False
            ledger.judged(judge.judge(delivery, signed))
            return True

        for event in events:
            for parcel in simulator.backend.happen(event):
                for copied in (copy(parcel), copy(parcel)):
                    moments = accumulate(parcel.delays, initial=NOW)
                    any(arrive(copied, at) for at in moments)
        ledger.add(retries.overdue(NOW + 200))
    return ledger
