"""Decide what each parameter of a list filters by: as the edition declares, else by its name and type.

A parameter that no rule explains, and whose field no response shows, filters by a hidden field of the same type. So
its values partition the list consistently, as a client expects of any filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.behaviour import PAGING
from whopwatch.contract.schema_tree import SchemaNode, schemas_of
from whopwatch.simulator.declarations import SORT_PARAMETERS, Declarations, singular_of
from whopwatch.simulator.world.nodes import FieldNode

SEARCH_NAMES = frozenset({"query", "search", "keyword", "q"})
SEARCHED_FIELDS = ("name", "title", "description", "username", "email", "headline", "content", "user.name")
"""The fields that a search looks through, if the items have them."""
_RANGES = (
    (re.compile(r"(\w+)_(?:after|from|gte?|since)"), "not-before", "at-least"),
    (re.compile(r"(\w+)_(?:before|to|until|lte?)"), "before", "at-most"),
    (re.compile(r"min_(\w+)|(\w+)_min"), "not-before", "at-least"),
    (re.compile(r"max_(\w+)|(\w+)_max"), "before", "at-most"),
)
"""Names of range parameters: the test of a date, and of a number."""
_NO_FILTER = re.compile(r"(include|expand|with|fields|time_?zone|locale|interval|granularity|format)(_.*)?")
"""Names of parameters that change how items are shown, not which."""


@dataclass(frozen=True, slots=True)
class ListFilter:
    """One parameter: the path of the field that it filters by (alternatives separated by `|`), and its test."""

    parameter: Parameter
    path: str
    test: str


def list_filters(
    contract: Contract, declared: Declarations, operation: Operation, item: FieldNode, stored: FieldNode
) -> Iterator[ListFilter]:
    """Yield the filters of a list that shows `item` of the `stored` object. Others are left out.

    A shown field is preferred to one that is only stored: clients compare the items that they see.
    """
    paths = declared.paths.get(operation.id, {})
    behaviour = {one.name: one for one in contract.filters_of(operation)}
    fields = {name: node for root in (stored, item) for each in root.alternatives for name, node in each.fields.items()}
    fields |= {name: node for each in stored.alternatives for name, node in each.fields.items() if node.kind == "id"}
    shown = {name for each in item.alternatives for name in each.fields}
    fields = {name: fields[name] for name in sorted(fields, key=lambda name: name not in shown)}
    for parameter in operation.parameters:
        name = parameter.name
        if parameter.location == "header" or name in PAGING | SORT_PARAMETERS:
            continue
        path, test = _by_name(parameter, value_schema(contract, operation, parameter), fields)
        if name in paths or name in declared.comparisons:
            path, test = paths.get(name, path), declared.comparisons.get(name, "equals")
        # Clients search by what the edition names: its paths come before the ones that a name suggests.
        is_guess = path.partition(".")[0] not in fields or test == "contains"
        if name not in paths and name in behaviour and is_guess:
            known = [".".join(steps) for steps in behaviour[name].paths if _shows(fields, steps)]
            path, test = ("|".join(known), behaviour[name].test) if known else (path, test)
        if path:
            yield ListFilter(parameter, path, test)


def _shows(fields: Mapping[str, FieldNode], steps: Sequence[str]) -> bool:
    """Check that objects with `fields` have a path, as far as it is written out: a client sees no other."""
    node = fields.get(steps[0])
    for step in steps[1:]:
        inner = (node.item or node).fields if node else {}
        if not inner:
            break
        node = inner.get(step)
    return node is not None


def value_schema(contract: Contract, operation: Operation, parameter: Parameter) -> SchemaNode:
    """Return the schema of a parameter's value; for an array, of one value."""
    node = schemas_of(contract).read(parameter.schema, operation.api)
    return node.items if node.type == "array" and node.items else node


def _by_name(parameter: Parameter, schema: SchemaNode, fields: Mapping[str, FieldNode]) -> tuple[str, str]:
    """Return the path and test that the name and type of a parameter suggest; an empty path if it filters nothing."""
    name, field = parameter.name.removesuffix("[]"), _field_named(parameter)
    if parameter.resource:
        return _reference_to(parameter, field, fields), "equals"
    if _NO_FILTER.fullmatch(name):
        return "", "equals"
    if name in SEARCH_NAMES:
        return _searched(fields) or field, "contains"
    for pattern, of_date, of_number in _RANGES:
        match = pattern.fullmatch(name)
        if match and schema.types & {"string", "integer", "number"} and not schema.known_values:
            is_date = "string" in schema.types
            return _range_field(match[match.lastindex or 1], is_date, fields), of_date if is_date else of_number
    for known in (field, name):
        if known in fields:
            return known, "equals"
    return (field if schema.known_values or schema.type == "boolean" else ""), "equals"


def _reference_to(parameter: Parameter, field: str, fields: Mapping[str, FieldNode]) -> str:
    """Return the field that refers to the parameter's resource: the one of its name, else the only one."""
    wanted = parameter.resource
    candidates = (field, f"{field}_id", f"{field}s", f"{field}_ids", "id")
    for name in (one for one in fields if one in candidates):
        node = fields[name].item or fields[name]
        if node.resource == wanted or (name == "id" and field == "id" and parameter.location == "query"):
            return name
    pointing = [name for name, node in fields.items() if (node.item or node).resource == wanted]
    if field == "id":  # the id in the path is that of the object that the items belong to
        field = singular_of((wanted or "").rpartition(".")[2])
    if len(pointing) == 1:
        return pointing[0]
    # A field of this name that refers to something else, or to nothing, is not what the parameter compares.
    return f"{field}_id" if field in fields else field


def _range_field(base: str, is_date: bool, fields: Mapping[str, FieldNode]) -> str:
    kinds = ("string",) if is_date else ("integer", "number")
    for name in (base, f"{base}_at", f"{base}_date", f"{base}_count"):
        if name in fields and fields[name].kind in kinds:
            return name
    return "created_at" if base == "created" else ""


def _searched(fields: Mapping[str, FieldNode]) -> str:
    found = []
    for path in SEARCHED_FIELDS:
        first, _, rest = path.partition(".")
        node = fields.get(first)
        node = node.fields.get(rest) if node and rest else node
        if node and node.kind == "string" and not node.enum and not node.format:
            found.append(path)
    return "|".join(found)


def _field_named(parameter: Parameter) -> str:
    """Return the field that a parameter names: `statuses[]` is `status`, `product_ids[]` and `product_id` `product`."""
    if parameter.name.startswith("created_"):
        return "created_at"
    name = parameter.name
    if parameter.is_array or parameter.schema.get("type") == "array":
        name = singular_of(name.removesuffix("[]"))
    return name.removesuffix("_id") if name.endswith("_id") else name
