"""Follow data into the records, lists and classes of the scanned code."""

from __future__ import annotations

from collections.abc import Sequence

from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.accesses import Accesses, texts_of
from whopwatch.usage.values import (
    Callback,
    Data,
    HttpResponse,
    Items,
    Object,
    RecordValue,
    String,
    Value,
    Values,
    Variables,
    WrittenName,
    union,
)

MAX_RECORD_FIELDS = 300
"""Fields that code adds to one record."""
MAX_WITHIN_ITSELF = 2
"""How often a class that contains itself, such as a comment with replies, is filled from one piece of data."""
MAX_FILL_DEPTH = 6
"""Levels of classes and schemas within each other that are filled from one piece of data."""
MAX_UNKNOWN_DEPTH = 2
"""Levels of classes that are filled from data whose origin is not known: nothing of the API is read there."""


class Shapes(Accesses):
    """What the code of one module puts into records, lists and objects."""

    def _change(self, function: s.Access, arguments: list[Values], scope: Variables, line: int) -> None:
        """Note what a method adds to a list or record: `rows.append(row)`, `by_id.set(id, row)`, `row.update(more)`."""
        if function.name in known.SETS_KEY and len(arguments) == 2:
            keys = [text for one in arguments[0] for text in texts_of(one)]
            if isinstance(function.base, s.Access) and function.base.name == "searchParams":
                self._add_query(function.base.base, keys, scope)
            else:
                self._store(function.base, keys[0] if len(keys) == 1 else None, arguments[1], scope, line)
        elif function.name in known.ADDS_ITEM:
            self._add_items(function.base, arguments, scope)
        elif function.name == "extend":
            self._add_items(function.base, [self._items(one) for one in arguments], scope)
        elif function.name == "update" and arguments:
            self._store(function.base, "**", arguments[0], scope, line)

    def _add_query(self, target: s.Node, names: Sequence[str], scope: Variables) -> None:
        """Add parameters to the address in a variable: `url.searchParams.set("first", 10)`."""
        for variables, name in self._holders(target, scope):
            parts: tuple[str | None, ...] = tuple(part for one in names for part in (f"&{one}=", None))
            values = variables.names.get(name, ())
            longer = tuple(String((*one.parts, "?", *parts)) if isinstance(one, String) else one for one in values)
            self._change_held(variables, name, longer, scope)

    def _add_items(self, target: s.Node, arguments: list[Values], scope: Variables) -> None:
        added = (Items(tuple(arguments)),)
        target = target.target if isinstance(target, s.Assign) else target  # `(groups[key] ??= []).push(item)`
        if isinstance(target, s.FunctionCall) and isinstance(target.function, s.Access):
            if target.function.name == "setdefault":
                self._store(target.function.base, None, added, scope, target.line)
        elif isinstance(target, s.Item):
            self._store(target.base, None, added, scope, target.line)
        else:
            for variables, name in self._holders(target, scope):
                before = variables.names.get(name) or ()
                if any(isinstance(value, Items) for value in before):
                    self._change_held(variables, name, union(before, added), scope)
                for one in before:
                    if isinstance(one, Items):
                        self._keep_added(one, union(*arguments))

    def _store(self, target: s.Node, key: str | None, values: Values, scope: Variables, line: int) -> None:
        """Note that a record gets a field, whose name is `key` if it is known."""
        if isinstance(target, s.Item):
            self._store(target.base, None, (RecordValue(((key, values),)),), scope, line)
            return
        is_local = False
        for variables, name in self._holders(target, scope):
            before = variables.names.get(name, ())
            records = [one for one in before if isinstance(one, RecordValue)]
            old = records[0] if records else RecordValue(())
            if (key, values) not in old.fields:
                new = (RecordValue((*old.fields, (key, values))[:MAX_RECORD_FIELDS], old.made_at),)
                changed = union(tuple(one for one in before if one not in records[:1]), new)
                self._change_held(variables, name, changed, scope)
                self._keep_added(old, (RecordValue(((key, values),)),))
            is_local = is_local or bool(records)
        if not is_local:  # a record from elsewhere
            self._leave([values], [], line)

    def _holders(self, target: s.Node, scope: Variables) -> list[tuple[Variables, str]]:
        """Return the variables or attributes that a target is, each in the scope or object that has it."""
        if isinstance(target, s.Name):
            return [(scope.holder(target.id) or scope, target.id)]
        if isinstance(target, s.Access):
            objects = [one for one in self._value(target.base, scope) if isinstance(one, Object)]
            return [(one.attributes, target.name) for one in objects]
        return []

    def _change_held(self, variables: Variables, name: str, values: Values, scope: Variables) -> None:
        """Set the changed list or record of a variable; one that is not of this function keeps it."""
        variables.names[name] = values
        if variables is not scope:
            variables.kept[name] = values

    def _new_list(self, node: s.Node) -> Values:
        """Return an empty list, or what other functions have added to it in the round before."""
        kept = self._shared.added.get(id(node), ())
        return (Items((kept,) if kept else (), (id(node), self._function_id())),)

    def _new_record(self, node: s.Node) -> Values:
        """Return an empty record, or what other functions have added to it in the round before."""
        kept = self._shared.added.get(id(node), ())
        fields = tuple(pair for one in kept if isinstance(one, RecordValue) for pair in one.fields)
        return (RecordValue(fields[:MAX_RECORD_FIELDS], (id(node), self._function_id())),)

    def _keep_added(self, changed: Items | RecordValue, values: Values) -> None:
        """Keep what is added to a list or record that another function has made, for the code that reads it there."""
        if changed.made_at and changed.made_at[1] != self._function_id():
            node, _ = changed.made_at
            self._shared.added[node] = union(self._shared.added.get(node, ()), values)

    def _function_id(self) -> int:
        return id(self._active[-1]) if self._active else 0

    def _record_method(self, value: RecordValue, name: str) -> Values:
        """Return the result of a method of a record, or of a schema made of one."""
        inner = self._items((value,))
        if name in ("items", "entries"):
            return (Items(((Items(((), inner)),),)),)
        if name == "values":
            return (Items((inner,)),)
        return (value,) if name in known.SAME_SHAPE | {"copy", "toString"} else ()

    def _construct(
        self, made: Object, arguments: list[Values], named: list[tuple[str, Values]], line: int, *, is_guarded: bool
    ) -> Values:
        """Follow the constructor of a class; without one, set the fields that the class declares."""
        own = made.attributes.names
        constructors = [one for one in own.get("__init__") or own.get("constructor") or () if isinstance(one, Callback)]
        for one in constructors:
            self._run(one, arguments, dict(named))
        fields = list(made.node.declared.values())
        if not constructors and arguments and not is_guarded:  # of an enum, or a class without fields
            constants = [text for values in own.values() for one in values for text in texts_of(one)]
            self._looked_up(arguments[0], constants, line)
        if constructors or not fields:
            self._leave([] if constructors else arguments, [] if constructors else named, line)
            is_enum = not constructors and len(arguments) == 1 and any(map(texts_of, union(*own.values())))
            return (made, *arguments[0]) if is_enum else (made,)
        given = dict(named)
        for position, field in enumerate(fields):
            values = arguments[position] if position < len(arguments) else ()
            values = values or given.get(field.wire_name) or given.get(field.name) or ()
            if not values and "**" in given:
                values = self.access(given["**"], field.wire_name, line)
            self._set_field(made, field, values, line)
        return (made,)

    def _fill(self, shape: Value, values: Values, line: int) -> None:
        """Note that the fields of a class or schema are read from data, or from each item of a list."""
        what = shape.node if isinstance(shape, Object) else shape
        is_unknown = not any(isinstance(one, Data | HttpResponse | Items | RecordValue) for one in values)
        if not values or sum(one is what for one in self._filling) >= MAX_WITHIN_ITSELF:
            return
        if len(self._filling) >= (MAX_UNKNOWN_DEPTH if is_unknown else MAX_FILL_DEPTH):
            return
        self._filling.append(what)
        each = union(*[self._items((one,)) if self._is_list(one) else (one,) for one in values])
        match shape:
            case Object():
                for field in shape.node.declared.values():
                    self._set_field(shape, field, self.access(each, field.wire_name, line), line)
            case RecordValue():
                each = self._of_stated_event(shape, each, line)
                for name, inner in shape.fields:
                    if name is not None:
                        is_here = isinstance(name, WrittenName) and name.place[0] == self.path
                        at = name.place[1] if isinstance(name, WrittenName) and is_here else line
                        below = self.access(each, name, at)
                        for one in inner:
                            self._fill(one, below, at)
            case Items():
                for one in union(*shape.items):
                    self._fill(one, each, line)
        self._filling.pop()

    def _of_stated_event(self, shape: RecordValue, values: Values, line: int) -> Values:
        """Return the event that a schema states as the value of a field, as `type: literal("payment.succeeded")`."""
        texts = [text for _, inner in shape.fields for one in inner for text in texts_of(one)]
        events = [text for text in texts if text in self.index.contract.events]
        for event in events:
            self._recorder.operation(f"webhook:{event}", self.path, line)
        return tuple(Data(f"webhook:{event}") for event in events) or values

    def _set_field(self, made: Object, field: s.Field, values: Values, line: int) -> None:
        inner = [one for one in self._typed(field.types, made.attributes, line) if isinstance(one, Object)]
        for one in inner:
            if one.node.declared:
                self._fill(one, values, line)
        made.attributes.set(field.name, union(tuple(inner), values), adds=True)

    def _is_list(self, value: Value) -> bool:
        return isinstance(value, Items) or (isinstance(value, Data) and self.item_of(value) != value)

    def _getter(self, node: s.FunctionCall, arguments: list[Values]) -> s.Function:
        """Return the function that reads the fields that `attrgetter("user.email", "status")` names."""
        if id(node) not in self._shared.made:
            line, subject = node.line, s.Name(node.line, "value")
            reads: list[s.Node] = []
            for path in (text for values in arguments for one in values for text in texts_of(one)):
                read: s.Node = subject
                for name in path.split("."):
                    read = s.Access(line, read, name)
                reads.append(read)
            result = reads[0] if len(reads) == 1 else s.Sequence(line, reads)
            self._shared.made[id(node)] = s.Function(
                line, None, [s.FunctionParameter(subject, "value")], [s.Return(line, result)]
            )
        return self._shared.made[id(node)]
