"""What requests do to the world: find, create, update, delete, and the small declared changes of `actions.toml`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from whopwatch.contract import Operation
from whopwatch.simulator.api.errors import ApiError, not_found
from whopwatch.simulator.api.pipeline import ApiCall
from whopwatch.simulator.declarations import Rule, singular_of
from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, iso


class Actions:
    """Carries out every operation that is no list; `lenient` answers for any id as if it existed."""

    def __init__(self, world: World, lenient: bool = False) -> None:
        self._world = world
        self._lenient = lenient

    def run(self, call: ApiCall) -> Entity | None:
        """Do what the call asks for. Returns the object to show, None where the answer is a bare `true`.

        Raises ApiError 404 for an object that does not exist, in the path or in the body, and what a rule refuses.
        """
        operation = call.matched
        if operation.id == "users.check_access":
            return access(self._world, call, self._found)
        if operation.method == "GET":
            return self._subject(call)
        if not call.path_params:
            return self._create(operation, call.body)
        subject = self._subject(call)
        if operation.method == "DELETE":
            if self._world.get(subject.reference):
                self._world.delete(subject)
            return None
        return self._change(call, subject)

    def _subject(self, call: ApiCall) -> Entity:
        """The object that the path names."""
        operation, id = call.matched, next(iter(call.path_params.values()))
        through = self._world.declared.lookups.get(operation.id)
        if through:
            for table in ("companies", "users"):
                owned = self._world.children(operation.resource, through, EntityRef(table, id))
                if owned:
                    return owned[0]
        return self._found(EntityRef(operation.resource, id))

    def _found(self, reference: EntityRef) -> Entity:
        entity = self._world.get(reference)
        if entity is not None:
            return entity
        if self._lenient:
            return self._world.made_up(reference)
        raise not_found(singular_of(reference.table).replace("_", " "))

    def _create(self, operation: Operation, body: Mapping[str, Any]) -> Entity | None:
        view = self._world.views.of_operation.get(operation.id)
        if view is None:
            return None
        self._check_references(body)
        rule = self._rule(operation.id, body)
        if "refuse" in rule and not self._lenient:
            raise ApiError(rule["refuse"], rule["message"])
        entity = self._world.create(view.table)
        fields = self._fields(entity)
        given = self._apply(entity, operation, body)
        for name, value in rule.get("default", {}).items():
            if name not in given:
                self._world.put(entity, name, value)
        for name, node in fields.items():
            if name not in given and node.nullable and node.kind not in ("reference", "id", "union"):
                self._world.put(entity, name, None)
        self._world.refollow(entity, given)
        return entity

    def _change(self, call: ApiCall, subject: Entity) -> Entity | None:
        operation = call.matched
        self._check_references(call.body)
        rule = self._rule(operation.id, call.body)
        if rule.get("copy"):
            original, subject = subject, self._world.create(subject.table)
            for name, value in original.values.items():
                if name not in ("id", "created_at"):
                    self._world.put(subject, name, value)
        self._apply(subject, operation, call.body)
        self._apply_rule(rule, subject, call.body)
        if "updated_at" in subject.values:
            self._world.put(subject, "updated_at", iso(self._world.now))
        view = self._world.views.of_operation.get(operation.id)
        if view is None or view.table == subject.table:
            return subject if view else None
        answer = self._world.create(view.table)
        self._point_at(answer, subject)
        return answer

    def _apply_rule(self, rule: Rule, subject: Entity, body: Mapping[str, Any]) -> None:
        world = self._world
        for name, value in rule.get("set", {}).items():
            world.put(subject, name, self._meant(value, subject, body))
        for change in ("add", "remove"):
            for name, field in rule.get(change, {}).items():
                node = self._fields(subject)[name].item
                reference = EntityRef((node and node.resource) or "", body.get(field, ""))
                others = [known for known in subject.values.get(name) or [] if known != reference]
                world.put(subject, name, [*others, reference] if change == "add" else others)
        record = rule.get("record")
        if record:
            entry = world.create(record["table"])
            for name, value in record["set"].items():
                world.put(entry, name, self._meant(value, subject, body))
            world.refollow(entry, set(record["set"]))

    def _meant(self, value: Any, subject: Entity, body: Mapping[str, Any]) -> Any:
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        name = value.removeprefix("$")
        if name == "now":
            return iso(self._world.now)
        if name == "id":
            return subject.reference
        if name.startswith("body."):
            return body.get(name.removeprefix("body."))
        return subject.values.get(name)

    def _apply(self, entity: Entity, operation: Operation, body: Mapping[str, Any]) -> set[str]:
        """Set what the body says of fields that the object has; returns the names of those fields."""
        renamed = self._world.declared.body_names.get(operation.resource, {})
        fields = self._fields(entity)
        given = set()
        for sent, value in body.items():
            name = renamed.get(sent, sent)
            stem = name.removesuffix("_ids").removesuffix("_id")
            for target in (name, stem, f"{stem}s"):
                if target in fields and target != "id":
                    stored = stored_value(fields[target], value, entity.values.get(target))
                    if stored is not KEEP:
                        self._world.put(entity, target, stored)
                        given.add(target)
        return given

    def _check_references(self, body: Mapping[str, Any]) -> None:
        """Raises ApiError 404 where an id in the body is of no object of the resource that its field names."""
        if self._lenient:
            return
        for name, value in body.items():
            table = self._world.table_named(name)
            for id in value if isinstance(value, list) else (value,):
                if table and isinstance(id, str) and self._world.get(EntityRef(table, id)) is None:
                    raise not_found(singular_of(table).replace("_", " "))

    def _point_at(self, answer: Entity, subject: Entity) -> None:
        for name, node in self._fields(answer).items():
            if node.resource == subject.table:
                self._world.put(answer, name, subject.reference)

    def _rule(self, operation: str, body: Mapping[str, Any]) -> Rule:
        """The first declared rule of an operation whose `when` agrees with the body."""
        for rule in self._world.declared.actions.get(operation, ()):
            if all(_agrees(body.get(name), wanted) for name, wanted in rule.get("when", {}).items()):
                return rule
        return {}

    def _fields(self, entity: Entity) -> Mapping[str, FieldNode]:
        return self._world.fields(entity)


OPEN_MEMBERSHIPS = frozenset({"active", "trialing", "completed", "canceling", "past_due"})
"""The statuses of a membership that let its user in."""


def access(world: World, call: ApiCall, found: Callable[[EntityRef], Entity]) -> Entity:
    """The answer to `users.check_access`. `found` raises for a user or resource that does not exist."""
    user = found(EntityRef("users", call.path_params["id"])).reference
    wanted = call.path_params.get("resource_id") or dict(call.query_pairs).get("resource_id") or world.company.id
    tables = ("companies", "products", "experiences")
    known = next((EntityRef(t, wanted) for t in tables if world.get(EntityRef(t, wanted))), None)
    resource = found(known or EntityRef("products", wanted)).reference
    level = _level(world, user, resource)
    answer = world.made_up(EntityRef(call.matched.id, f"{user.id}:{resource.id}"))
    answer.values |= {"access_level": level, "has_access": level != "no_access"}
    return answer


def _level(world: World, user: EntityRef, resource: EntityRef) -> str:
    company: EntityRef = resource if resource.table == "companies" else world.resolve(resource).raw["company"]
    runs = [
        *world.follow(world.resolve(company), "owner_user"),
        *(team.values.get("user") for team in world.children("authorized_users", "company", company)),
    ]
    if user in runs:
        return "admin"
    paid = (m for m in world.children("memberships", "user", user) if m.values["status"] in OPEN_MEMBERSHIPS)
    return "customer" if any(resource in _opened(world, membership) for membership in paid) else "no_access"


def _opened(world: World, membership: Entity) -> Iterator[EntityRef]:
    yield from world.follow(membership, "company", shown=False)
    yield from world.follow(membership, "product", shown=False)
    yield from world.follow(membership, "product.experiences@products", shown=False)


KEEP = object()
"""What a body says that cannot be stored: the field stays as it is."""


def stored_value(node: FieldNode, value: Any, before: Any) -> Any:
    """`value` of a body as the world stores it in a field of this FieldNode, or KEEP where it is of another kind."""
    if value is None:
        return None if node.nullable else KEEP
    if node.kind in ("reference", "id"):
        return EntityRef(node.resource or "", value) if isinstance(value, str) else KEEP
    if node.enum:
        return value if value in node.enum else KEEP
    if node.kind == "array" and isinstance(value, list) and node.item:
        stored = [stored_value(node.item, item, None) for item in value]
        return KEEP if any(item is KEEP for item in stored) else stored
    if node.kind == "object":
        return _stored_object(node, value, before)
    return value if KINDS.get(node.kind, _never)(value) else KEEP


def _stored_object(node: FieldNode, value: Any, before: Any) -> Any:
    if not isinstance(value, dict):
        return KEEP
    known = before if isinstance(before, dict) else {}
    stored = {name: stored_value(child, value[name], None) for name, child in node.fields.items() if name in value}
    return {**known, **{name: item for name, item in stored.items() if item is not KEEP}}


def _never(value: Any) -> bool:
    return False


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "map": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}


def _agrees(value: Any, wanted: Any) -> bool:
    """Whether a body's `value` is what a `when` asks for."""
    if value is None or wanted == "*":
        return value is not None
    if isinstance(wanted, str) and wanted.startswith("> "):
        return isinstance(value, int | float) and value > float(wanted.removeprefix("> "))
    return bool(value == wanted)
