"""Follow the data of the API through code: from clients and addresses to operations, and to the fields that are read.

Each function is followed with what its callers in the scanned code give it. Both sides of a branch are followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from whopwatch.contract.mcp_tools import MCP_PREFIX
from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.api_index import ANY_EVENT, MODEL, ApiIndex
from whopwatch.usage.profile import BROKEN_CODE, COMPUTED_NAME, LOST_CLIENT, TOO_COMPLEX, TOO_DEEP
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.requests import RequestReader
from whopwatch.usage.values import (
    Callback,
    Data,
    Http,
    HttpResponse,
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
    is_one_of_many,
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

Exports = dict[str, list[Variables]]
Compared = list[tuple[Data, list[str], bool]]
"""What one test compares: enum fields, the constant strings, and whether they are excluded."""


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


class Follower:
    """Follow one module."""

    def __init__(
        self, module: s.SourceFile, scope: Variables, exports: Exports, index: ApiIndex, recorder: Recorder
    ) -> None:
        self.path = module.path
        self.index = index
        self._module = module
        self._scope = scope
        self._exports = exports
        self._recorder = recorder
        self._requests = RequestReader(index, recorder)
        self._steps = 0
        self._depth = 0
        self._branches = 0
        self._loops = 0
        self._handlers: dict[int, tuple[str, Callback]] = {}
        self._active: list[s.Function] = []
        self._done: dict[tuple[int, tuple[Values, ...], tuple[str, ...]], Values] = {}
        self._returns: list[Values] = []
        self._narrowed: dict[tuple[int, tuple[str, ...]], tuple[str, ...]] = {}
        self._events: tuple[str, ...] = ()
        self._tests: list[tuple[Value, tuple[str, ...], bool]] = []
        self._compared: Compared = []
        self._chains: dict[int, tuple[int, list[Compared]]] = {}
        self._has_default: set[int] = set()
        self._uses_sdk = False

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

    def _given_event(self, callback: Callback, arguments: list[Values]) -> list[Values]:
        """Return the arguments of a call of a table's function: an event among them is the one of the table."""
        known_event = self._handlers.get(id(callback.node))
        events = [one for values in arguments for one in values if isinstance(one, Data) and one.owner == ANY_EVENT]
        if known_event is None or not events:
            return arguments
        del self._handlers[id(callback.node)]
        owner = f"webhook:{known_event[0]}"
        return [
            tuple(replace(one, owner=owner) if one in events and isinstance(one, Data) else one for one in values)
            for values in arguments
        ]

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

    def _note_pages(self, values: Values, line: int) -> None:
        """Note which of the values that the code iterates over are pages of the SDK: it walks through all pages."""
        for value in values:
            if isinstance(value, Data):
                self._recorder.pages(value, self.path, line)

    def _branch(self, node: s.Branch, scope: Variables) -> Values:
        tests, self._tests = self._tests, []
        compared, self._compared = self._compared, []
        self._value(node.test, scope)
        found, self._tests = self._tests, tests
        own, self._compared = self._compared, compared
        self._enum_branch(node, own)
        with self._branching():
            before = (dict(self._narrowed), self._events)
            self._narrow(found, is_negated=False)
            result = self._block(node.body, scope)
            self._narrowed, self._events = before
            result = union(result, self._block(node.otherwise, scope))
        if node.body and isinstance(last_of(node.body), s.Return | s.Leave):
            self._narrow(found, is_negated=True)
        return result

    def _find_default(self, node: s.Node) -> None:
        """Note branches that all leave the block: the statements after them are their default."""
        branch: s.Node | None = node.parts[-1] if isinstance(node, s.Several) and node.parts else node
        while isinstance(branch, s.Branch) and branch.body and isinstance(last_of(branch.body), s.Return | s.Leave):
            if not branch.otherwise:
                self._has_default.add(id(branch))
            branch = branch.otherwise[0] if len(branch.otherwise) == 1 else None

    def _enum_branch(self, node: s.Branch, compared: Compared) -> None:
        """Note what a chain of branches over an enum handles, if its last branch has no default."""
        line, before = self._chains.pop(id(node), (node.line, []))
        chain = [*before, compared]
        if len(node.otherwise) == 1 and isinstance(node.otherwise[0], s.Branch):
            self._chains[id(node.otherwise[0])] = line, chain
        elif not node.otherwise and id(node) not in self._has_default:
            for value in dict.fromkeys(one for part in chain for one, _, _ in part):
                parts = [[(texts, not_in) for one, texts, not_in in part if one == value] for part in chain]
                tests = [one for part in parts for one in part]
                # One `if` alone is a filter. What is compared with unknown values may handle them all.
                if len([part for part in parts if part]) > 1 and all(texts and not not_in for texts, not_in in tests):
                    self._recorder.handled(value, [text for texts, _ in tests for text in texts], self.path, line)

    def _narrow(self, tests: list[tuple[Value, tuple[str, ...], bool]], *, is_negated: bool) -> None:
        for value, events, negated in tests:
            if negated is not is_negated:
                continue
            if isinstance(value, Unknown):
                self._narrowed[(value.root, value.steps[:-1])] = events
            else:
                self._events = events

    @contextmanager
    def _branching(self) -> Iterator[None]:
        self._branches += 1
        try:
            yield
        finally:
            self._branches -= 1

    def _compare(self, node: s.Compare, scope: Variables) -> Values:
        left = self._value(node.left, scope)
        right = [self._value(one, scope) for one in node.right]
        texts = [text for values in right for value in values for text in texts_of(value)]
        if not texts and any(texts_of(value) for value in left):
            texts = [text for value in left for text in texts_of(value)]
            left = union(*right)
        for value in left:
            node_of_value = self.index.node(value.owner, value.steps) if isinstance(value, Data) else None
            if isinstance(value, Data) and node_of_value and node_of_value.known_values:
                self._compared.append((value, texts, node.is_negated))
        events = tuple(f"webhook:{text}" for text in texts if text in self.index.contract.events)
        if events:
            for event in events:
                self._recorder.operation(event, self.path, node.line)
            for value in left:
                if isinstance(value, Unknown) and value.steps:
                    self._recorder.event_root(value.root, value.steps[:-1])
                    self._tests.append((value, events, node.is_negated))
                elif isinstance(value, Data) and value.owner == ANY_EVENT:
                    self._tests.append((value, events, node.is_negated))
        return ()

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
        self._recorder.returned(id(node), tuple(_data_within(result)), self.path, node.line)
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

    def access(self, values: Values, name: str, line: int) -> Values:
        """Return the field `name` of any of the values, and note the fields of the API that are read."""
        self._note_too_many(values, line)
        return union(*[self._access(value, name, line) for value in self._narrowed_values(values)])

    def _note_too_many(self, values: Values, line: int) -> None:
        if any(map(is_one_of_many, values)):
            self._recorder.not_followed(self.path, line, TOO_COMPLEX)

    def _access(self, value: Value, name: str, line: int) -> Values:
        match value:
            case SdkClient():
                same = name in known.SAME_CLIENT
                if name in known.SDK_PARTS:
                    self._recorder.sdk_part(known.SDK_PARTS[name], self.path, line)
                return (value if same else SdkClient((*value.chain, name), value.is_guess),)
            case Data():
                return self._data_field(value, name, line)
            case HttpResponse():
                return (Data(value.owner, (), value.is_guess),) if name in known.BODY_OF_RESPONSE else (value,)
            case Http():
                if name in known.HTTP_CLASSES:
                    return (Http(value.base),)
                return (
                    (Http(value.base, known.METHOD_OF_FUNCTION[name]),)
                    if name in known.METHOD_OF_FUNCTION
                    else (value,)
                )
            case Library():
                return (Library(value.module, name),)
            case Unknown():
                self._recorder.unknown_read(value.root, (*value.steps, name), self.path, line)
                return (Unknown(value.root, (*value.steps, name)),) if len(value.steps) < 8 else ()
            case Object():
                found = value.attributes.names.get(name)
                if found is None:
                    return (SdkClient(is_guess=True),) if plain_client(name) else ()
                return union(*[self._property(one) for one in found])
            case RecordValue():
                return union(*[values for key, values in value.fields if key == name])
        return ()

    def _property(self, value: Value) -> Values:
        is_property = isinstance(value, Callback) and value.node.is_property
        return self._run(value, []) if isinstance(value, Callback) and is_property else (value,)

    def _data_field(self, value: Data, name: str, line: int) -> Values:
        operation = self.index.contract.operations.get(value.owner)
        if self._uses_sdk and name in known.PARTS_OF_PAGE and not value.steps and operation and operation.is_list:
            self._recorder.sdk_part("page", self.path, line)
        if name in known.NEXT_PAGE:
            self._note_pages((value,), line)
        if name in known.SAME_DATA:
            return (value,)
        steps = (*value.steps, name)
        if value.owner != ANY_EVENT and not self.index.has_field(value.owner, steps):
            return ()
        self._recorder.field(value.owner, steps, self.path, line, is_guess=value.is_guess)
        return (Data(value.owner, steps, value.is_guess),)

    def _narrowed_values(self, values: Values) -> Values:
        """Return the values with the type of an event that the branch around them knows."""
        if not self._narrowed and not self._events:
            return values
        found: list[Value] = []
        for value in values:
            if isinstance(value, Data) and value.owner == ANY_EVENT and self._events:
                found += [Data(event, value.steps, value.is_guess) for event in self._events]
            elif isinstance(value, Unknown):
                found += self._of_event(value) or [value]
            else:
                found.append(value)
        return tuple(found)

    def _of_event(self, value: Unknown) -> list[Data]:
        for (root, steps), events in self._narrowed.items():
            if root == value.root and value.steps[: len(steps)] == steps:
                return [Data(event, value.steps[len(steps) :]) for event in events]
        return []

    def _items(self, values: Values) -> Values:
        """Return what the items of any of the values are."""
        found: list[Values] = []
        for value in self._narrowed_values(values):
            match value:
                case Data():
                    found.append((self.item_of(value),))
                case Items():
                    found += value.items
                case RecordValue():
                    found += [values for _, values in value.fields]
                case Unknown():
                    found.append((Unknown(value.root, (*value.steps, "*")),) if len(value.steps) < 8 else ())
        return union(*found)

    def item_of(self, value: Data) -> Data:
        """Return an item of a page or an array; of anything else, the value itself."""
        node = self.index.node(value.owner, value.steps)
        if node is not None and node.items is not None:
            return Data(value.owner, (*value.steps, "*"), value.is_guess)
        if node is not None and {"data", "page_info"} <= node.fields.keys():
            return Data(value.owner, (*value.steps, "data", "*"), value.is_guess)
        return value

    # Calls

    def _call(self, node: s.FunctionCall, scope: Variables) -> Values:
        function = node.function
        name = function.name if isinstance(function, s.Access) else ""
        base = self._value(function.base, scope) if isinstance(function, s.Access) else ()
        callee = self.access(base, name, node.line) if base else self._value(function, scope) if not name else ()
        arguments = [self._value(one, scope) for one in node.arguments]
        named: list[tuple[str, Values]] = [
            (WrittenName.at(key, self.path, value.line), self._value(value, scope)) for key, value in node.named
        ]
        if name in known.CALLS_TOOL:
            self._tool_call(arguments, named, node.line)
        found = [self._method(value, name, arguments, node.line) for value in self._narrowed_values(base)]
        self._note_too_many(callee, node.line)
        found += [self._called(value, arguments, named, node) for value in callee]
        if name in known.ADDS_ITEM and isinstance(function, s.Access) and isinstance(function.base, s.Name):
            held = function.base.id
            if any(isinstance(value, Items) for value in scope.get(held) or ()):
                scope.set(held, union(scope.get(held) or (), (Items(tuple(arguments)),)), adds=False)
        result = union(*found)
        if not result and not callee and not base:
            return (Unknown(id(node)),)
        is_data = any(
            isinstance(value, Data | HttpResponse | SdkClient | Object | Callback) for value in (*base, *callee)
        )
        return result or (() if is_data else (Unknown(id(node)),))

    def _method(self, value: Value, name: str, arguments: list[Values], line: int) -> Values:
        """Return the result of a method that data, lists and unknown values have in each language."""
        first: Values = arguments[0] if arguments else ()
        if name == "get" and isinstance(value, Data | Unknown | RecordValue):
            keys = [text for one in first for text in texts_of(one)]
            return union(*[self.access((value,), key, line) for key in keys])
        callbacks = [one for one in first if isinstance(one, Callback)]
        if name in ("then", "finally", "catch") and callbacks:
            return union(*[self._run(one, [(value,)] if name == "then" else []) for one in callbacks])
        if not isinstance(value, Data | Items | Unknown):
            return ()
        items = self._items((value,))
        if name in known.CALL_WITH_ITEMS and callbacks:
            given = [(), items] if name in ("reduce", "reduceRight") else [items]
            results = union(*[self._run(one, given) for one in callbacks])
            if name in ("map", "flatMap"):
                return (Items((results,)),)
            return items if name == "find" else results if name.startswith("reduce") else (value,)
        if name in known.ONE_ITEM:
            return items
        if isinstance(value, Data) and name in known.READS_WHOLE:
            self._recorder.whole(value, self.path, line)
        return (value,) if name in known.SAME_LIST else ()

    def _called(
        self, value: Value, arguments: list[Values], named: list[tuple[str, Values]], node: s.FunctionCall
    ) -> Values:
        match value:
            case SdkClient():
                return self._sdk_call(value, arguments, named, node)
            case Callback():
                spread = {key: values for key, values in named if key != "**"}
                return self._run(value, self._given_event(value, arguments), spread)
            case Object():
                made = value.attributes.names.get("__init__") or value.attributes.names.get("constructor") or ()
                for one in made:
                    if isinstance(one, Callback):
                        self._run(one, arguments, {key: values for key, values in named if key != "**"})
                return (value,)
            case Data() | HttpResponse() if isinstance(node.function, s.Access):
                return (value,) if node.function.name in known.SAME_DATA | known.BODY_OF_RESPONSE else ()
            case Http():
                return self._http_call(value, arguments, named, node)
            case Library():
                return self._library_call(value, arguments, named, node)
            case Unknown() if value.steps and value.steps[-1] in known.METHOD_OF_FUNCTION:
                if any(isinstance(one, Callback) for values in arguments for one in values):
                    return ()  # a route of the user's own server
                method = known.METHOD_OF_FUNCTION[value.steps[-1]]
                return self._requests.http(Http((None,), method), arguments, named, self.path, node.line, is_sure=False)
        self._leave(arguments, named, node.line)
        return ()

    def _sdk_call(
        self, client: SdkClient, arguments: list[Values], named: list[tuple[str, Values]], node: s.FunctionCall
    ) -> Values:
        if not client.chain:
            return (client,)
        if client.chain in (("webhooks", "unwrap"), ("webhooks", "unsafeUnwrap"), ("webhooks", "unsafe_unwrap")):
            self._recorder.sdk_part("unwrap", self.path, node.line)
            return (Data(ANY_EVENT),)
        operation = self.index.method(client.chain)
        if operation is None:
            if not client.is_guess:
                name = ".".join(client.chain)
                self._recorder.call(self.path, node.line, f"{name} is no operation of the contract")
            return ()
        self._recorder.call(self.path, node.line)
        self._recorder.operation(operation.id, self.path, node.line, is_guess=client.is_guess)
        if operation.is_list:
            self._recorder.sdk_part("page", self.path, node.line)
        self._requests.sdk_arguments(operation, arguments, named, self.path, node.line)
        return (Data(operation.id, (), client.is_guess),)

    def _tool_call(self, arguments: list[Values], named: list[tuple[str, Values]], line: int) -> None:
        """Note the MCP tool that a call names: `session.call_tool("list_products")`, `callTool({name: "…"})`."""
        records = [one for values in arguments for one in values if isinstance(one, RecordValue)]
        names = [*arguments, *(values for key, values in (*named, *_pairs(records)) if key == "name")]
        for tool in {text for values in names for one in values for text in texts_of(one)} & self.index.tools:
            self._recorder.operation(f"{MCP_PREFIX}{tool}", self.path, line)

    def _http_call(
        self, value: Http, arguments: list[Values], named: list[tuple[str, Values]], node: s.FunctionCall
    ) -> Values:
        if value.method is None:
            return self._requests.client(value, arguments, named)
        return self._requests.http(value, arguments, named, self.path, node.line, is_sure=True)

    def _library_call(
        self, value: Library, arguments: list[Values], named: list[tuple[str, Values]], node: s.FunctionCall
    ) -> Values:
        name = value.name or value.module
        package = value.module.partition(".")[0]
        if package in known.SDK_PACKAGES and name in (*known.CLIENTS, "default", "*", value.module):
            self._recorder.sdk_part("client", self.path, node.line)
            return (SdkClient(),)
        first: Values = arguments[0] if arguments else ()
        if name == "dict":
            spread = tuple(part for one in first if isinstance(one, RecordValue) for part in one.fields)
            return (RecordValue((*spread, *named)),)
        for key in (one for part, values in named if part == "key" for one in values if isinstance(one, Callback)):
            self._run(key, [self._items(first)])
        if name in known.WRITES_JSON:
            self._leave(arguments, named, node.line)
            return first
        is_standard = package in known.STANDARD_MODULES
        if is_standard and name in known.ITERATES:
            self._note_pages(union(*arguments), node.line)
        if is_standard and name in known.SAME_AS_ARGUMENT:
            return union(*arguments) if name in ("run", "gather", "all", "cast") else first
        if name in ("next", "min", "max"):
            return self._items(first)
        if name in ("enumerate", "zip"):
            counted: tuple[Values, ...] = ((),) if name == "enumerate" else ()
            lists = arguments[:1] if name == "enumerate" else arguments
            return (Items(((Items((*counted, *map(self._items, lists))),),)),)
        if name in ("map", "filter") and len(arguments) > 1:
            results = union(
                *[self._run(one, [self._items(arguments[1])]) for one in first if isinstance(one, Callback)]
            )
            return (Items((results,)),) if name == "map" else arguments[1]
        if name in ("getattr", "get"):
            return self._getattr(arguments, node.line)
        if is_standard and (name in known.READS_NO_FIELD or value.module in known.READS_NO_FIELD):
            return ()
        found = self._requests.http(Http(method="GET"), arguments, named, self.path, node.line, is_sure=None)
        if not found:
            self._leave(arguments, named, node.line)
        return found

    def _getattr(self, arguments: list[Values], line: int) -> Values:
        first: Values = arguments[0] if arguments else ()
        names = [text for one in (arguments[1] if len(arguments) > 1 else ()) for text in texts_of(one)]
        if not names and any(isinstance(one, SdkClient) for one in first):
            self._recorder.call(self.path, line, COMPUTED_NAME)
        return union(*[self.access(first, name, line) for name in names])

    def _leave(self, arguments: list[Values], named: list[tuple[str, Values]], line: int) -> None:
        """Note data that goes to code that is not followed."""
        given = union(*arguments, *[values for _, values in named])
        self._note_too_many(given, line)
        for value in self._narrowed_values(given):
            if isinstance(value, SdkClient) and not value.is_guess:
                self._recorder.not_followed(self.path, line, LOST_CLIENT)
        for data in _data_within(given):
            for value in self._narrowed_values((data,)):
                if isinstance(value, Data):
                    self._recorder.whole(value, self.path, line)


