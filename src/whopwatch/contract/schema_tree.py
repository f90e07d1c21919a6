"""Read JSON schemas as trees of nodes: the only module that knows how a schema says what it says.

A SchemaNode says which values are allowed at one place, whatever way its schema was written: references are resolved,
`allOf` is merged, unions are flat, null is a flag, and an enum beside an open string is an open set of known values.
Nodes are read when they are first needed, so schemas may refer to themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from whopwatch.contract.model import Contract
from whopwatch.contract.operation import Operation
from whopwatch.contract.schema import json_type
from whopwatch.core.pointers import part_at

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
Tags = Mapping[str, frozenset[Any]]

LEARNED = "x-whop-learned"
"""The keyword of an object's properties whose presence and nullability follow from a rule, not from a source."""
KNOWN_VALUES = "x-extensible-enum"
"""The keyword of values that are documented although others are allowed, too."""
OPEN_ENUM = "x-open-enum"
"""The keyword of an enum that is documented as extensible: other values are allowed, too."""
MAX_ALTERNATIVES = 1000
"""Alternatives of one union that are read. A document from elsewhere can describe more than fit into memory."""
_NULL: Schema = {"type": "null"}
_ANY: Schema = {}
_SCALARS = ("string", "integer", "number", "boolean")
_RESTRICTING = frozenset(
    {"type", "properties", "required", "items", "enum", "const", "format", "additionalProperties"}
    | {"pattern", "x-resource", "x-id-prefix", KNOWN_VALUES}
)
"""Keywords that have an effect beside a `$ref`, `allOf` or a union: they are merged into every alternative."""
_COMPOSING = frozenset({"$ref", "allOf", "anyOf", "oneOf", "nullable", "enum", "const"})
_BESIDE_REFERENCE = _RESTRICTING | {"nullable", "anyOf", "oneOf", "allOf"}
MAX_EXPLAINED_ITEMS = 200
"""Items of one page whose violations are explained one by one: a page may have a hundred thousand."""
MAX_UNPRUNED_VALUES = 2_000
"""Values of a response whose errors are explained as it is."""
MAX_EXPLAINED_VALUES = 10_000
"""Values of which a validator explains each error; a full page of 100 items has some 6,000."""
MAX_EXPLAINED_CHARACTERS = 10_000
CHARACTERS_A_VALUE = 50
"""A longer text counts as several values."""


def _weight(value: Any) -> int:
    """Return as how many values one counts."""
    return 1 + len(value) // CHARACTERS_A_VALUE if isinstance(value, str) else 1


