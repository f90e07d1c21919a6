"""A second reading of the Python SDK: installed, imported, and asked for its models at run time.

It shares no code with the readers that the contract is built by. A field is written down as
`(type, format, enum, nullable)`; whether it is required is for the TypeScript package to say, except where the Python
models know (a field without a default).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import whop_sdk
from pydantic import BaseModel
from whop_sdk.types import unwrap_webhook_event

Shape = tuple[str, str | None, tuple[object, ...] | None, bool]
Position = tuple[str, Shape, bool | None]

NOT_OF_THE_API = {("webhooks", "unwrap")}

_PLAIN: dict[object, tuple[str, str | None]] = {
    str: ("string", None),
    int: ("integer", None),
    float: ("number", None),
    bool: ("boolean", None),
    datetime: ("string", "date-time"),
    date: ("string", "date"),
    object: ("any", None),
}


def methods() -> Iterator[tuple[str, Any]]:
    """Return every method of an operation, by the id of the operation."""
    client = whop_sdk.Whop(api_key="unused")
    for name in _resources():
        for method, function in inspect.getmembers(getattr(client, name), inspect.ismethod):
            # Methods that send no request of their own belong to the client, not to the API.
            if not method.startswith(("_", "with_")) and (name, method) not in NOT_OF_THE_API:
                yield f"{name}.{method}", function


def response_positions() -> Iterator[Position]:
    """Every field position of every response: where, its shape, and whether it is known to be required."""
    for place, function in methods():
        returned = typing.get_type_hints(function, include_extras=True)["return"]
        if getattr(returned, "__name__", "").startswith("SyncCursorPage"):
            (item,) = get_args(returned.model_fields["data"].annotation)
            yield from positions(item, f"{place}/data/*")
        else:
            yield place, shape(returned), None
            yield from positions(returned, place)


def event_positions() -> Iterator[Position]:
    """Every field position of every webhook payload."""
    union = get_args(unwrap_webhook_event.UnwrapWebhookEvent)[0]
    for payload in get_args(union):
        (name,) = get_args(payload.model_fields["type"].annotation)
        yield from positions(payload, f"webhook:{name}")


def positions(annotation: Any, place: str) -> Iterator[Position]:
    """The field positions below a type; union variants are numbered, list items are `*`."""
    for index, variant in enumerate(_variants(annotation)):
        here = place if len(_variants(annotation)) == 1 else f"{place}<{index}>"
        if get_origin(variant) is list:
            (item,) = get_args(variant)
            yield f"{here}/*", shape(item), None
            yield from positions(item, f"{here}/*")
        elif inspect.isclass(variant) and issubclass(variant, BaseModel):
            for name, info in variant.model_fields.items():
                yield f"{here}/{name}", shape(info.annotation), True if info.is_required() else None
                yield from positions(info.annotation, f"{here}/{name}")


def _resources() -> list[str]:
    return sorted(
        name
        for name in dir(whop_sdk.Whop)
        if not name.startswith(("_", "with_")) and _is_resource(getattr(whop_sdk.Whop, name))
    )


def _is_resource(attribute: object) -> bool:
    function = getattr(attribute, "func", None)
    return function is not None and str(getattr(function, "__annotations__", {}).get("return", "")).endswith("Resource")


def _variants(annotation: Any) -> list[Any]:
    """The members of a union without null, in order; one member for anything else."""
    if get_origin(annotation) is Annotated:
        return _variants(get_args(annotation)[0])
    if get_origin(annotation) in (typing.Union, UnionType):
        return [inner for member in get_args(annotation) if member is not NoneType for inner in _variants(member)]
    return [annotation]


def _is_nullable(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_nullable(get_args(annotation)[0])
    if get_origin(annotation) in (typing.Union, UnionType):
        return any(member is NoneType or _is_nullable(member) for member in get_args(annotation))
    return False


def shape(annotation: Any) -> Shape:
    """Type, format, enum and nullability of one annotation."""
    variants = _variants(annotation)
    nullable = _is_nullable(annotation)
    if len(variants) > 1:
        return "union", None, None, nullable
    (only,) = variants
    if get_origin(only) is Literal:
        values = get_args(only)
        return _PLAIN[type(values[0])][0], None, values, nullable
    if get_origin(only) is list:
        return "array", None, None, nullable
    if get_origin(only) is dict or (inspect.isclass(only) and issubclass(only, BaseModel)):
        return "object", None, None, nullable
    kind, form = _PLAIN[only]
    return kind, form, None, nullable
