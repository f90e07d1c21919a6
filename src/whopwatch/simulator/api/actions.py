"""Execute requests on the world: retrieve, create, update, delete, and the changes that the edition declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.simulator.api.errors import ApiError, not_found
from whopwatch.simulator.api.pipeline import ApiCall
from whopwatch.simulator.declarations import AccessRule, Rule, declarations_of, singular_of
from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, iso
from whopwatch.simulator.world.views import View, views_of


class Actions:
    """Executes every operation that is not a list. With `lenient`, every id exists."""

    def __init__(self, world: World, lenient: bool = False) -> None:
        self._world = world
        self._lenient = lenient

    def run(self, call: ApiCall) -> list[Entity]:
        """Execute the request. Return the objects to show, none if the response shows no object.

        Raise ApiError 404 for an object in the path, query or body that does not exist, and the error of a declared
        rule that rejects the request.
        """
        operation, world = call.matched, self._world
        view = world.views.of_operation.get(operation.id)
        access = world.declared.access
        if access and operation.id == access.operation:
            return [self._access(access, call)]
        self._check_parents(call)
        if operation.method == "GET":
            return [self._subject(call, view)] if view and view.form != "value" else []
        if operation.method == "POST" and is_create(operation, view):
            return self._create(call, view)
        subject = self._subject(call, view)
        if operation.method == "DELETE":
            return self._delete(call, view, subject)
        return self._change(call, view, subject)

    # The object of a request

    def _check_parents(self, call: ApiCall) -> None:
        """Raise ApiError 404 if the path or a required query parameter names an object that does not exist."""
        operation = call.matched
        if self._lenient or operation.id in self._world.declared.lookups:
            return
        for parameter in operation.needed:
            value = call.path_params.get(parameter.name) or call.query.get(parameter.name)
            if isinstance(value, str) and not self._is_known(parameter, value):
                raise not_found(_spoken(parameter.resource or ""))

    def _is_known(self, parameter: Parameter, id: str) -> bool:
        tables = [table for resource in parameter.resources if (table := self._world.views.table_of(resource))]
        return not tables or any(self._world.exists(table, id) for table in tables)

    def _subject(self, call: ApiCall, view: View | None) -> Entity:
        """Return the object that a request is about."""
        operation, world = call.matched, self._world
        named = self._named(call, view)
        if view and not view.has_id and (operation.is_read or view.table == operation.resource or named is None):
            return self._document(call, view)
        if named is None:
            return self._without_path(view.table if view else operation.resource)
        through = world.declared.lookups.get(operation.id)
        if through:
            for table in world.shapes:
                owned = world.children(operation.resource, through, EntityRef(table, named.id))
                if owned:
                    return owned[0]
        subject = self._found(named)
        if operation.is_read and view and view.table != subject.table:
            return self._related(view.table, subject)
        return subject

    def _document(self, call: ApiCall, view: View) -> Entity:
        """Return an object without an id: it exists once for each object in the path, or once for the account."""
        key = ":".join(call.path_params.values()) or self._world.account.id
        return self._world.singleton(EntityRef(view.table, key))

    def _named(self, call: ApiCall, view: View | None) -> EntityRef | None:
        """Return the object that the path names: by the last parameter of the shown table, else by the last one."""
        operation = call.matched
        parameters = [each for each in operation.in_("path") if each.name in call.path_params]
        if not parameters:
            return None
        wanted = {operation.resource, view.table if view else operation.resource}
        chosen = next((each for each in reversed(parameters) if each.resource in wanted), parameters[-1])
        table = self._world.views.table_of(chosen.resource) or operation.resource
        if view and view.table != table and chosen.resource is None:
            table = view.table
        return EntityRef(table or operation.resource, call.path_params[chosen.name])

    def _without_path(self, table: str) -> Entity:
        """Return the object of a request without an id: the account of the key, else the newest object of the table."""
        world = self._world
        if table == world.account.table:
            return self._found(world.account)
        rows = world.own(table) if table in world.shapes else []
        return rows[-1] if rows else self._found(EntityRef(table, world.account.id))

    def _related(self, table: str, subject: Entity) -> Entity:
        """Return the object of another table that belongs to `subject`: the newest one that refers to it."""
        world = self._world
        for name, node in _fields_of(world.shapes[table]).items():
            if (node.item or node).resource == subject.table:
                children = world.children(table, name, subject.reference)
                if children:
                    return children[-1]
        rows = world.own(table)
        return rows[subject.index % len(rows)] if rows else world.made_up(EntityRef(table, subject.id))

    def _found(self, reference: EntityRef) -> Entity:
        if reference.table not in self._world.shapes:
            return Entity(reference.table, 0, reference.id, 0)  # no response shows such objects
        entity = self._world.get(reference)
        if entity is not None:
            return entity
        if self._lenient:
            return self._world.made_up(reference)
        raise not_found(_spoken(reference.table))

    # Writes

    def _create(self, call: ApiCall, view: View | None) -> list[Entity]:
        operation, body = call.matched, call.body
        self._check_references(operation, body)
        rule = self._rule(operation.id, body)
        if "refuse" in rule and not self._lenient:
            raise ApiError(rule["refuse"], rule["message"])
        if view is None or view.form == "value":
            return []
        entity = self._world.create(view.table)
        fields = self._world.fields(entity)
        given = self._apply(entity, operation, body) | self._link(call, entity)
        for name, value in rule.get("default", {}).items():
            if name not in given:
                self._world.put(entity, name, value)
        for name, node in fields.items():
            if name not in given and node.nullable and node.kind not in ("reference", "id", "union"):
                self._world.put(entity, name, None)
        self._own(entity, given)
        self._world.refollow(entity, given)
        return [entity]

    def _own(self, entity: Entity, given: set[str]) -> None:
        """Let a new object belong to the account of the key, unless the request names another one."""
        account = self._world.account
        for name, node in self._world.fields(entity).items():
            if node.kind == "id" and node.resource == account.table and not node.nullable and name not in given:
                self._world.put(entity, name, account)

    def _link(self, call: ApiCall, entity: Entity) -> set[str]:
        """Let a new object refer to the objects in the path. Return the names of the fields that do."""
        linked = set()
        for parameter in call.matched.in_("path"):
            for name, node in self._world.fields(entity).items():
                if node.kind in ("reference", "id") and node.resource == parameter.resource and name not in linked:
                    self._world.put(entity, name, EntityRef(parameter.resource or "", call.path_params[parameter.name]))
                    linked.add(name)
                    break
        return linked

    def _delete(self, call: ApiCall, view: View | None, subject: Entity) -> list[Entity]:
        world = self._world
        if subject.table in world.shapes and world.get(subject.reference):
            world.delete(subject)
        if view is None or view.form == "value":
            return []
        return [subject if view.table == subject.table else self._document(call, view)]

    def _change(self, call: ApiCall, view: View | None, subject: Entity) -> list[Entity]:
        operation, world = call.matched, self._world
        self._check_references(operation, call.body)
        rule = self._rule(operation.id, call.body)
        if "refuse" in rule and not self._lenient:
            raise ApiError(rule["refuse"], rule["message"])
        if rule.get("copy"):
            original, subject = subject, world.create(subject.table)
            for name, value in original.values.items():
                if name not in ("id", "created_at"):
                    world.put(subject, name, value)
        self._apply(subject, operation, call.body)
        self._apply_rule(rule, subject, call.body)
        if "updated_at" in subject.values:
            world.put(subject, "updated_at", iso(world.now))
        if view is None or view.form == "value":
            return []
        if view.table == subject.table:
            return [subject]
        answer = world.create(view.table) if view.has_id else self._document(call, view)
        self._point_at(answer, subject)
        return [answer]

    def _apply_rule(self, rule: Rule, subject: Entity, body: Mapping[str, Any]) -> None:
        world = self._world
        for name, value in rule.get("set", {}).items():
            world.put(subject, name, self._meant(value, subject, body))
        for change in ("add", "remove"):
            for name, field in rule.get(change, {}).items():
                node = world.fields(subject)[name].item
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
        """Store the body's values of fields that the object has. Return the names of those fields."""
        renamed = self._world.declared.body_names.get(operation.resource, {})
        fields = self._world.fields(entity)
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

    def _check_references(self, operation: Operation, body: Mapping[str, Any]) -> None:
        """Raise ApiError 404 if an id in the body is of no object of the resource that its field names."""
        if self._lenient or not body:
            return
        documented = schemas_of(self._world.contract).read(operation.body or {}, operation.api).fields
        for name, value in body.items():
            node = documented.get(name)
            resource = (node.items or node).resource if node else None
            table = self._world.views.table_of(resource) or self._world.table_named(name)
            for id in value if isinstance(value, list) else (value,):
                if table and isinstance(id, str) and not self._world.exists(table, id):
                    raise not_found(_spoken(table))

    def _point_at(self, answer: Entity, subject: Entity) -> None:
        for name, node in self._world.fields(answer).items():
            if node.resource == subject.table:
                self._world.put(answer, name, subject.reference)

    def _rule(self, operation: str, body: Mapping[str, Any]) -> Rule:
        """Return the first declared rule of an operation whose `when` matches the body."""
        for rule in self._world.declared.actions.get(operation, ()):
            if all(_agrees(body.get(name), wanted) for name, wanted in rule.get("when", {}).items()):
                return rule
        return {}

    # Access

    def _access(self, rule: AccessRule, call: ApiCall) -> Entity:
        """Answer whether a user has access to an object: as a member of its team, or by a paid membership."""
        world = self._world
        user = self._found(EntityRef(rule.users, call.path_params[rule.user])).reference
        wanted = call.path_params.get(rule.resource) or dict(call.query_pairs).get(rule.resource) or world.account.id
        known = next((EntityRef(table, wanted) for table in rule.resources if world.exists(table, wanted)), None)
        resource = self._found(known or EntityRef(rule.resources[1], wanted)).reference
        level = self._access_level(rule, user, resource)
        answer = world.made_up(EntityRef(call.matched.id, f"{user.id}:{resource.id}"))
        answer.values |= {"access_level": level, "has_access": level != "no_access"}
        return answer

    def _access_level(self, rule: AccessRule, user: EntityRef, resource: EntityRef) -> str:
        world = self._world
        account = resource
        if resource.table != world.account.table:
            account = world.resolve(resource).raw[world.contract.account.object_field]
        holder = world.resolve(account)
        if any(user in world.follow(holder, path) for path in rule.team):
            return "admin"
        paid = [one for one in world.follow(world.resolve(user), rule.memberships) if self._is_open(rule, one)]
        return "customer" if any(resource in self._opened(rule, one) for one in paid) else "no_access"

    def _is_open(self, rule: AccessRule, membership: EntityRef) -> bool:
        return self._world.resolve(membership).values.get("status") in rule.statuses

    def _opened(self, rule: AccessRule, membership: EntityRef) -> Iterator[Any]:
        entity = self._world.resolve(membership)
        for path in rule.opens:
            yield from self._world.follow(entity, path, shown=False)


