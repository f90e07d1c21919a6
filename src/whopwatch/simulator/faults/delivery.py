"""Faults in webhook deliveries: signature, headers and payload."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from whopwatch.signature import (
    ID_HEADER,
    SIGNATURE_HEADER,
    SIGNATURE_HEADERS,
    TIMESTAMP_HEADER,
    compute_signature,
    signed_headers,
)
from whopwatch.simulator.api.pipeline import Proceed
from whopwatch.simulator.events import OutgoingDelivery
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, setting_of
from whopwatch.simulator.faults.fields import CHANGES, choose, places_at

OTHER_KEY = b"ws_of_another_webhook"


def _with_key(delivery: OutgoingDelivery, key: bytes) -> None:
    delivery.headers[SIGNATURE_HEADER] = (
        f"v1,{compute_signature(key, delivery.id, str(delivery.timestamp), delivery.body)}"
    )


def _decoded(delivery: OutgoingDelivery) -> bytes:
    text = delivery.secret.removeprefix("ws_")
    return base64.b64decode(text + "=" * (-len(text) % 4))


def _hexadecimal(delivery: OutgoingDelivery) -> None:
    version, _, text = delivery.headers[SIGNATURE_HEADER].partition(",")
    delivery.headers[SIGNATURE_HEADER] = f"{version},{base64.b64decode(text).hex()}"


def _rewritten(delivery: OutgoingDelivery) -> None:
    body = json.dumps(delivery.payload).encode()
    delivery.headers |= signed_headers(delivery.secret, delivery.id, delivery.timestamp, body)


def _renamed(delivery: OutgoingDelivery) -> None:
    for name in SIGNATURE_HEADERS:
        delivery.headers[name.replace("webhook", "svix")] = delivery.headers.pop(name)


def _without(*names: str) -> Callable[[OutgoingDelivery], None]:
    def change(delivery: OutgoingDelivery) -> None:
        for name in names:
            del delivery.headers[name]

    return change


def _moved(seconds: int) -> Callable[[OutgoingDelivery], None]:
    def change(delivery: OutgoingDelivery) -> None:
        delivery.headers |= signed_headers(delivery.secret, delivery.id, delivery.timestamp + seconds, delivery.body)

    return change


def _timed(form: Callable[[int], str]) -> Callable[[OutgoingDelivery], None]:
    """Return a change of the time's form. The signature itself is correct."""

    def change(delivery: OutgoingDelivery) -> None:
        text = form(delivery.timestamp)
        signature = compute_signature(delivery.secret.encode(), delivery.id, text, delivery.body)
        delivery.headers |= {TIMESTAMP_HEADER: text, SIGNATURE_HEADER: f"v1,{signature}"}

    return change


def _named(name: Callable[[OutgoingDelivery], str]) -> Callable[[OutgoingDelivery], None]:
    def change(delivery: OutgoingDelivery) -> None:
        delivery.headers |= signed_headers(delivery.secret, name(delivery), delivery.timestamp, delivery.body)

    return change


HEADER_CHANGES: Mapping[str, Callable[[OutgoingDelivery], None]] = {
    "unsigned": _without(*SIGNATURE_HEADERS),
    "no-signature": _without(SIGNATURE_HEADER),
    "no-id": _without(ID_HEADER),
    "renamed": _renamed,
    "decoded-key": lambda delivery: _with_key(delivery, _decoded(delivery)),
    "encoded-key": lambda delivery: _with_key(delivery, base64.b64encode(delivery.secret.encode())),
    "other-key": lambda delivery: _with_key(delivery, OTHER_KEY),
    "hexadecimal": _hexadecimal,
    "version-2": lambda delivery: delivery.headers.update(
        {SIGNATURE_HEADER: "v2" + delivery.headers[SIGNATURE_HEADER][2:]}
    ),
    "rewritten": _rewritten,
    "old": _moved(-3600),
    "ahead": _moved(3600),
    "milliseconds": _timed(lambda seconds: str(seconds * 1000)),
    "date": _timed(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat()),
    "one-id": _named(lambda delivery: "msg_always"),
    "id-by-attempt": _named(lambda delivery: f"{delivery.id}{delivery.attempt}"),
    "text-plain": lambda delivery: delivery.headers.update({"content-type": "text/plain"}),
}
"""Changes of the headers of an attempt."""


