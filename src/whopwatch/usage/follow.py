"""Follow the data of the API through code: from clients and addresses to operations, and to the fields that are read.

Each function is followed with what its callers in the scanned code give it. Both sides of a branch are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.accesses import Round, TooComplexError, is_informative, plain_client, spread_fields, texts_of
from whopwatch.usage.api_index import ApiIndex
from whopwatch.usage.definitions import Definitions, module_name
from whopwatch.usage.profile import BROKEN_CODE, TOO_COMPLEX, TOO_DEEP
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.values import (
    Callback,
    Data,
    Home,
    Http,
    Items,
    Library,
    Object,
    RecordValue,
    SdkClient,
    String,
    Unknown,
    Value,
    Values,
    Variables,
    WrittenName,
    union,
    without_too_many,
)

MAX_CODE_LEVELS = 60
"""Nesting of code that is followed."""
ROUNDS = 2
"""What a later method or file sets is known in the second round."""


def follow(modules: Sequence[s.SourceFile], index: ApiIndex, recorder: Recorder) -> None:
    """Follow all modules and note in `recorder` what they use."""
    exports: dict[str, list[Variables]] = {}
    added: dict[int, Values] = {}
    modules = _imported_first(modules)
    homes = [Home(module.path) for module in modules]
    for module, home in zip(modules, homes, strict=True):
        for name in {module.name, PurePosixPath(module.path).stem}:
            exports.setdefault(name, []).append(home.scope)
    given_up: set[str] = set()
    for turn in range(ROUNDS):
        # Only the last round knows all functions and variables: the uses that others find are not kept.
        shared = Round(index, recorder if turn == ROUNDS - 1 else Recorder(index), exports, added)
        for module, home in zip(modules, homes, strict=True):
            if module.path in given_up:
                continue
            try:
                Follower(module, home, shared).run()
            except (TooComplexError, RecursionError):
                given_up.add(module.path)
                recorder.not_followed(module.path, 1, TOO_COMPLEX)
        shared.finish()


def _imported_first(modules: Sequence[s.SourceFile]) -> list[s.SourceFile]:
    """Return the modules, each after the ones that it imports at its top."""
    by_name: dict[str, list[s.SourceFile]] = {}
    for module in modules:
        for name in {module.name, PurePosixPath(module.path).stem}:
            by_name.setdefault(name, []).append(module)
    ordered: dict[str, s.SourceFile] = {}
    for start in modules:
        todo, entered = [start], set[str]()
        while todo:
            module = todo[-1]
            if module.path in ordered or module.path in entered:
                ordered.setdefault(todo.pop().path, module)
                continue
            entered.add(module.path)
            todo += [one for name in _imports(module.body) for one in by_name.get(name, ()) if one.path not in entered]
    return list(ordered.values())


def _imports(body: Sequence[s.Node]) -> Iterator[str]:
    """Yield the names of the modules that statements import, without those in functions."""
    for node in body:
        if isinstance(node, s.Several):
            yield from _imports(node.parts)
        elif isinstance(node, s.Import):
            yield module_name(node.module)
            yield from (there for there, _ in node.names)


class Follower(Definitions):
    """Follow one module."""

    def run(self) -> None:
        """Follow the module from its first statement, and its functions without knowing who calls them."""
        self._block(self._module.body, self._home.scope)
        for event, callback in list(self._handlers.values()):
            self._handler(event, callback)

    # Statements

    def _block(self, body: Sequence[s.Node], scope: Variables) -> Values:
        """Follow statements; what `if type != "x": return` excludes is known to the statements after it."""
        before = (dict(self._narrowed), self._events)
        result: Values = ()
        for position, node in enumerate(body, 1):
            if position < len(body):
                self._find_default(node, body[position])
            result = self._value(node, scope)
        self._narrowed, self._events = before
        return result

    def _value(self, node: s.Node, scope: Variables) -> Values:
        """Follow any node and return what it can be."""
        self._spend(1)
        if self._depth > MAX_CODE_LEVELS:
            self._recorder.not_followed(self.path, node.line, TOO_DEEP)
            return ()
        self._depth += 1
        try:
            return without_too_many(self._kinds(node, scope))
        finally:
            self._depth -= 1

    def _kinds(self, node: s.Node, scope: Variables) -> Values:
        match node:
            case s.Name():
                return self._name(node, scope)
            case s.Access():
                return self.access(self._value(node.base, scope), node.name, node.line)
            case s.FunctionCall():
                return self._call(node, scope)
            case s.Text():
                return self._text(node, scope)
            case s.Assign():
                return self._assignment(node, scope)
            case s.Item():
                return self._item(node, self._value(node.base, scope), self._value(node.index, scope))
            case s.Enter():
                return self._entered(self._value(node.value, scope))
            case s.Spread():
                return self._items(self._value(node.value, scope))
            case s.Outer():
                scope.set_outside.update(node.names)
                return ()
            case s.Function():
                return self._function(node, scope)
            case s.Class():
                return self._class(node, scope)
            case s.Loop():
                return self._loop(node, scope)
            case s.Branch():
                return self._branch(node, scope)
            case s.Compare():
                return self._compare(node, scope)
            case s.Record():
                return self._record(node, scope)
            case s.Sequence(items=[]):
                return self._new_list(node)
            case s.Sequence():
                return (Items(tuple(self._spread(node.items, scope))),)
            case s.Return():
                return self._returned(node, scope)
            case s.Import():
                self._import(node, scope)
                return ()
            case s.Leave():  # whoever catches it gets what is thrown
                self._leave([self._value(part, scope) for part in node.parts], [], node.line)
            case s.Several():
                return union(*[self._value(part, scope) for part in node.parts])
            case s.Broken():
                self._recorder.not_followed(self.path, node.line, BROKEN_CODE)
        return ()

    def _returned(self, node: s.Return, scope: Variables) -> Values:
        values = self._value(node.value, scope) if node.value else ()
        if self._returns:
            self._returns[-1] = union(self._returns[-1], values)
        return values

    def _name(self, node: s.Name, scope: Variables) -> Values:
        found = scope.get(node.id)
        if found is not None:
            return found
        if node.id in known.HTTP_FUNCTIONS:
            return (Http(method=known.HTTP_FUNCTIONS[node.id]),)
        if plain_client(node.id):
            return (SdkClient(is_guess=True),)
        return (Library("", node.id),)

    def _text(self, node: s.Text, scope: Variables) -> Values:
        parts: list[str | None] = []
        added: list[Values] = []
        for part in node.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            values = self._value(part, scope)
            found = [text for one in values for text in (_as_text(one),) if text]
            parts += found[0] if found else (None,)
            added += [tuple(one for one in values if isinstance(one, Items | Data))] if node.is_sum else []
        lists = union(*added) if not any(parts) else ()
        return (*lists, String(tuple(parts[:50])))

    def _record(self, node: s.Record, scope: Variables) -> Values:
        fields: list[tuple[str | None, Values]] = []
        for part in node.computed:
            self._value(part, scope)
        for key, value in node.fields:
            values = self._value(value, scope)
            if key is None:
                fields.append((None, values))
                continue
            if key == "**":
                fields += spread_fields(values)
                continue
            fields.append((WrittenName.at(key, self.path, value.line), values))
            callbacks = [one for one in values if isinstance(one, Callback)]
            if key in self.index.contract.events and callbacks:
                self._recorder.operation(f"webhook:{key}", self.path, value.line)
                self._handlers |= {id(one.node): (key, one) for one in callbacks}
        return (RecordValue(tuple(fields)),) if fields else self._new_record(node)

    def _loop(self, node: s.Loop, scope: Variables) -> Values:
        values = self._value(node.source, scope)
        self._note_pages(values if node.target is not None else (), node.line)
        result: Values = ()
        with self._branching():
            self._loops += 1
            for _ in range(ROUNDS if self._loops == 1 else 1):  # what one round sets is known in the next
                before = dict(scope.names)
                if node.target is not None:
                    self._assign(node.target, self._items(values), scope, node.line)
                result = union(result, self._block(node.body, scope))
                if scope.names == before:
                    break
            self._loops -= 1
        return result

    def _assign(self, target: s.Node, values: Values, scope: Variables, line: int) -> None:
        match target:
            case s.Name():
                scope.set(target.id, values, adds=self._branches > 0)
            case s.Access():
                self._export(target, values)
                bases = self._value(target.base, scope)
                for one in bases:
                    if isinstance(one, Object):
                        one.attributes.keep(target.name, values)
                if any(isinstance(one, RecordValue) for one in bases):
                    self._store(target.base, WrittenName.at(target.name, self.path, line), values, scope, line)
                elif not any(isinstance(one, Object) for one in bases):
                    self._leave([values], [], line)
            case s.Item():
                keys = [text for one in self._value(target.index, scope) for text in texts_of(one)]
                for key in (*keys,) or (None,):
                    self._store(target.base, key, values, scope, line)
            case s.Spread():
                self._assign(target.value, (Items((values,)),), scope, line)
            case s.Sequence():
                is_whole = not any(isinstance(part, s.Spread) for part in target.items)
                known_items = [
                    one for one in values if isinstance(one, Items) and is_whole and len(one.items) == len(target.items)
                ]
                for position, part in enumerate(target.items):
                    own = union(*[one.items[position] for one in known_items])
                    self._assign(part, own if known_items else self._items(values), scope, line)
            case s.Pattern():
                for name, part in target.fields:
                    self._assign(part, values if name is None else self.access(values, name, line), scope, line)
            case s.Assign():  # a target with a default value
                default = self._value(target, scope)
                known_values = tuple(one for one in values if not isinstance(one, Unknown))
                self._assign(target.target, known_values or union(default, values), scope, line)

    def _assignment(self, node: s.Assign, scope: Variables) -> Values:
        """Assign; what is no declaration may set a variable of a function or module around."""
        values = self._value(node.value, scope) if node.value else ()
        typed = self._typed(node.types, scope, node.line)
        values = values if any(map(is_informative, values)) else typed or values
        if not (node.value or typed):  # a declaration alone sets nothing
            if isinstance(node.target, s.Name):
                scope.names.setdefault(node.target.id, ())
            return values
        holder = scope.holder(node.target.id) if isinstance(node.target, s.Name) and not node.is_declared else None
        if isinstance(node.target, s.Name) and holder is not None and holder is not scope:
            holder.keep(node.target.id, values)
        else:
            self._assign(node.target, values, scope, node.line)
        return values

    def _export(self, target: s.Access, values: Values) -> None:
        """Note what `module.exports = {…}` and `exports.name = …` give to other modules."""
        base = target.base.name if isinstance(target.base, s.Access) else getattr(target.base, "id", "")
        if base == "exports":
            self._home.scope.set(target.name, values, adds=False)
        elif base == "module" and target.name == "exports":
            self._home.scope.set("default", values, adds=False)
            for key, part in (pair for one in values if isinstance(one, RecordValue) for pair in one.fields):
                if key is not None:
                    self._home.scope.set(key, part, adds=False)

    def _entered(self, values: Values) -> Values:
        """Return what `with` gives: what `__enter__` returns, else the value itself."""
        found: list[Values] = []
        for value in values:
            own = value.attributes.names if isinstance(value, Object) else {}
            enter = own.get("__enter__") or own.get("__aenter__") or ()
            callbacks = [one for one in enter if isinstance(one, Callback)]
            found.append(union(*[self._run(one, []) for one in callbacks]) if callbacks else (value,))
        return union(*found)


def _as_text(value: Value) -> tuple[str | None, ...]:
    """Return a value within a string: of a record in a query, its names."""
    if isinstance(value, RecordValue):
        return tuple(part for name, _ in value.fields if name for part in (name, "=&"))
    return value.parts if isinstance(value, String) else ()
