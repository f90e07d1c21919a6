"""Follow the data of the API through code: from clients and addresses to operations, and to the fields that are read.

Each function is followed with what its callers in the scanned code give it. Both sides of a branch are followed.
"""

from __future__ import annotations

from collections.abc import Sequence

from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.accesses import Exports, data_within, plain_client, texts_of
from whopwatch.usage.api_index import ANY_EVENT, MODEL, ApiIndex
from whopwatch.usage.calls import Calls
from whopwatch.usage.profile import BROKEN_CODE, TOO_COMPLEX, TOO_DEEP
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.values import (
    Callback,
    Data,
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
)

MAX_CODE_LEVELS = 60
"""Nesting of code that is followed."""
MAX_RECORD_FIELDS = 300
"""Fields that code adds to one record."""
MAX_CALLS = 6
"""Calls within calls that are followed."""
MAX_CODE_STEPS = 400_000
"""Pieces of code that are evaluated for one file."""
ROUNDS = 2
"""What a later method or file sets is known in the second round."""


class TooComplexError(Exception):
    """A file needs more than MAX_CODE_STEPS."""


def follow(modules: Sequence[s.SourceFile], index: ApiIndex, recorder: Recorder) -> None:
    """Follow all modules and note in `recorder` what they use."""
    exports: Exports = {}
    scopes = [Variables() for _ in modules]
    for module, scope in zip(modules, scopes, strict=True):
        exports.setdefault(module.name, []).append(scope)
    given_up: set[str] = set()
    for turn in range(ROUNDS):
        # Only the last round knows all functions and variables: the uses that others find are not kept.
        notes = recorder if turn == ROUNDS - 1 else Recorder(index)
        for module, scope in zip(modules, scopes, strict=True):
            if module.path in given_up:
                continue
            try:
                Follower(module, scope, exports, index, notes).run()
            except (TooComplexError, RecursionError):
                given_up.add(module.path)
                recorder.not_followed(module.path, 1, TOO_COMPLEX)


