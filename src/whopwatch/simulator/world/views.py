"""Which resource each response shows, and the shape that all views of a resource have in common.

A view is the schema of one list item, one object, one webhook payload. The shape of a resource is the union of the
fields of all its views, each as narrow as the narrowest view has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from whopwatch.contract import Contract, Operation
from whopwatch.simulator.declarations import Declarations, declarations_of
from whopwatch.simulator.world.nodes import FieldNode, NodeReader, merged_nodes, references_in


@dataclass(frozen=True, slots=True)
class View:
    """How one operation or event shows a resource: the table of the world, and the FieldNode to project onto.

    `stored` names the field of the table behind a field of the view where the two names differ.
    """

    table: str
    node: FieldNode
    stored: Mapping[str, str] = field(default_factory=dict)


class Views:
    """The views of a contract's operations and events, and the shapes of its tables."""

    def __init__(self, contract: Contract, declared: Declarations) -> None:
        self._declared = declared
        self.reader = NodeReader(contract)
        self.of_operation = {
            operation.id: view
            for operation in contract.operations.values()
            if (view := self._operation_view(operation)) is not None
        }
        self.of_event = {
            event.name: View(event.resource, _as_object(self.reader.read(event.schema).fields["data"]))
            for event in contract.events.values()
        }
        self.shapes = self._shapes(contract)

    def _operation_view(self, operation: Operation) -> View | None:
        schema = operation.success.schema
        if schema is None:
            return None
        node = self.reader.read(schema, operation.api)
        if operation.is_list:
            item = node.fields["data"].item
            assert item is not None
            # The list named `list` shows the resource; another one shows something of its own.
            table = operation.resource if operation.id.endswith(".list") else operation.id
            return View(table, _as_object(item))
        if node.kind not in ("object", "union"):
            return None
        renamed = self._declared.renamed.get(operation.api, {}).get(operation.resource)
        if renamed is not None:
            own = {name: f"{operation.api}.{name}" for name in node.fields}
            return View(operation.resource, node, {**own, **renamed})
        own_object = "id" in (node.variants[0] if node.variants else node).fields
        shows_resource = own_object and operation.id not in self._declared.separate
        return View(operation.resource if shows_resource else operation.id, node)

    def _shapes(self, contract: Contract) -> Mapping[str, FieldNode]:
        shapes: dict[str, FieldNode] = {}
        roots = [*self.of_operation.values(), *self.of_event.values()]
        for view in roots:
            known, node = shapes.get(view.table), _stored(view)
            shapes[view.table] = merged_nodes(known, node) if known else node
        for view in roots:
            for nested in references_in(view.node):
                resource = nested.resource or ""
                shapes[resource] = _absorb(shapes.get(resource, FieldNode("object")), nested)
        for table, fields in self._hidden(contract).items():
            shape = shapes[table]
            if shape.kind == "union":
                variants = tuple(replace(v, fields={**fields, **v.fields}) for v in shape.variants)
                shapes[table] = replace(shape, variants=variants)
            else:
                shapes[table] = replace(shape, fields={**fields, **shape.fields})
        for field_path, resource in self._declared.references.items():
            table, name = field_path.split(".")
            known = shapes[table].fields[name]
            pointing = replace(known, kind="id", resource=resource)
            shapes[table] = replace(shapes[table], fields={**shapes[table].fields, name: pointing})
        return shapes

    def _hidden(self, contract: Contract) -> dict[str, dict[str, FieldNode]]:
        """Fields that no view shows, but that a parameter asks for: of the parameter's type, never null."""
        hidden: dict[str, dict[str, FieldNode]] = {}
        for table, fields in self._declared.hidden.items():
            for name, declared in fields.items():
                hidden.setdefault(table, {})[name] = self.reader.read(declared, name=name)
        for operation in contract.lists:
            table = self.of_operation[operation.id].table
            for parameter, path in self._declared.filter_paths(operation):
                if not path.isidentifier():
                    continue
                schema = contract.resolve(parameter.schema, operation.api)
                node = self.reader.read(schema.get("items", schema), operation.api, parameter.name)
                if parameter.resource:
                    node = FieldNode("id", resource=parameter.resource)
                hidden.setdefault(table, {}).setdefault(path, node)
        return hidden


def _as_object(node: FieldNode) -> FieldNode:
    """The FieldNode of a list item, which is below `data` but is the root of its view."""
    kind = "object" if node.kind == "reference" else node.kind
    return replace(node, kind=kind, variants=tuple(_as_object(variant) for variant in node.variants))


def _absorb(shape: FieldNode, nested: FieldNode) -> FieldNode:
    """`shape` with the fields of a `nested` view. A variant takes only those it has: the others are not its own."""
    if shape.kind != "union":
        return replace(merged_nodes(shape, replace(nested, kind="object")), nullable=False, required=True)
    variants = []
    for variant in shape.variants:
        mine = {name: node for name, node in nested.fields.items() if name in variant.fields}
        variants.append(merged_nodes(variant, FieldNode("object", fields=mine)))
    return replace(shape, variants=tuple(variants))


def _stored(view: View) -> FieldNode:
    """What a view adds to the shape of its table: of a renamed view the fields that no other view has."""
    if not view.stored:
        return view.node
    own = {stored: view.node.fields[name] for name, stored in view.stored.items() if "." in stored}
    return replace(view.node, fields=own)


@cache
def views_of(contract: Contract) -> Views:
    """The views of a contract, read once: no seed changes them."""
    return Views(contract, declarations_of(contract))