def _pairs(records: list[RecordValue]) -> Iterator[tuple[str | None, Values]]:
    for record in records:
        yield from record.fields


def _decorator_name(node: s.Node) -> str:
    """Return the last name of a decorator: `lru_cache` of `@functools.lru_cache(maxsize=1)`."""
    inner = node.function if isinstance(node, s.FunctionCall) else node
    return inner.name if isinstance(inner, s.Access) else inner.id if isinstance(inner, s.Name) else ""


def last_of(body: list[s.Node]) -> s.Node:
    """Return the last statement, within blocks."""
    last = body[-1]
    while isinstance(last, s.Several) and last.parts:
        last = last.parts[-1]
    return last


def plain_client(name: str) -> bool:
    """Return whether a name is one that clients of the SDK have."""
    return name.replace("_", "").lower() in known.CLIENT_NAMES


def _data_within(values: Values) -> Iterator[Data]:
    """Yield the data in values, also in records, lists and objects that hold it."""
    todo, seen = list(values), set(values)
    while todo:
        value = todo.pop()
        inner: list[Values] = []
        match value:
            case Data():
                yield value
            case HttpResponse():
                yield Data(value.owner, (), value.is_guess)
            case RecordValue():
                inner = [part for _, part in value.fields]
            case Items():
                inner = list(value.items)
            case Object():
                inner = list(value.attributes.names.values())
        new = dict.fromkeys(one for part in inner for one in part if one not in seen)
        seen.update(new)
        todo += new


def _as_text(value: Value) -> tuple[str | None, ...]:
    """Return a value within a string: of a record in a query, its names."""
    if isinstance(value, RecordValue):
        return tuple(part for name, _ in value.fields if name for part in (name, "=&"))
    return value.parts if isinstance(value, String) else ()


def texts_of(value: Value) -> Iterator[str]:
    """Yield the constant strings of a value or of the items of a list."""
    if isinstance(value, String) and len(value.parts) == 1 and value.parts[0] is not None:
        yield value.parts[0]
    elif isinstance(value, Items):
        for values in value.items:
            for one in values:
                if isinstance(one, String):
                    yield from texts_of(one)
