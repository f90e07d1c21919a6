"""Faults in the deliveries of webhooks: how they are signed, what they are called, what is in them."""

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
    signed_headers,
)
from whopwatch.signature.scheme import compute_signature
from whopwatch.simulator.faults.changes import CHANGES
from whopwatch.simulator.faults.fields import choose, places
from whopwatch.simulator.faults.place import Place, Plan, Table
from whopwatch.simulator.parcel import Parcel, Proceed

OTHER_KEY = b"ws_of_another_webhook"


def _with_key(parcel: Parcel, key: bytes) -> None:
    parcel.headers[SIGNATURE_HEADER] = f"v1,{compute_signature(key, parcel.id, str(parcel.timestamp), parcel.body)}"


def _decoded(parcel: Parcel) -> bytes:
    text = parcel.secret.removeprefix("ws_")
    return base64.b64decode(text + "=" * (-len(text) % 4))


def _hexadecimal(parcel: Parcel) -> None:
    version, _, text = parcel.headers[SIGNATURE_HEADER].partition(",")
    parcel.headers[SIGNATURE_HEADER] = f"{version},{base64.b64decode(text).hex()}"


def _rewritten(parcel: Parcel) -> None:
    body = json.dumps(parcel.payload).encode()
    parcel.headers |= signed_headers(parcel.secret, parcel.id, parcel.timestamp, body)


def _renamed(parcel: Parcel) -> None:
    for name in SIGNATURE_HEADERS:
        parcel.headers[name.replace("webhook", "svix")] = parcel.headers.pop(name)


def _without(*names: str) -> Callable[[Parcel], None]:
    def change(parcel: Parcel) -> None:
        for name in names:
            del parcel.headers[name]

    return change


def _moved(seconds: int) -> Callable[[Parcel], None]:
    def change(parcel: Parcel) -> None:
        parcel.headers |= signed_headers(parcel.secret, parcel.id, parcel.timestamp + seconds, parcel.body)

    return change


def _timed(form: Callable[[int], str]) -> Callable[[Parcel], None]:
    """The time in another form, and signed so: the signature itself is right."""

    def change(parcel: Parcel) -> None:
        text = form(parcel.timestamp)
        signature = compute_signature(parcel.secret.encode(), parcel.id, text, parcel.body)
        parcel.headers |= {TIMESTAMP_HEADER: text, SIGNATURE_HEADER: f"v1,{signature}"}

    return change


def _named(name: Callable[[Parcel], str]) -> Callable[[Parcel], None]:
    def change(parcel: Parcel) -> None:
        parcel.headers |= signed_headers(parcel.secret, name(parcel), parcel.timestamp, parcel.body)

    return change


SIGNINGS: Mapping[str, Callable[[Parcel], None]] = {
    "unsigned": _without(*SIGNATURE_HEADERS),
    "no-signature": _without(SIGNATURE_HEADER),
    "no-id": _without(ID_HEADER),
    "renamed": _renamed,
    "decoded-key": lambda parcel: _with_key(parcel, _decoded(parcel)),
    "encoded-key": lambda parcel: _with_key(parcel, base64.b64encode(parcel.secret.encode())),
    "other-key": lambda parcel: _with_key(parcel, OTHER_KEY),
    "hexadecimal": _hexadecimal,
    "version-2": lambda parcel: parcel.headers.update({SIGNATURE_HEADER: "v2" + parcel.headers[SIGNATURE_HEADER][2:]}),
    "rewritten": _rewritten,
    "old": _moved(-3600),
    "ahead": _moved(3600),
    "milliseconds": _timed(lambda seconds: str(seconds * 1000)),
    "date": _timed(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat()),
    "one-id": _named(lambda parcel: "msg_always"),
    "id-by-attempt": _named(lambda parcel: f"{parcel.id}{parcel.attempt}"),
    "text-plain": lambda parcel: parcel.headers.update({"content-type": "text/plain"}),
}
"""What can be wrong with the headers of an attempt."""


def signing(_: Place, *, form: str, at: str) -> Plan:
    """Spoil the headers of each attempt in one of SIGNINGS; `at` is where that shows."""
    spoil = SIGNINGS[form]

    def spoilt(parcel: Parcel, proceed: Proceed) -> None:
        proceed()
        spoil(parcel)

    return Plan((), at, (("sign", spoilt),))


def no_retries(_: Place) -> Plan:
    """Give up after the first attempt."""

    def once(parcel: Parcel, proceed: Proceed) -> None:
        parcel.delays = ()
        proceed()

    return Plan((), "retry", (("compose", once),))


def payload(place: Place, *, change: str, path: str, setting: Any = None) -> Plan:
    """Change one key of the envelope."""
    apply = CHANGES[change]

    def changed(parcel: Parcel, proceed: Proceed) -> None:
        parcel.payload = copy.deepcopy(parcel.payload)
        for holder, key in list(places(parcel.payload, tuple(path.split(".")))):
            apply(holder, key, setting)
        proceed()

    return Plan((), "/" + path.replace(".", "/"), (("compose", changed),))


def object_field(
    place: Place, *, kind: str, change: str, setting: Any = None, besides: str = "", **chosen: Any
) -> Plan | None:
    """Change one field of the object, chosen by `kind` and the further settings of `fields.choose`.

    `besides` matches the events at which it makes no sense.
    """
    event = place.operation.id.partition(":")[2]
    if re.fullmatch(besides, event):
        return None
    found = choose(place.world.views.of_event[event].node, kind, **chosen)
    if found is None:
        return None
    apply, path = CHANGES[change], ("data", *found.path)
    location = found.pointer(in_list=False)
    if change == "add-beside":
        location = location.rpartition("/")[0] + "/undocumented_field"

    def changed(parcel: Parcel, proceed: Proceed) -> None:
        parcel.payload = copy.deepcopy(parcel.payload)
        for holder, key in list(places(parcel.payload, path)):
            apply(holder, key, setting)
        proceed()

    return Plan((), f"/data{location}", (("compose", changed),))


BODIES: Mapping[str, Callable[[Parcel], bytes]] = {
    "form": lambda parcel: b"payload=" + parcel.body,
    "cut": lambda parcel: parcel.body[:-1],
    "latin-1": lambda parcel: parcel.body[:-1] + ',"note":"\u00e9"}'.encode("latin-1"),
    "twice": lambda parcel: parcel.body[:-1] + b',"type":"' + parcel.event.encode() + b'"}',
    "array": lambda parcel: b"[" + parcel.body + b"]",
    "bare": lambda parcel: json.dumps(parcel.payload["data"]).encode(),
}
"""Other bodies than the documented one, signed as they are."""


def whole(_: Place, *, form: str, at: str = "") -> Plan:
    """Send one of BODIES."""
    build = BODIES[form]

    def rebuilt(parcel: Parcel, proceed: Proceed) -> None:
        proceed()
        parcel.body = build(parcel)

    return Plan((), at, (("compose", rebuilt),))


STEPS: Table = {
    "delivery-signing": signing,
    "delivery-no-retries": no_retries,
    "delivery-payload": payload,
    "delivery-field": object_field,
    "delivery-body": whole,
}
