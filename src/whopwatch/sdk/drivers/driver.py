"""Drives one release of the Python SDK. Run by itself, in an interpreter that has the release and nothing of ours.

Reads one JSON object a line: {"operation": "products.list", "arguments": {...}, "pages": N}. Writes one a line: what
the SDK made of the answer, or its error. `pages` asks for a walk of at most so many pages instead of a value.

A value is JSON, but for {"~": KIND, "v": ...}: a model by its class ("x" the fields it does not declare, "m" those it
declares as required and was not given, "u" those whose value is not of the declared type, with what is wrong in the
words of pydantic), a date-time, or anything else that JSON has no word for.
"""

from __future__ import annotations

import datetime
import importlib
import inspect
import json
import sys
import typing
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import pydantic
import whop_sdk


def client(base_url: str, token: str) -> Any:
    """The SDK's client, of whichever layout, without retries of its own."""
    known = inspect.signature(whop_sdk.Whop.__init__).parameters
    options: dict[str, Any] = {"max_retries": 0, "api_key": token, "token": token, "base_url": base_url}
    if "base_url" not in known:
        # Without an address of its own it would ask Whop itself: this raises where it cannot be given one.
        environment: Any = importlib.import_module("whop_sdk.environment").WhopEnvironment
        names = [name for name in inspect.signature(environment.__init__).parameters if name != "self"]
        options["environment"] = environment(**dict.fromkeys(names, base_url))
    made: Any = whop_sdk.Whop
    return made(**{name: value for name, value in options.items() if name in known})


def method(sdk: Any, operation: str) -> Any:
    """What an operation id names: `payments.list_fees`."""
    for step in operation.split("."):
        sdk = getattr(sdk, step)
    return sdk


def answer(sdk: Any, request: dict[str, Any]) -> dict[str, Any]:
    """What came of one request."""
    try:
        call = method(sdk, request["operation"])
    except AttributeError:
        return {"error": {"type": "no such method", "status": None}}
    try:
        inspect.signature(call).bind(**request["arguments"])
    except TypeError:
        known = [name for name, one in inspect.signature(call).parameters.items() if one.kind is not one.VAR_KEYWORD]
        unknown = sorted(set(request["arguments"]) - set(known))
        return {"error": {"type": "no such argument", "status": None, "arguments": unknown}}
    try:
        value = call(**request["arguments"])
        if request.get("pages"):
            return walk(value, request["pages"])
        return {"value": shown(value), "unfit": complaints_about(promised(call), value)}
    except Exception as error:
        status = getattr(error, "status_code", None)
        return {"error": {"type": type(error).__name__, "status": status, "at": list(refused_at(error))}}


def promised(call: Any) -> Any:
    """The type that a method says it returns; anything, where that cannot be found out."""
    try:
        return typing.get_type_hints(call).get("return", Any)
    except Exception:
        return Any


def refused_at(error: BaseException) -> Iterator[list[str]]:
    """Where a model refused an answer, and why: the kind of each complaint, without the values it is about."""
    for one in (error, error.__cause__, getattr(error, "cause", None)):
        if isinstance(one, pydantic.ValidationError):
            for told in one.errors(include_url=False, include_context=False, include_input=False)[:20]:
                steps = ["*" if isinstance(step, int) else str(step) for step in told["loc"]]
                yield ["/" + "/".join(steps), told["type"]]
            return


def walk(page: Any, most: int) -> dict[str, Any]:
    """How many pages the SDK's own iteration sees, and how many items; `ended` where it stopped by itself."""
    pages = items = 0
    for one in page.iter_pages():
        pages += 1
        found = getattr(one, "items", None)
        items += len(found if isinstance(found, list) else one.data)
        if pages >= most:
            return {"walk": {"pages": pages, "items": items, "ended": False}}
    return {"walk": {"pages": pages, "items": items, "ended": True}}


def shown(value: Any) -> Any:
    """A value as JSON, tagged where JSON has no word for it."""
    if value is None or (isinstance(value, (bool, int, float, str)) and type(value).__module__ == "builtins"):
        return value
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, dict):
        return {str(name): shown(one) for name, one in value.items()}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return {"~": type(value).__name__, "v": value.isoformat()}
    if isinstance(value, pydantic.BaseModel):
        return model(value)
    response = getattr(value, "response", None)
    if isinstance(response, pydantic.BaseModel):
        return model(response)
    return {"~": type(value).__name__, "v": None}


def model(value: pydantic.BaseModel) -> dict[str, Any]:
    """A model by what was answered for it, under the names of the wire."""
    fields: dict[str, Any] = {}
    missing: list[str] = []
    unfit: dict[str, list[str]] = {}
    for name, field in type(value).model_fields.items():
        wire = alias(field) or name
        if name in value.model_fields_set:
            found = getattr(value, name)
            fields[wire] = shown(found)
            if complaints := complaints_about(field.annotation, found):
                unfit[wire] = complaints
        elif field.is_required():
            missing.append(wire)
    extra = value.model_extra or {}
    fields |= {name: shown(one) for name, one in extra.items() if name not in fields}
    return {"~": type(value).__name__, "v": fields, "x": sorted(extra), "m": missing, "u": unfit}


def alias(field: Any) -> str | None:
    """The name of a field on the wire, if it has another one."""
    for one in field.metadata:
        if getattr(one, "alias", None):
            return str(one.alias)
    return str(field.alias) if field.alias else None


def complaints_about(annotation: Any, value: Any) -> list[str]:
    """In which ways a value is not of its declared type, of itself: what models hold is asked of them."""
    try:
        adapter(annotation).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        return sorted({str(one["type"]) for one in told})
    except Exception:
        return []
    return []


@cache
def adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    """The validator of a type, made once."""
    return pydantic.TypeAdapter(annotation)


def main() -> None:
    """Answer requests until there are no more."""
    warnings.simplefilter("ignore")
    base_url, token = sys.argv[1:3]
    sdk = client(base_url, token)
    print(json.dumps({"ready": getattr(whop_sdk, "__version__", "")}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(sdk, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