def is_create(operation: Operation, view: View | None) -> bool:
    """Check that a POST makes an object: it names none, or names only what the new object will belong to."""
    parameters = list(operation.in_("path"))
    if not parameters:
        return True
    if view is None or not view.has_id or view.form == "value":
        return False
    named = {parameter.resource for parameter in parameters}
    return view.table == operation.resource and view.table not in named and None not in named


def generic_operations(contract: Contract) -> dict[str, str]:
    """Return the operations for which the edition declares no behaviour, each with the generic behaviour it gets.

    `change` is an action: the fields of its body are stored, and nothing else happens.
    """
    views, declared = views_of(contract), declarations_of(contract)
    special = {*declared.actions, *declared.lookups, *([declared.access.operation] if declared.access else ())}
    found = {}
    for operation in contract.operations.values():
        view = views.of_operation.get(operation.id)
        if operation.id in special:
            continue
        if operation.is_read:
            found[operation.id] = "list" if view and view.form in ("list", "array") else "read"
        elif operation.method == "POST":
            found[operation.id] = "create" if is_create(operation, view) else "change"
        else:
            found[operation.id] = "delete" if operation.method == "DELETE" else "update"
    return found


MONEY = {"currency": "usd", "decimals": 2, "display_decimals": 2}
"""What Money shows beside its amount if a request sends the amount alone."""
KEEP = object()
"""A value that cannot be stored: the field stays unchanged."""


