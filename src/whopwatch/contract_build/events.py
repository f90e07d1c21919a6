"""The webhook events among the types of an SDK."""

from __future__ import annotations

from whopwatch.contract_build.model import Enum, Named, OneOf, Record, Type

_UNION = "UnwrapWebhookEvent"


def events_of(types: dict[str, Type]) -> dict[str, Type]:
    """Return the payloads by event name, which each payload's `type` holds as a constant."""
    union = types.get(_UNION)
    events: dict[str, Type] = {}
    for variant in union.variants if isinstance(union, OneOf) else ():
        record = types[variant.name] if isinstance(variant, Named) else variant
        for item in record.fields if isinstance(record, Record) else ():
            if item.name == "type" and isinstance(item.type, Enum):
                events[str(item.type.values[0])] = variant
    return events
