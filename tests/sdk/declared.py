"""Whether a value that the SDK parsed is of the type that the SDK declares, in every field.

The SDK itself does not ask: it constructs its models without validation, and a wrong type passes in silence.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

PLAIN = (str, int, float, bool, datetime, date, NoneType)


def problems(value: Any, hint: Any, path: str = "") -> Iterator[str]:
    """Where `value` is not of the type `hint`: each place, with what is declared and what is there."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        yield from problems(value, arguments[0], path)
    elif origin in (Union, UnionType):
        found = [list(problems(value, variant, path)) for variant in arguments]
        if all(found):
            yield from min(found, key=len)
    elif origin is Literal:
        if value not in arguments:
            yield f"{path}: not one of the declared values"
    elif origin is list:
        yield from _items(value, arguments[0], path)
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} where dict is declared"
    elif inspect.isclass(hint) and issubclass(hint, BaseModel):
        yield from _fields(value, hint, path)
    elif hint in PLAIN and type(value) is not hint:
        yield f"{path}: {type(value).__name__} where {hint.__name__} is declared"


def _items(value: Any, hint: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {type(value).__name__} where list is declared"
        return
    for item in value:
        yield from problems(item, hint, f"{path}/*")


def _fields(value: Any, model: type[BaseModel], path: str) -> Iterator[str]:
    if not isinstance(value, model):
        yield f"{path}: {type(value).__name__} where {model.__name__} is declared"
        return
    for name, field in model.model_fields.items():
        # A field that was not sent keeps the default None, whatever its type is.
        if name in value.model_fields_set or field.is_required():
            yield from problems(getattr(value, name, None), field.annotation, f"{path}/{name}")
