"""Find out which resource each response shows, and what the objects of each resource have in common.

A View is how one operation or event shows an object. The objects of a resource are stored in a table; the fields of its
objects are the union of the fields of all its views, each as narrow as the narrowest view has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema_tree import SchemaNode, schemas_of
from whopwatch.simulator.declarations import Declarations, account_fields, declarations_of, singular_of
from whopwatch.simulator.world.filters import ListFilter, list_filters, value_schema
from whopwatch.simulator.world.nodes import FieldNode, NodeMerger, NodeReader, nodes_below

Form = Literal["object", "list", "array", "value"]
SIMILAR = 0.5
"""The share of fields that an object needs to have in common with a resource to be an object of that resource."""


@dataclass(frozen=True, slots=True)
class View:
    """How one operation or event shows an object: the table of the world, and the node to project onto.

    `form` says what the response is: the object; a `list` with its items in `data`; an `array` of items; or a `value`
    that is no object of a table. `envelope` holds the fields beside `data`. `has_id` is false for an object that exists
    once, or once for each object in the path. `stored` names the stored field of a shown field if the names differ.
    """

    table: str
    node: FieldNode
    form: Form = "object"
    envelope: FieldNode | None = None
    has_id: bool = True
    stored: Mapping[str, str] = field(default_factory=dict)


class Views:
    """The views of a contract's operations and events, the filters of its lists, and the fields of each table."""

    def __init__(self, contract: Contract, declared: Declarations) -> None:
        self._contract, self._declared = contract, declared
        self._schemas = schemas_of(contract)
        self.reader = NodeReader(contract, _resource_names(contract, declared))
        self._typical: dict[str, frozenset[str]] = {}
        self._tables: Mapping[str, str] = {}
        self._learn_tables()
        self.of_operation = {
            operation.id: view
            for operation in contract.operations.values()
            if (view := self._operation_view(operation)) is not None
        }
        self.of_event = {name: View(event.resource, self._event_node(name)) for name, event in contract.events.items()}
        self.filters: dict[str, tuple[ListFilter, ...]] = {}
        self.shapes = self._shapes()
        self.follow = {table: self._followed_fields(table, shape) for table, shape in self.shapes.items()}

    def table_of(self, resource: str | None) -> str | None:
        """Return the table of a resource's objects, which may be that of another resource; None without one."""
        table = self._tables.get(resource or "", resource)
        return table if table in self.shapes else None

    def filters_of(self, operation: Operation) -> tuple[ListFilter, ...]:
        """Return what the parameters of a list filter by."""
        return self.filters.get(operation.id, ())

    def _object_schema(self, operation: Operation) -> SchemaNode | None:
        """Return the schema of the object, or of each object of the list, that a read returns."""
        if operation.success.schema is None:
            return None
        schema = self._schemas.of(operation)
        array = schema.fields.get("data") if schema.type == "object" and "id" not in schema.fields else schema
        return array.items if array and array.type == "array" else schema

    def _learn_tables(self) -> None:
        """Find the field names of each resource's objects, and the table that its ids belong to.

        A resource may be reached by several paths (`/payout_methods`, `/payouts/methods`): its ids tell that.
        """
        named: dict[str, Counter[str]] = {}
        for operation in self._contract.operations.values():
            schema = self._object_schema(operation)
            last = operation.path.rpartition("/")[2]
            if schema is None or "id" not in schema.fields or operation.path.count("{") - last.startswith("{") > 1:
                continue
            is_plain = last.startswith("{") or operation.path.count("{") == 0
            if is_plain and operation.is_read and operation.id not in self._declared.separate:
                known = self._typical.get(operation.resource, frozenset())
                self._typical[operation.resource] = known | schema.fields.keys()
            resource = _resource_of_id(schema)
            if is_plain and resource in self._contract.resources:
                named.setdefault(operation.resource, Counter())[str(resource)] += 1
        self._tables = {own: found.most_common(1)[0][0] for own, found in named.items()}

    def _event_node(self, name: str) -> FieldNode:
        event = self._contract.events[name]
        data = self.reader.read(event.schema).fields.get("data", FieldNode("map"))
        # An event without a documented object shows the object as the API does.
        retrieve = self.of_operation.get(f"{event.resource}.retrieve")
        return _as_object(data) if data.fields or data.variants or retrieve is None else retrieve.node

    def _operation_view(self, operation: Operation) -> View | None:
        if operation.success.schema is None:
            return None
        schema = self._schemas.of(operation)
        node = self.reader.read(operation.success.schema, operation.api)
        items = self._items_of(operation, schema)
        if items:
            item_node = (node if schema.type == "array" else node.fields["data"]).item or FieldNode("any")
            table, _ = self._table(operation, items)
            envelope = None if schema.type == "array" else node
            return View(table, self._variant(table, _as_object(item_node)), "list" if envelope else "array", envelope)
        if node.kind not in ("object", "union") or not any(each.kind == "object" for each in node.alternatives):
            return None if node.kind == "boolean" else View(operation.id, node, "value", has_id=False)
        renamed = self._declared.renamed.get(operation.api, {}).get(operation.resource)
        if renamed is not None:
            own = {name: f"{operation.api}.{name}" for name in node.fields}
            return View(operation.resource, node, stored={**own, **renamed})
        table, has_id = self._table(operation, schema)
        return View(table, self._variant(table, node), has_id=has_id)

    def _items_of(self, operation: Operation, schema: SchemaNode) -> SchemaNode | None:
        """Return the schema of a list's items: of a paginated list, or of any array of objects that have a table."""
        if operation.is_list:
            return schema.fields["data"].items
        if schema.variants or schema.type not in ("object", "array"):
            return None
        array = schema if schema.type == "array" else schema.fields.get("data")
        items = array.items if array and array.type == "array" else None
        if items is None or "id" not in items.fields or not (items.fields["id"].resource or operation.is_read):
            return None
        return items

    def _table(self, operation: Operation, schema: SchemaNode) -> tuple[str, bool]:
        """Return the table of the object that an operation shows, and whether the object has an id."""
        own = operation.resource
        if "id" not in schema.fields:
            if operation.is_list:
                return (own if operation.id.endswith(".list") else operation.id), True
            # An object without an id belongs to its resource only if that has no objects with ids.
            return (operation.id if own in self._typical else own), False
        if operation.id in self._declared.separate:
            return operation.id, True
        resource = _resource_of_id(schema)
        if resource in self._contract.resources:
            return str(resource), True
        typical = self._typical.get(own, frozenset())
        is_own = not typical or len(typical & schema.fields.keys()) >= SIMILAR * len(schema.fields)
        return (self._tables.get(own, own) if is_own else operation.id), True

    def _variant(self, table: str, node: FieldNode) -> FieldNode:
        """Return the variants of a union that are objects of the table: those with its fields."""
        objects = tuple(each for each in node.variants if each.kind == "object")
        typical = self._typical.get(table, frozenset())
        similar = [each for each in objects if len(typical & each.fields.keys()) >= SIMILAR * len(each.fields)]
        chosen = tuple(similar or objects)
        if not node.variants or len(chosen) == len(node.variants):
            return node
        return chosen[0] if len(chosen) == 1 else replace(node, variants=chosen)

    # The fields of each table

    def _shapes(self) -> Mapping[str, FieldNode]:
        shapes: dict[str, FieldNode] = {}
        # Where views disagree, the first one wins: the list and the object itself before what actions answer.
        plain = [view for id, view in self.of_operation.items() if id.endswith((".list", ".retrieve"))]
        views = (*plain, *self.of_operation.values(), *self.of_event.values())
        roots = [view for view in views if view.form != "value" and any(each.fields for each in view.node.alternatives)]
        merger, seen = NodeMerger(), set[int]()
        for view in roots:
            known, node = shapes.get(view.table), _stored(view)
            shapes[view.table] = merger.merged(known, node) if known else node
        for view in roots:
            for nested in nodes_below(view.node, seen):
                if nested.kind == "reference":
                    resource = nested.resource or ""
                    shapes[resource] = _absorb(merger, shapes.get(resource, FieldNode("object")), nested)
        for field_path, resource in self._declared.references.items():
            table, _, name = field_path.rpartition(".")
            known = shapes.get(table)
            if known and name in known.fields:
                pointing = replace(known.fields[name], kind="id", resource=resource)
                shapes[table] = replace(known, fields={**known.fields, name: pointing})
        self._add_hidden(shapes)
        return self._with_every_resource(shapes)

    def _add_hidden(self, shapes: dict[str, FieldNode]) -> None:
        """Add the fields that no response shows: the declared ones, and the ones that a parameter filters by."""
        hidden: dict[str, dict[str, FieldNode]] = {}
        for table, fields in self._declared.hidden.items():
            for name, declared in fields.items():
                hidden.setdefault(table, {})[name] = self.reader.read(declared, name=name)
        for operation in self._contract.operations.values():
            view = self.of_operation.get(operation.id)
            if view is None or view.form not in ("list", "array") or not operation.is_read:
                continue
            found = tuple(list_filters(self._contract, self._declared, operation, view.node, shapes[view.table]))
            self.filters[operation.id] = found
            for one in found:
                if one.path.isidentifier():
                    schema = value_schema(self._contract, operation, one.parameter)
                    node = self.reader.of(schema, one.parameter.name)
                    if one.parameter.resource:
                        node = FieldNode("id", resource=one.parameter.resource)
                    hidden.setdefault(view.table, {}).setdefault(one.path, node)
                    if one.test == "equals" and schema.known_values:
                        shapes[view.table] = _with_values(shapes[view.table], one.path, schema.known_values)
        for table, nodes in hidden.items():
            shape = shapes.get(table)
            if shape is not None and shape.kind == "union":
                variants = tuple(replace(each, fields={**nodes, **each.fields}) for each in shape.variants)
                shapes[table] = replace(shape, variants=variants)
            elif shape is not None:
                shapes[table] = replace(shape, fields={**nodes, **shape.fields})

    def _followed_fields(self, table: str, shape: FieldNode) -> Mapping[str, str]:
        """Return the paths of derived fields: the declared ones, and ids beside the object that they belong to."""
        found = dict(self._declared.follow.get(table, {}))
        for variant in shape.alternatives:
            for name, node in variant.fields.items():
                stem = name.removesuffix("_id")
                partner = variant.fields.get(stem) if stem != name else None
                if node.kind == "id" and partner and partner.kind == "reference" and partner.resource == node.resource:
                    found.setdefault(name, stem)
        return found

    def _with_every_resource(self, shapes: dict[str, FieldNode]) -> Mapping[str, FieldNode]:
        """Add a table of bare ids for each resource that is referred to and shown nowhere."""
        prefixes = {
            parameter.resource: next(iter(parameter.id_prefixes), None)
            for operation in self._contract.operations.values()
            for parameter in operation.parameters
            if parameter.resource
        }
        referred = {node.resource for shape in shapes.values() for node in nodes_below(shape) if node.kind == "id"}
        referred |= {self._contract.account.resource, *prefixes}
        for resource in sorted(filter(None, referred)):
            if self._tables.get(resource, resource) not in shapes:
                id = FieldNode("string", prefix=prefixes.get(resource))
                shapes[resource] = FieldNode("object", fields={"id": id})
        return shapes


