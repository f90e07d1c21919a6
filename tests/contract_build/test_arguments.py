"""What an operation takes, against the signatures of the SDK's methods at run time."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from tests.contract_build import runtime

EXTRAS = {"extra_headers", "extra_query", "extra_body", "timeout"}


def test_every_operation_takes_the_arguments_of_its_method(bundle: dict[str, Any]) -> None:
    declared = {name: signature(method) for name, method in runtime.methods()}
    documented = {name: arguments(operation) for name, operation in operations(bundle["v1"])}
    assert documented == declared


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in document["paths"].values():
        for operation in item.values():
            yield operation["operationId"], operation


def signature(method: Any) -> tuple[set[str], set[str]]:
    """Return all arguments of a method, and the required ones."""
    parameters = inspect.signature(method).parameters.values()
    return (
        {parameter.name for parameter in parameters} - EXTRAS,
        {parameter.name for parameter in parameters if parameter.default is parameter.empty},
    )


def arguments(operation: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The same of an operation; of several bodies it cannot do without what all of them require."""
    parameters = [parameter for parameter in operation["parameters"] if "$ref" not in parameter]
    taken = {parameter["name"].removesuffix("[]") for parameter in parameters}
    needed = {parameter["name"] for parameter in parameters if parameter["required"]}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        variants = schema.get("anyOf", [schema])
        taken |= {name for variant in variants for name in variant["properties"]}
        needed |= set.intersection(*(set(variant.get("required", ())) for variant in variants))
        assert operation["requestBody"]["required"] is any(variant.get("required") for variant in variants)
    return taken, needed
