"""What a later release has beyond the API reference, and what of the reference it no longer has.

The reference is a document of one day. `followed.yaml` is made by `whopwatch contract sync`, never by hand: with it, a
contract can follow the SDK while the facts of the reference stay what somebody once read.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from whopwatch.contract_build.model import SdkModel
from whopwatch.contract_build.relations import Relations
from whopwatch.contract_build.texts import read_yaml

FILE = "followed.yaml"

Facts = dict[str, Any]


def read_followed(contracts: Path) -> Facts:
    """The content of `followed.yaml`, or nothing where the contract is as old as the reference."""
    path = contracts / FILE
    return dict(read_yaml(path)) if path.exists() else {}


def followed(reference: Facts, changes: Mapping[str, Any]) -> Facts:
    """The reference with the operations and events that `changes` add and without those that it removes."""
    if not changes:
        return reference
    facts = deepcopy(reference)
    gone, come = changes["removed"], changes["added"]
    rows = {row["name"]: row for row in facts["resources"]}
    for row in rows.values():
        row["operations"] = [item for item in row["operations"] if item["id"] not in gone["operations"]]
        row["events"] = [event for event in row["events"] if event not in gone["events"]]
    for item in come["operations"]:
        _row(rows, item["id"].partition(".")[0])["operations"].append(item)
    for item in come["events"]:
        _row(rows, item["resource"])["events"].append(item["name"])
    facts["resources"] = [row for row in rows.values() if row["operations"] or row["events"]]
    for row in facts["resources"]:
        row["counted"] = {kind: len(row[kind]) for kind in ("operations", "events")}
    return facts


def changes_to(reference: Facts, model: SdkModel) -> Facts:
    """What has to change of `reference` for it to list just what `model` has.

    An operation at another path is removed and added. Of several methods for one request the first is taken.
    """
    listed = {item["id"]: item for row in reference["resources"] for item in row["operations"]}
    events = {event for row in reference["resources"] for event in row["events"]}
    kept, taken = set(), set()
    added = []
    for name, operation in sorted(model.operations.items(), key=lambda item: (item[0] not in listed, item[0])):
        request = (operation.method, operation.path)
        if request in taken:
            continue
        taken.add(request)
        if name in listed and listed[name]["method"] == operation.method:
            kept.add(name)
        else:
            added.append({"id": name, "method": operation.method, "path": operation.path})
    resources = Relations(row["name"] for row in reference["resources"])
    new_events = sorted(model.events.keys() - events)
    return {
        "release": model.version,
        "added": {
            "operations": added,
            "events": [{"name": event, "resource": _resource(event, resources)} for event in new_events],
        },
        "removed": {"operations": sorted(listed.keys() - kept), "events": sorted(events - model.events.keys())},
        "undecided": [],
    }


def _row(rows: dict[str, Facts], name: str) -> Facts:
    return rows.setdefault(name, {"name": name, "section": "Followed", "operations": [], "events": []})


def _resource(event: str, resources: Relations) -> str:
    """The resource of an event by its name: `payments` for `payment.created`."""
    word = event.partition(".")[0]
    return resources.of_object(word) or f"{word}s"