def stored_value(node: FieldNode, value: Any, before: Any) -> Any:
    """Return a value of a body as the world stores it in a field of this node, KEEP if it is of another type."""
    if value is None:
        return None if node.nullable else KEEP
    if node.kind in ("reference", "id"):
        return EntityRef(node.resource or "", value) if isinstance(value, str) else KEEP
    if node.enum and not node.is_open:
        return value if value in node.enum else KEEP
    if node.kind == "array" and isinstance(value, list) and node.item:
        stored = [stored_value(node.item, item, None) for item in value]
        return KEEP if any(item is KEEP for item in stored) else stored
    if node.kind == "object":
        return _stored_object(node, value, before)
    if node.kind == "string" and VALUE_KINDS["number"](value):  # an amount that is shown as a decimal string
        return str(value)
    return value if VALUE_KINDS.get(node.kind, _never)(value) else KEEP


def _stored_object(node: FieldNode, value: Any, before: Any) -> Any:
    if not isinstance(value, dict):
        return _object_of(node, value, before)
    known = before if isinstance(before, dict) else {}
    stored = {name: stored_value(child, value[name], None) for name, child in node.fields.items() if name in value}
    return {**known, **{name: item for name, item in stored.items() if item is not KEEP}}


def _object_of(node: FieldNode, value: Any, before: Any) -> Any:
    """Return the object that a plain value of a body means: Money of an amount, or an object of a single field."""
    name = "amount" if "amount" in node.fields else next(iter(node.fields), "")
    is_plain = VALUE_KINDS["number"](value) or isinstance(value, str)
    if not is_plain or (name != "amount" and len(node.fields) != 1):
        return KEEP
    stored = stored_value(node.fields[name], value, None)
    known = before if isinstance(before, dict) else {key: part for key, part in MONEY.items() if key in node.fields}
    return KEEP if stored is KEEP else {**known, name: stored}


def _never(value: Any) -> bool:
    return False


VALUE_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "map": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}
"""The check of a value by the kind of its field."""


def _agrees(value: Any, wanted: Any) -> bool:
    """Check a value of the body against a value of `when`."""
    if value is None or wanted == "*":
        return value is not None
    if isinstance(wanted, str) and wanted.startswith("> "):
        return isinstance(value, int | float) and value > float(wanted.removeprefix("> "))
    return bool(value == wanted)


def _fields_of(shape: FieldNode) -> Mapping[str, FieldNode]:
    return {name: node for each in shape.alternatives for name, node in each.fields.items()}


def _spoken(table: str) -> str:
    """Return the singular of a table's name in words: `course_lessons` is `course lesson`."""
    return singular_of(table.rpartition(".")[2]).replace("_", " ")