def _resource_names(contract: Contract, declared: Declarations) -> Mapping[str, str]:
    """Return the resource that each field name refers to: as parameters like `lesson_id` say, or by its singular."""
    found: dict[str, set[str]] = {}
    for resource in contract.resources:
        words = singular_of(resource.rpartition(".")[2]).split("_")
        for first in range(len(words)):
            found.setdefault("_".join(words[first:]), set()).add(resource)
    named: dict[str, set[str]] = {}
    for operation in contract.operations.values():
        for parameter in operation.parameters:
            stem = parameter.name.removesuffix("[]").removesuffix("s").removesuffix("_id")
            if parameter.resource and parameter.name != "id" and stem != parameter.name:
                named.setdefault(stem, set()).add(parameter.resource)
    exact = {singular_of(resource): resource for resource in contract.resources}
    exact |= {name.removesuffix("_id"): contract.account.resource for name in account_fields(contract)}
    return {**_unique(found), **exact, **_unique(named), **declared.names}


def _unique(found: Mapping[str, set[str]]) -> dict[str, str]:
    return {name: min(resources) for name, resources in found.items() if len(resources) == 1}


def _resource_of_id(schema: SchemaNode) -> str | None:
    named = (each.fields["id"].resource for each in schema.alternatives if "id" in each.fields)
    return next(filter(None, named), None)