class SchemaNode:
    """What is allowed at one place.

    `type` is the JSON type; None where several or all are allowed. `nullable` is whether null is documented.
    `variants` are the alternatives of a union (at least two), else empty. `schema` is the plain schema behind the
    node: without references, unions, `allOf` and null; empty for a union. `resource` names the resource that an id
    here identifies, `prefixes` are the documented beginnings of that id.

    `fields`, `required`, `items`, `types` and the values of a union are those of all its variants together.
    """

    def __init__(
        self, tree: SchemaTree, schema: Schema, nullable: bool, variants: tuple[SchemaNode, ...], tags: Tags
    ) -> None:
        self._tree = tree
        self._discriminator = tags
        self.schema = schema
        self.nullable = nullable
        self.variants = variants
        self.type = _type_of(schema)
        self.resource: str | None = schema.get("x-resource")
        self.prefixes: tuple[str, ...] = tuple(schema.get("x-id-prefix", ()))

    @property
    def alternatives(self) -> tuple[SchemaNode, ...]:
        """The variants of a union; the node itself where it is none."""
        return self.variants or (self,)

    @property
    def is_any(self) -> bool:
        """Whether every value is allowed, null included."""
        return not self.variants and self.type is None and self.enum is None

    @cached_property
    def types(self) -> frozenset[str]:
        """The allowed JSON types, null left out; empty where all are allowed."""
        types = [node.type for node in self.alternatives]
        return frozenset() if None in types else frozenset(filter(None, types))

    @cached_property
    def enum(self) -> tuple[Any, ...] | None:
        """The only allowed values, null left out; None where the set is open."""
        if self.variants:
            enums = [node.enum for node in self.variants]
            return None if None in enums else tuple(value for enum in enums for value in enum or ())
        if self.schema.get(OPEN_ENUM):
            return None
        if "const" in self.schema:
            return (self.schema["const"],)
        values = _list(self.schema, "enum")
        return tuple(value for value in values if value is not None) if values else None

    @cached_property
    def known_values(self) -> tuple[Any, ...]:
        """The documented values, whether others are allowed or not."""
        if self.variants:
            return tuple(value for node in self.variants for value in node.known_values)
        known = self.enum or _list(self.schema, KNOWN_VALUES) or _list(self.schema, "enum")
        return tuple(value for value in known if value is not None)

    @cached_property
    def fields(self) -> Mapping[str, SchemaNode]:
        """The documented properties of an object. A field that several variants have is the union of theirs."""
        if not self.variants:
            return self._tree.fields_of(self.schema)
        by_name: dict[str, list[SchemaNode]] = {}
        for variant in self.variants:
            for name, node in variant.fields.items():
                by_name.setdefault(name, []).append(node)
        return {name: self._tree.union_of(nodes) for name, nodes in by_name.items()}

    @cached_property
    def required(self) -> frozenset[str]:
        """The properties that every object here has to have."""
        if self.variants:
            objects = [variant.required for variant in self.variants if variant.fields]
            return frozenset.intersection(*objects) if objects else frozenset()
        return frozenset(name for name in _list(self.schema, "required") if isinstance(name, str))

    @cached_property
    def learned(self) -> frozenset[str]:
        """The properties whose presence and nullability follow from a rule: no source promises them."""
        if self.variants:
            return frozenset().union(*(variant.learned for variant in self.variants))
        return frozenset(_list(self.schema, LEARNED))

    @cached_property
    def items(self) -> SchemaNode | None:
        """What an array here holds; None where that is not documented."""
        if self.variants:
            items = [variant.items for variant in self.variants if variant.items]
            return self._tree.union_of(items) if items else None
        return self._tree.read(self.schema["items"]) if isinstance(self.schema.get("items"), dict) else None

    @property
    def format(self) -> str | None:
        """The documented format of a string."""
        return self.schema.get("format")

    @cached_property
    def additional(self) -> SchemaNode | None:
        """What an undocumented field of an object holds; None where no such field is documented."""
        declared = self.schema.get("additionalProperties")
        return self._tree.read(declared) if declared else None

    @property
    def allows_other_fields(self) -> bool:
        """Whether an object here may have undocumented fields without anybody wondering: metadata, maps."""
        return not self.fields or self.additional is not None

    @cached_property
    def tags(self) -> Tags:
        """The properties that can only have one value: they distinguish the variants of a union."""
        constants = {name: node.enum for name, node in self.fields.items() if node.enum and len(node.enum) == 1}
        return {**self._discriminator, **{name: frozenset(values) for name, values in constants.items()}}

    @cached_property
    def resources(self) -> frozenset[str]:
        """The resources whose ids a value here may hold, at any depth."""
        return frozenset(node.resource for node in self._below() if node.resource)

    def _below(self) -> set[SchemaNode]:
        """Return this node and every one that it leads to."""
        seen: set[SchemaNode] = set()
        todo = [self]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += node.variants or (*node.fields.values(), *filter(None, [node.items]))
        return seen

    def prepare(self) -> None:
        """Read everything below now, so that the first response need not wait for it."""
        for node in self._below():
            _ = node._id_bearing, [variant.tags for variant in node.variants]

    def ids(self, value: Any) -> list[tuple[str, str]]:
        """Return every `(resource, id)` in `value`, in the order of the schema."""
        found: list[tuple[str, str]] = []
        self._collect_ids(value, found)
        return found

    def undocumented(self, value: Any, path: Path = ()) -> Iterator[tuple[Path, tuple[str, ...] | None]]:
        """Yield `(path, None)` for each undocumented field, `(path, prefixes)` for each id with another beginning."""
        node = self.variant_of(value) if self.variants else self
        if isinstance(value, dict) and not node.allows_other_fields:
            for name, part in value.items():
                if name not in node.fields:
                    yield (*path, name), None
                elif name in node._nested:
                    yield from node._nested[name].undocumented(part, (*path, name))
        elif isinstance(value, list) and node.items:
            for index, item in enumerate(value):
                yield from node.items.undocumented(item, (*path, index))
        elif isinstance(value, str) and node.prefixes and not value.startswith(node.prefixes):
            yield path, node.prefixes

    def to_explain(self, value: Any) -> Any:
        """Return the part of `value` that a validator may explain: all of it if it is as small as most are.

        Each error of a validator repeats the object that it is about, so that a large one takes gigabytes. A larger
        value is returned without its undocumented fields, the end of long texts, and the items beyond
        MAX_EXPLAINED_VALUES: none of these hides what is wrong with the rest.
        """
        left = MAX_UNPRUNED_VALUES
        waiting = [value]
        while waiting and left >= 0:
            part = waiting.pop()
            left -= _weight(part)
            waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return value if left >= 0 else self._pruned(value, [MAX_EXPLAINED_VALUES])

    def _pruned(self, value: Any, left: list[int]) -> Any:
        left[0] -= _weight(value)
        if isinstance(value, dict):
            children = {name: self._child(name) for name in value}
            return {name: child._pruned(value[name], left) for name, child in children.items() if child}
        if isinstance(value, list):
            items = next((node.items for node in self.alternatives if node.items), None)
            return [items._pruned(item, left) for item in value[:MAX_EXPLAINED_ITEMS] if left[0] > 0] if items else []
        return value[:MAX_EXPLAINED_CHARACTERS] if isinstance(value, str) else value

    def _child(self, name: str) -> SchemaNode | None:
        """Return the node of the field `name` in any variant."""
        children = (node.fields.get(name) or node.additional for node in self.alternatives)
        return next(filter(None, children), None)

    def variant_of(self, value: Any) -> SchemaNode:
        """Return the variant that `value` names by its tags, else the one of its type with most of its fields."""
        kind = json_type(value)
        fitting = [node for node in self.alternatives if node.type in (kind, None)] or list(self.alternatives)
        if isinstance(value, dict) and len(fitting) > 1:
            tagged = [node for node in fitting if node.accepts_tags(value)]
            return max(tagged or fitting, key=lambda node: len(value.keys() & node.fields))
        return fitting[0]

    def is_learned(self, value: Any, path: Path) -> bool:
        """Return whether the field that `path` leads to in `value` is one whose presence no source promises.

        The whole value, to which the empty path leads, is no field.
        """
        node = self._at(value, path[:-1]) if path else None
        return node is not None and path[-1] in node.learned

    def is_open_enum(self, value: Any, path: Path) -> bool:
        """Return whether the enum that `path` leads to in `value` is documented as extensible."""
        node = self._at(value, path)
        return node is not None and bool(node.schema.get(OPEN_ENUM))

    def _at(self, value: Any, path: Sequence[str | int]) -> SchemaNode | None:
        """Return the node of the part of `value` that `path` leads to, without unions."""
        node = self
        for step in path:
            node = node.variant_of(value) if node.variants else node
            below = node.items if isinstance(step, int) else node.fields.get(step)
            if below is None:
                return None
            node, value = below, value[step]
        return node.variant_of(value) if node.variants else node

    def accepts_tags(self, value: Mapping[str, Any]) -> bool:
        """Return whether every tag of this variant has its value in `value`."""
        return all(isinstance(value.get(name), str) and value[name] in tags for name, tags in self.tags.items())

    @cached_property
    def _nested(self) -> Mapping[str, SchemaNode]:
        """The fields below which something can be undocumented. Most are plain values: those are passed over."""
        return {
            name: node
            for name, node in self.fields.items()
            if node.type in ("object", "array", None) or node.prefixes or node.resource
        }

    @cached_property
    def _id_bearing(self) -> tuple[tuple[str, SchemaNode], ...]:
        return tuple((name, node) for name, node in self._nested.items() if node.resources)

    def _collect_ids(self, value: Any, found: list[tuple[str, str]]) -> None:
        # Runs for every response: class comparisons are the fastest way to distinguish JSON values.
        node = self.variant_of(value) if self.variants else self
        if value.__class__ is dict:
            for name, child in node._id_bearing:
                part = value.get(name)
                if part is not None:
                    child._collect_ids(part, found)
        elif value.__class__ is list:
            if node.items and node.items.resources:
                for item in value:
                    node.items._collect_ids(item, found)
        elif value.__class__ is str and node.resource and value:
            found.append((node.resource, value))