class Follower(Calls):
    """Follow one module."""

    def run(self) -> None:
        """Follow the module from its first statement, and its functions without knowing who calls them."""
        self._block(self._module.body, self._scope)
        for event, callback in list(self._handlers.values()):
            self._handler(event, callback)

    # Statements

    def _block(self, body: Sequence[s.Node], scope: Variables) -> Values:
        """Follow statements; what `if type != "x": return` excludes is known to the statements after it."""
        before = (dict(self._narrowed), self._events)
        result: Values = ()
        for position, node in enumerate(body, 1):
            if position < len(body):
                self._find_default(node)
            result = self._value(node, scope)
        self._narrowed, self._events = before
        return result

    def _value(self, node: s.Node, scope: Variables) -> Values:
        """Follow any node and return what it can be."""
        self._steps += 1
        if self._steps > MAX_CODE_STEPS:
            raise TooComplexError
        if self._depth > MAX_CODE_LEVELS:
            self._recorder.not_followed(self.path, node.line, TOO_DEEP)
            return ()
        self._depth += 1
        try:
            return self._kinds(node, scope)
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
                values = self._value(node.value, scope) if node.value else ()
                typed = self._typed(node.types, scope, node.line)
                if node.value or typed:  # a declaration alone sets nothing
                    self._assign(node.target, typed or values, scope, node.line)
                return typed or values
            case s.Item():
                self._value(node.index, scope)
                return self._items(self._value(node.base, scope))
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
            case s.Sequence():
                return (Items(tuple(self._value(one, scope) for one in node.items)),)
            case s.Return():
                values = self._value(node.value, scope) if node.value else ()
                if self._returns:
                    self._returns[-1] = union(self._returns[-1], values)
                return values
            case s.Import():
                self._import(node, scope)
                return ()
            case s.Several() | s.Leave():
                return union(*[self._value(part, scope) for part in node.parts])
            case s.Broken():
                self._recorder.not_followed(self.path, node.line, BROKEN_CODE)
        return ()

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
        for part in node.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            found = [text for one in self._value(part, scope) for text in (_as_text(one),) if text]
            parts += found[0] if found else (None,)
        return (String(tuple(parts[:50])),)

    def _record(self, node: s.Record, scope: Variables) -> Values:
        fields: list[tuple[str | None, Values]] = []
        for key, value in node.fields:
            values = self._value(value, scope)
            if key is None:
                spread = next((one for one in values if isinstance(one, RecordValue)), None)
                fields += spread.fields if spread else ((None, values),)
                continue
            fields.append((WrittenName.at(key, self.path, value.line), values))
            callbacks = [one for one in values if isinstance(one, Callback)]
            if key in self.index.contract.events and callbacks:
                self._recorder.operation(f"webhook:{key}", self.path, value.line)
                self._handlers |= {id(one.node): (key, one) for one in callbacks}
        return (RecordValue(tuple(fields)),)

    def _handler(self, event: str, callback: Callback) -> None:
        """Follow the function that a table or decorator names for an event: it gets the event or its data."""
        owner = f"webhook:{event}"
        self._run(callback, [(Data(owner), Data(owner, ("data",)))])

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

    def _import(self, node: s.Import, scope: Variables) -> None:
        name = node.module.replace("\\", "/").rpartition("/")[2].rpartition(".")[2]
        own = self._exports.get(name, [])
        package = node.module.partition(".")[0]
        self._uses_sdk = self._uses_sdk or package in known.SDK_PACKAGES
        if node.module.startswith("whop_sdk.types"):
            self._recorder.sdk_part("types", self.path, node.line)
        if node.module == "whop_sdk" and any(there.endswith("Error") for there, _ in node.names):
            self._recorder.sdk_part("errors", self.path, node.line)
        for there, here in node.names:
            if package in known.HTTP_MODULES and there in ("*", "default"):
                values: Values = (Http(),)
            elif package in known.HTTP_MODULES:
                values = (Http(method=known.METHOD_OF_FUNCTION.get(there)),)
            elif own and package not in known.SDK_PACKAGES and there != "*":
                values = union(*[one.names.get(there, ()) for one in own if one is not self._scope])
                if there == "default" and not values:
                    values = union(*[one.names.get(here, ()) for one in own])
            else:
                values = (Library(node.module, "" if there == "*" else there),)
                inner = self._exports.get(there, [])
                if package not in known.SDK_PACKAGES and inner and there != "*":
                    values = (RecordValue(tuple((key, v) for one in inner for key, v in one.names.items())),)
            scope.set(here, values, adds=False)

    # Functions and classes

    def _function(self, node: s.Function, scope: Variables, owner: Values = ()) -> Values:
        callback = Callback(node, scope, owner)
        if node.name:
            scope.set(node.name, (callback,), adds=self._branches > 0)
        for decorator in node.decorators:
            self._decorator(decorator, callback, scope)
        result = self._run(callback, [], is_called=False)
        self._recorder.returned(id(node), tuple(data_within(result)), self.path, node.line)
        if not node.is_property and not all(_decorator_name(one) in known.PLAIN_DECORATORS for one in node.decorators):
            self._leave([result], [], node.line)  # a framework calls it
        return (callback,)

    def _decorator(self, node: s.Node, callback: Callback, scope: Variables) -> None:
        parts = node.arguments if isinstance(node, s.FunctionCall) else [node]
        values = union(*[self._value(one, scope) for one in parts])
        for text in (text for value in values for text in texts_of(value)):
            if text in self.index.contract.events:
                self._recorder.operation(f"webhook:{text}", self.path, node.line)
                self._handler(text, callback)

    def _class(self, node: s.Class, scope: Variables) -> Values:
        known_before = [one for one in scope.names.get(node.name, ()) if isinstance(one, Object) and one.node is node]
        made = known_before[0] if known_before else Object(node, Variables(scope))
        scope.set(node.name, (made,), adds=False)
        made.attributes.set("this", (made,), adds=False)
        for part in node.body:
            if isinstance(part, s.Function):
                self._function(part, made.attributes, (made,))
            else:
                self._value(part, made.attributes)
        return (made,)

    def _run(
        self,
        callback: Callback,
        arguments: list[Values],
        named: dict[str, Values] | None = None,
        *,
        is_called: bool = True,
    ) -> Values:
        """Follow a function with the values of its arguments and return what it can return."""
        node = callback.node
        arguments = [self._narrowed_values(values) for values in arguments]
        extra: Values = (RecordValue(tuple((named or {}).items())),)
        key = (id(node), (*arguments, extra), self._events)
        is_cut = len(self._active) >= MAX_CALLS or node in self._active
        if is_called:
            self._recorder.called(id(node), is_followed=key in self._done or not is_cut)
        if key in self._done:
            return self._done[key]
        if is_cut:
            self._leave(arguments, list((named or {}).items()), node.line)
            return ()
        self._active.append(node)
        self._returns.append(())
        branches, self._branches = self._branches, 0
        try:
            scope = Variables(callback.scope)
            self._bind(callback, scope, arguments, named or {})
            self._block(node.body, scope)
            self._done[key] = result = self._returns[-1]
            return result
        finally:
            self._branches = branches
            self._returns.pop()
            self._active.pop()

    def _bind(self, callback: Callback, scope: Variables, arguments: list[Values], named: dict[str, Values]) -> None:
        parameters = callback.node.parameters
        if callback.owner and parameters and parameters[0].name in ("self", "cls"):
            scope.set(parameters[0].name or "self", callback.owner, adds=False)
            parameters = parameters[1:]
        if callback.owner:
            scope.set("this", callback.owner, adds=False)
        for position, parameter in enumerate(parameters):
            if parameter.takes_rest:
                names = {one.name for one in parameters}
                rest = tuple((name, values) for name, values in named.items() if name not in names)
                self._assign(parameter.target, (RecordValue(rest),), scope, callback.node.line)
                continue
            given = arguments[position] if position < len(arguments) else named.get(parameter.name or "", ())
            values = given or self._typed(parameter.types, callback.scope, callback.node.line)
            if not values:
                values = (Unknown(id(parameter)),)
                if parameter.name and (plain_client(parameter.name) or (self._uses_sdk and parameter.name == "client")):
                    values = (SdkClient(is_guess=True),)
            self._assign(parameter.target, values, scope, callback.node.line)

    def _typed(self, types: list[str], scope: Variables, line: int) -> Values:
        """Return what an annotation says: a client, or a model of the SDK."""
        found: list[Value] = []
        for text in types:
            name = text.removesuffix("[]")
            found += [one for one in scope.get(name) or () if isinstance(one, Object)]
            origins = {one.module for one in scope.get(name) or () if isinstance(one, Library)}
            if name in known.OWN_CLIENTS or (name in known.CLIENTS and origins & known.SDK_PACKAGES):
                found.append(SdkClient())
            elif name == "UnwrapWebhookEvent":
                found.append(Data(ANY_EVENT))
            elif name in self.index.models and self._uses_sdk:
                model = Data(f"{MODEL}{name}")
                owner, *others = {owner for owner, _ in self.index.models[name]}
                if not others and owner.startswith("webhook:"):
                    self._recorder.operation(owner, self.path, line)
                    model = Data(owner)
                found.append(Items(((model,),)) if text.endswith("[]") else model)
        return tuple(found)

    def _assign(self, target: s.Node, values: Values, scope: Variables, line: int) -> None:
        match target:
            case s.Name():
                scope.set(target.id, values, adds=self._branches > 0)
            case s.Access():
                for one in self._value(target.base, scope):
                    if isinstance(one, Object):
                        one.attributes.set(target.name, values, adds=True)
                    elif isinstance(one, RecordValue) and isinstance(target.base, s.Name):
                        added = WrittenName.at(target.name, self.path, line), values
                        more = RecordValue((*one.fields, added)[:MAX_RECORD_FIELDS])
                        kept = tuple(other for other in scope.get(target.base.id) or () if other != one)
                        scope.set(target.base.id, (*kept, more), adds=False)
            case s.Item():
                self._value(target, scope)
            case s.Sequence():
                known_items = [one for one in values if isinstance(one, Items) and len(one.items) == len(target.items)]
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

    # Access

    # Calls


def _decorator_name(node: s.Node) -> str:
    """Return the last name of a decorator: `lru_cache` of `@functools.lru_cache(maxsize=1)`."""
    inner = node.function if isinstance(node, s.FunctionCall) else node
    return inner.name if isinstance(inner, s.Access) else inner.id if isinstance(inner, s.Name) else ""


def _as_text(value: Value) -> tuple[str | None, ...]:
    """Return a value within a string: of a record in a query, its names."""
    if isinstance(value, RecordValue):
        return tuple(part for name, _ in value.fields if name for part in (name, "=&"))
    return value.parts if isinstance(value, String) else ()
