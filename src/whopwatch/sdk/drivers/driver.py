"""Drive one release of the Python SDK, in an interpreter that has the release but not whopwatch.

Reads one JSON object per line: {"operation": "products.list", "arguments": {...}, "pages": N}. Writes one per line: the
value that the SDK parsed, or its error. With `pages` it paginates over at most N pages instead.

A value is JSON, or {"~": KIND, "v": ...} for a model, a date-time and other types that JSON does not have. A model has
"x", its undeclared fields, "m", its declared required fields that are missing, and "u", its fields whose value is not
of the declared type, with the error types of pydantic.
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
    """Return the SDK's client, whatever its layout, without retries."""
    known = inspect.signature(whop_sdk.Whop.__init__).parameters
    options: dict[str, Any] = {"max_retries": 0, "api_key": token, "token": token, "base_url": base_url}
    if "base_url" not in known:
        # Without an address the SDK sends requests to Whop itself, so fail if there is no way to set it.
        environment: Any = importlib.import_module("whop_sdk.environment").WhopEnvironment
        names = [name for name in inspect.signature(environment.__init__).parameters if name != "self"]
        options["environment"] = environment(**dict.fromkeys(names, base_url))
    made: Any = whop_sdk.Whop
    return made(**{name: value for name, value in options.items() if name in known})


def find_method(sdk: Any, operation: str) -> Any:
    """Return the method of an operation ID such as `payments.list_fees`."""
    for step in operation.split("."):
        sdk = getattr(sdk, step)
    return sdk


def handle(sdk: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one request."""
    try:
        call = find_method(sdk, request["operation"])
    except AttributeError:
        return {"error": {"type": "no such method", "status": None}}
    known = [name for name, one in inspect.signature(call).parameters.items() if one.kind is not one.VAR_KEYWORD]
    # Python has no argument called `from`: SDKs add an underscore to such names.
    arguments = {f"{name}_" if f"{name}_" in known else name: value for name, value in request["arguments"].items()}
    arguments = {name: as_declared(call, name, value) for name, value in arguments.items()}
    try:
        inspect.signature(call).bind(**arguments)
    except TypeError:
        unknown = sorted(set(arguments) - set(known))
        return {"error": {"type": "no such argument", "status": None, "arguments": unknown}}
    try:
        value = call(**arguments)
        if request.get("pages"):
            return paginate(value, request["pages"])
        return {"value": to_json(value), "unfit": type_errors(return_type(call), value)}
    except Exception as error:
        status = getattr(error, "status_code", None)
        return {"error": {"type": type(error).__name__, "status": status, "at": list(error_locations(error))}}


def as_declared(call: Any, name: str, value: Any) -> Any:
    """Return a date and time as such where the method wants one; any other argument stays."""
    try:
        wants_time = datetime.datetime in typing.get_args(typing.get_type_hints(call)[name]) or (
            typing.get_type_hints(call)[name] is datetime.datetime
        )
        return datetime.datetime.fromisoformat(value) if wants_time else value
    except Exception:
        return value


def return_type(call: Any) -> Any:
    """Return the declared return type of a method, or Any if it cannot be resolved."""
    try:
        return typing.get_type_hints(call).get("return", Any)
    except Exception:
        return Any


def error_locations(error: BaseException) -> Iterator[list[str]]:
    """Yield the location and type of each validation error, without the value."""
    for one in (error, error.__cause__, getattr(error, "cause", None)):
        if isinstance(one, pydantic.ValidationError):
            for detail in one.errors(include_url=False, include_context=False, include_input=False)[:20]:
                steps = ["*" if isinstance(step, int) else str(step) for step in detail["loc"]]
                yield ["/" + "/".join(steps), detail["type"]]
            return


def paginate(page: Any, most: int) -> dict[str, Any]:
    """Count the pages and items of the SDK's own pagination; `ended` is whether it stopped before `most` pages."""
    pages = items = 0
    for one in page.iter_pages():
        pages += 1
        found = getattr(one, "items", None)
        items += len(found if isinstance(found, list) else one.data)
        if pages >= most:
            return {"walk": {"pages": pages, "items": items, "ended": False}}
    return {"walk": {"pages": pages, "items": items, "ended": True}}


def to_json(value: Any) -> Any:
    """Return a value as JSON; other types are tagged."""
    if value is None or (isinstance(value, (bool, int, float, str)) and type(value).__module__ == "builtins"):
        return value
    if isinstance(value, list):
        return [to_json(one) for one in value]
    if isinstance(value, dict):
        return {str(name): to_json(one) for name, one in value.items()}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return {"~": type(value).__name__, "v": value.isoformat()}
    if isinstance(value, pydantic.BaseModel):
        return model_to_json(value)
    response = getattr(value, "response", None)
    if isinstance(response, pydantic.BaseModel):
        return model_to_json(response)
    return {"~": type(value).__name__, "v": None}


def model_to_json(value: pydantic.BaseModel) -> dict[str, Any]:
    """Return the fields of a model that were in the response, by their names there."""
    fields: dict[str, Any] = {}
    missing: list[str] = []
    unfit: dict[str, list[str]] = {}
    for name, field in type(value).model_fields.items():
        wire = alias(field) or name
        if name in value.model_fields_set:
            found = getattr(value, name)
            fields[wire] = to_json(found)
            if errors := type_errors(field.annotation, found):
                unfit[wire] = errors
        elif field.is_required():
            missing.append(wire)
    extra = value.model_extra or {}
    fields |= {name: to_json(one) for name, one in extra.items() if name not in fields}
    return {"~": type(value).__name__, "v": fields, "x": sorted(extra), "m": missing, "u": unfit}


def alias(field: Any) -> str | None:
    """Return the name of a field in the response if it differs."""
    for one in field.metadata:
        if getattr(one, "alias", None):
            return str(one.alias)
    return str(field.alias) if field.alias else None


def type_errors(annotation: Any, value: Any) -> list[str]:
    """Return the pydantic error types of a value for its declared type; nested models are checked separately."""
    try:
        adapter(annotation).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return sorted({str(one["type"]) for one in details})
    except Exception:
        return []
    return []


@cache
def adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    """Return the validator of a type, built once."""
    return pydantic.TypeAdapter(annotation)


def serve() -> None:
    """Respond to requests until the input ends."""
    warnings.simplefilter("ignore")
    base_url, token = sys.argv[1:3]
    sdk = client(base_url, token)
    print(json.dumps({"ready": getattr(whop_sdk, "__version__", "")}), flush=True)
    for line in sys.stdin:
        print(json.dumps(handle(sdk, json.loads(line))), flush=True)


if __name__ == "__main__":
    serve()