class SchemaTree:
    """The schemas of one document, each read once. `resolve` returns what a schema with a `$ref` refers to."""

    def __init__(self, resolve: Callable[[Schema], Any]) -> None:
        self._resolve = resolve
        # By identity of the schema, which the entry keeps alive.
        self._nodes: dict[int, tuple[Any, SchemaNode]] = {}
        self._fields: dict[int, tuple[Any, Mapping[str, SchemaNode]]] = {}

    def read(self, schema: Any) -> SchemaNode:
        """Return the node of `schema`; of something that is no schema, a node that allows everything."""
        if isinstance(schema, dict) and "$ref" in schema and not schema.keys() & _BESIDE_REFERENCE:
            schema = self._resolve(schema)
        known = self._nodes.get(id(schema))
        if known is None:
            known = self._nodes[id(schema)] = (schema, self._read(schema))
        return known[1]

    def fields_of(self, schema: Schema) -> Mapping[str, SchemaNode]:
        """Return the nodes of a plain schema's properties."""
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        known = self._fields.get(id(properties))
        if known is None:
            nodes = {str(name): self.read(part) for name, part in properties.items()}
            known = self._fields[id(properties)] = (properties, nodes)
        return known[1]

    def union_of(self, nodes: Sequence[SchemaNode]) -> SchemaNode:
        """Return a node that allows what any of `nodes` does."""
        first, *others = nodes
        if all(node is first for node in others):
            return first
        variants = tuple({id(each): each for node in nodes for each in node.alternatives}.values())
        return SchemaNode(self, _ANY, any(node.nullable for node in nodes), variants, {})

    def _read(self, schema: Any) -> SchemaNode:
        if isinstance(schema, dict) and isinstance(schema.get("type"), str) and not schema.keys() & _COMPOSING:
            return SchemaNode(self, schema, schema["type"] == "null", (), {})  # most schemas are this plain
        found = list(islice(self._alternatives(schema, {}, frozenset()), MAX_ALTERNATIVES))
        nullable = any(part is _NULL for part, _ in found)
        plain = _without_open_enums([(part, tags) for part, tags in found if part is not _NULL]) or [(_NULL, {})]
        if len(plain) == 1:
            return SchemaNode(self, plain[0][0], nullable, (), plain[0][1])
        variants = tuple(SchemaNode(self, part, False, (), tags) for part, tags in plain)
        return SchemaNode(self, _ANY, nullable, variants, {})

    def _alternatives(self, schema: Any, tags: Tags, within: frozenset[int]) -> Iterator[tuple[Schema, Tags]]:
        """Yield the plain schemas that `schema` is a union of, with the values of their discriminators."""
        if not isinstance(schema, dict):
            yield _ANY, tags
            return
        if id(schema) in within:  # A union that contains itself allows no more by that.
            return
        within |= {id(schema)}
        if schema.get("nullable") is True:
            yield _NULL, tags
            schema = {name: part for name, part in schema.items() if name != "nullable"}
        union = [branch for keyword in ("anyOf", "oneOf") for branch in _list(schema, keyword)]
        parts = [self._resolve(schema)] if "$ref" in schema else _list(schema, "allOf")
        own = {name: part for name, part in schema.items() if name in _RESTRICTING}
        if parts:
            beside = [own] if own else []
            beside += [{"anyOf": union}] if union else []
            yield from self._conjunction([*beside, *parts], tags, within)
        elif union:
            known = _discriminators(schema)
            for branch in union:
                named = {**tags, **known.get(_schema_name(branch), {})}
                if own:
                    yield from self._conjunction([own, branch], named, within)
                else:
                    yield from self._alternatives(branch, named, within)
        else:
            yield from ((part, tags) for part in _by_type(schema))

    def _conjunction(self, parts: Sequence[Any], tags: Tags, within: frozenset[int]) -> Iterator[tuple[Schema, Tags]]:
        """Yield every combination of one alternative of each part; of null and anything else there is none."""
        if not parts:
            yield _ANY, tags
            return
        first, *others = parts
        for one, one_tags in self._alternatives(first, tags, within):
            for rest, rest_tags in self._conjunction(others, one_tags, within):
                if not rest:
                    yield one, rest_tags
                elif not one or one is rest:
                    yield rest, rest_tags
                elif _NULL not in (one, rest):
                    yield _merged(one, rest), rest_tags
                elif not (one if rest is _NULL else rest).keys() & {"type", "enum", "const"}:
                    yield _NULL, rest_tags


