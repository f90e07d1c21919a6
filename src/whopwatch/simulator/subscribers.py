"""Who is told of an event: the receiver that the simulator was started with, and webhooks made through its API.

A webhook is sent to as long as it is enabled, lists the event, and lies on this machine: a simulator never sends to
anybody else by what a request says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from whopwatch.config.urls import is_local
from whopwatch.simulator.parcel import Parcel
from whopwatch.simulator.world import Entity, World

DOCUMENTED = "v1"
"""The version of the payloads that the contract has: webhooks of another are not sent to."""


def addressed(world: World, parcel: Parcel, url: str | None) -> Iterator[Parcel]:
    """The parcel for each receiver: `url`, with the parcel's own secret, and each webhook that wants it, with its."""
    if url:
        yield replace(parcel, url=url)
    for webhook in webhooks(world):
        if parcel.event in webhook.values["events"]:
            yield replace(parcel, url=str(webhook.values["url"]), secret=str(webhook.values["webhook_secret"]))


def webhooks(world: World) -> Iterator[Entity]:
    """The webhooks of the key's company that could be sent to."""
    for webhook in world.own("webhooks"):
        values = webhook.values
        if values.get("enabled") and values.get("api_version") == DOCUMENTED and _is_here(str(values.get("url"))):
            yield webhook


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and url.isprintable() and is_local(url)
    except ValueError:
        return False