def _as_object(node: FieldNode) -> FieldNode:
    """Return the node of a list item as the root of its view: there, an object with an id is no reference."""
    kind = "object" if node.kind == "reference" else node.kind
    return replace(node, kind=kind, variants=tuple(_as_object(variant) for variant in node.variants))


def _with_values(shape: FieldNode, name: str, values: tuple[Any, ...]) -> FieldNode:
    """Return `shape` whose plain string field `name` holds the values that a list can be filtered by."""
    if shape.variants:
        return replace(shape, variants=tuple(_with_values(each, name, values) for each in shape.variants))
    node = shape.fields.get(name)
    if node is None or node.kind != "string" or node.enum or node.format or node.prefix:
        return shape
    return replace(shape, fields={**shape.fields, name: replace(node, enum=values, is_open=True)})


def _absorb(merger: NodeMerger, shape: FieldNode, nested: FieldNode) -> FieldNode:
    """Return `shape` with the fields of a `nested` view. A variant of a union gets only the fields that it has."""
    if shape.kind != "union":
        return replace(merger.merged(shape, replace(nested, kind="object")), nullable=False, required=True)
    variants = []
    for variant in shape.variants:
        mine = {name: node for name, node in nested.fields.items() if name in variant.fields}
        variants.append(merger.merged(variant, FieldNode("object", fields=mine)))
    return replace(shape, variants=tuple(variants))


def _stored(view: View) -> FieldNode:
    """Return the fields that a view adds to its table; of a renamed view, the ones that only it has."""
    if not view.stored:
        return view.node
    own = {stored: view.node.fields[name] for name, stored in view.stored.items() if "." in stored}
    return replace(view.node, fields=own)


@lru_cache(maxsize=8)
def views_of(contract: Contract) -> Views:
    """Return the views of a contract. They do not depend on the seed."""
    return Views(contract, declarations_of(contract))