def tree_of(document: Any) -> SchemaTree:
    """Return the tree of any JSON document, for schemas with `#/…` references into it; a broken one allows anything."""

    def resolve(schema: Schema) -> Any:
        seen = set()
        found: Any = schema
        while isinstance(found, dict) and "$ref" in found:
            reference = found["$ref"]
            if not isinstance(reference, str) or reference in seen:
                return None
            seen.add(reference)
            found = part_at(document, reference)
        return found

    return SchemaTree(resolve)


class ContractSchemas:
    """The trees of a contract's documents: of success responses and of webhook payloads."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._trees = {api: SchemaTree(_resolver(contract, api)) for api in contract.documents}

    def of(self, operation: Operation) -> SchemaNode:
        """Return the node of the operation's success response."""
        return self.read(operation.success.schema or _ANY, operation.api)

    def event(self, name: str) -> SchemaNode:
        """Return the node of the payload of a webhook event."""
        return self.read(self._contract.events[name].schema)

    def read(self, schema: Schema, api: str = "v1") -> SchemaNode:
        """Return the node of any schema of the document of `api`."""
        return self._trees[api].read(schema)

    @cached_property
    def prefixes(self) -> frozenset[str]:
        """Every documented id prefix. Reports may name these: any other beginning could be personal data."""
        found: set[str] = set()
        todo: list[Any] = [self._contract.documents]
        while todo:
            part = todo.pop()
            if isinstance(part, Mapping):
                found.update(part.get("x-id-prefix", ()))
                todo += part.values()
            elif isinstance(part, list):
                todo += part
        return frozenset(found)