def change_signing(_: FaultContext, *, form: str, at: str) -> FaultPlan:
    """Change the headers of each attempt: `form` is a key of HEADER_CHANGES. `at` is where the fault shows."""
    change = setting_of(HEADER_CHANGES, "form", form)

    def changed(delivery: OutgoingDelivery, proceed: Proceed) -> None:
        proceed()
        change(delivery)

    return FaultPlan((), at, (("sign", changed),))


def drop_retries(_: FaultContext) -> FaultPlan:
    """Give up after the first attempt."""

    def once(delivery: OutgoingDelivery, proceed: Proceed) -> None:
        delivery.delays = ()
        proceed()

    return FaultPlan((), "retry", (("compose", once),))


def change_payload(context: FaultContext, *, change: str, path: str, setting: Any = None) -> FaultPlan:
    """Change one key of the envelope."""
    apply = setting_of(CHANGES, "change", change)

    def changed(delivery: OutgoingDelivery, proceed: Proceed) -> None:
        delivery.payload = copy.deepcopy(delivery.payload)
        for holder, key in list(places_at(delivery.payload, tuple(path.split(".")))):
            apply(holder, key, setting)
        proceed()

    return FaultPlan((), "/" + path.replace(".", "/"), (("compose", changed),))


def change_object_field(
    context: FaultContext, *, kind: str, change: str, setting: Any = None, except_events: str = "", **chosen: Any
) -> FaultPlan | None:
    """Change one field of the object, chosen by `kind` and the further settings of `fields.choose`.

    `except_events` matches the events where the fault has no effect.
    """
    event = context.operation.id.partition(":")[2]
    if re.fullmatch(except_events, event):
        return None
    found = choose(context.world.views.of_event[event].node, kind, **chosen)
    if found is None:
        return None
    apply, path = setting_of(CHANGES, "change", change), ("data", *found.path)
    location = found.pointer(in_list=False)
    if change == "add-beside":
        location = location.rpartition("/")[0] + "/undocumented_field"

    def changed(delivery: OutgoingDelivery, proceed: Proceed) -> None:
        delivery.payload = copy.deepcopy(delivery.payload)
        for holder, key in list(places_at(delivery.payload, path)):
            apply(holder, key, setting)
        proceed()

    return FaultPlan((), f"/data{location}", (("compose", changed),))


DELIVERY_BODIES: Mapping[str, Callable[[OutgoingDelivery], bytes]] = {
    "form": lambda delivery: b"payload=" + delivery.body,
    "cut": lambda delivery: delivery.body[:-1],
    "latin-1": lambda delivery: delivery.body[:-1] + ',"note":"\u00e9"}'.encode("latin-1"),
    "twice": lambda delivery: delivery.body[:-1] + b',"type":"' + delivery.event.encode() + b'"}',
    "array": lambda delivery: b"[" + delivery.body + b"]",
    "bare": lambda delivery: json.dumps(delivery.payload["data"]).encode(),
}
"""Other bodies than the documented one, correctly signed."""


def change_delivery_body(_: FaultContext, *, form: str, at: str = "") -> FaultPlan:
    """Send another body: `form` is a key of DELIVERY_BODIES."""
    build = setting_of(DELIVERY_BODIES, "form", form)

    def rebuilt(delivery: OutgoingDelivery, proceed: Proceed) -> None:
        proceed()
        delivery.body = build(delivery)

    return FaultPlan((), at, (("compose", rebuilt),))


DELIVERY_FAULTS: FaultSteps = {
    "delivery-signing": change_signing,
    "delivery-no-retries": drop_retries,
    "delivery-payload": change_payload,
    "delivery-field": change_object_field,
    "delivery-body": change_delivery_body,
}