@lru_cache(maxsize=8)
def schemas_of(contract: Contract) -> ContractSchemas:
    """Return the trees of `contract`; every caller gets the same ones."""
    return ContractSchemas(contract)


def _resolver(contract: Contract, api: str) -> Callable[[Schema], Any]:
    return lambda schema: contract.resolve(schema, api)


def _type_of(schema: Schema) -> str | None:
    """Return the JSON type that a plain schema names or implies."""
    declared = schema.get("type")
    if "properties" in schema or declared == "object":
        return "object"
    if isinstance(declared, str):
        return declared
    if "items" in schema:
        return "array"
    values = [schema["const"]] if "const" in schema else _list(schema, "enum")
    types = {json_type(value) for value in values if value is not None}
    return types.pop() if len(types) == 1 else None


def _by_type(schema: Schema) -> Iterator[Schema]:
    """Yield a schema with a list of types as one schema of each type."""
    declared = schema.get("type")
    for kind in declared if isinstance(declared, list) else (declared,):
        if kind == "null":
            yield _NULL
        elif kind is declared:
            yield schema
        else:
            yield {**schema, "type": kind}
    if None in _list(schema, "enum") or ("const" in schema and schema["const"] is None):
        yield _NULL


def _merged(one: Schema, other: Schema) -> Schema:
    """Return a plain schema that allows what both do, of the keywords that the tree reads."""
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        shared = one["properties"].keys() & other["properties"].keys()
        merged["properties"] = {
            **one["properties"],
            **other["properties"],
            **{name: {"allOf": [one["properties"][name], other["properties"][name]]} for name in shared},
        }
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys([*_list(one, "required"), *_list(other, "required")]))
    if {one.get("type"), other.get("type")} == {"integer", "number"}:
        merged["type"] = "integer"
    if _list(one, "enum") and _list(other, "enum"):
        merged["enum"] = [value for value in one["enum"] if value in other["enum"]] or one["enum"]
    if "items" in one and "items" in other:
        merged["items"] = {"allOf": [one["items"], other["items"]]}
    if one.get("additionalProperties"):
        merged["additionalProperties"] = one["additionalProperties"]
    return merged


def _without_open_enums(found: list[tuple[Schema, Tags]]) -> list[tuple[Schema, Tags]]:
    """Return the alternatives with an enum and the open type beside it as one: an open set of known values."""
    kept = list(found)
    for kind in _SCALARS:
        same = [pair for pair in found if _type_of(pair[0]) == kind]
        is_open = [not (pair[0].keys() & _RESTRICTING - {"type"}) for pair in same]
        if len(same) > 1 and any(is_open) and all(o or _values(p[0]) for o, p in zip(is_open, same, strict=True)):
            values = list(dict.fromkeys(value for part, _ in same for value in _values(part)))
            first = kept.index(same[0])
            kept = [pair for pair in kept if pair not in same]
            kept.insert(first, ({"type": kind, KNOWN_VALUES: values} if values else {"type": kind}, {}))
    return kept


def _values(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else _list(schema, "enum")


def _discriminators(schema: Schema) -> dict[str, Tags]:
    """Return the values of a union's discriminator by the name of the schema that each value selects."""
    declared = schema.get("discriminator")
    if not isinstance(declared, Mapping) or not isinstance(declared.get("mapping"), Mapping):
        return {}
    values: dict[str, set[Any]] = {}
    for value, reference in declared["mapping"].items():
        values.setdefault(_schema_name({"$ref": reference}), set()).add(value)
    return {name: {declared.get("propertyName", ""): frozenset(named)} for name, named in values.items()}


def _schema_name(branch: Any) -> str:
    """Return the last step of a branch's reference: a mapping may name a schema by that alone."""
    return str(branch.get("$ref", "")).rpartition("/")[2] if isinstance(branch, dict) else ""


def _list(schema: Schema, keyword: str) -> list[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []
