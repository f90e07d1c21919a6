"""Follow imports, functions and classes of the scanned code."""

from __future__ import annotations

from collections.abc import Sequence

from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.accesses import data_within, plain_client, texts_of
from whopwatch.usage.api_index import ANY_EVENT, MODEL
from whopwatch.usage.calls import Calls
from whopwatch.usage.values import (
    MAX_UNKNOWN_STEPS,
    Callback,
    Data,
    Home,
    Http,
    Items,
    Library,
    Object,
    RecordValue,
    SdkClient,
    Unknown,
    Value,
    Values,
    Variables,
    is_one_of_many,
    union,
)

MAX_CALLS = 6
"""Calls within calls that are followed."""
MAX_RUNS = 24
"""How often one function is followed, with other arguments each time. What further calls get counts as not followed."""

MAX_GIVEN_BACK = 100
"""Values in a record or list that a function returns, among which its arguments are looked for."""


def module_name(module: str) -> str:
    """Return the last name of a module: `client` of `app.client` and of `./lib/client`, `index` of `.`."""
    return module.replace("\\", "/").rpartition("/")[2].rpartition(".")[2] or "index"


class Definitions(Calls):
    """The imports, functions and classes of one module."""

    # Imports

    def _import(self, node: s.Import, scope: Variables) -> None:
        package = node.module.partition(".")[0]
        is_sdk = package in known.SDK_PACKAGES
        self._home.uses_sdk = self._home.uses_sdk or is_sdk
        if node.module.startswith("whop_sdk.types"):
            self._recorder.sdk_part("types", self.path, node.line)
        if node.module == "whop_sdk" and any(there.endswith("Error") for there, _ in node.names):
            self._recorder.sdk_part("errors", self.path, node.line)
        own = (
            []
            if is_sdk
            else [one for one in self._shared.exports.get(module_name(node.module), []) if one != self._home.scope]
        )
        for there, here in node.names:
            if here == "*":
                self._import_all(node.module, own, scope)
            elif package in known.HTTP_MODULES:
                is_module = there in ("*", "default")
                values: Values = (Http(method=None if is_module else known.METHOD_OF_FUNCTION.get(there)),)
                scope.set(here, values, adds=False)
            elif own and there == "*":
                self._import_module(here, own, scope)
            else:
                scope.set(here.partition(".")[0], self._imported(node.module, own, there, here), adds=False)

    def _import_all(self, module: str, own: Sequence[Variables], scope: Variables) -> None:
        if module in known.SDK_PACKAGES:
            for name in known.OWN_CLIENTS:
                scope.set(name, (Library(module, name),), adds=False)
        for one in own:
            for name, values in list(one.names.items()):
                if name != "default":
                    scope.set(name, values, adds=False)

    def _import_module(self, here: str, own: Sequence[Variables], scope: Variables) -> None:
        """Set a variable to a module; `a.b` makes it an attribute of the variable `a`."""
        values: Values = tuple(Object(s.MODULE, one) for one in own)
        first, *rest = here.split(".")
        for name in reversed(rest):
            values = (RecordValue(((name, values),)),)
        scope.set(first, values, adds=bool(rest))

    def _imported(self, module: str, own: Sequence[Variables], there: str, here: str) -> Values:
        """Return what a name in a module is: of the scanned code, or of a library."""
        found = union(*[one.names.get(there, ()) for one in own])
        if not found and there == "default":
            found = union(*[one.names.get(here, ()) for one in own]) or tuple(Object(s.MODULE, one) for one in own)
        if not found and module.partition(".")[0] not in known.SDK_PACKAGES and there != "*":
            found = tuple(
                Object(s.MODULE, one) for one in self._shared.exports.get(there, []) if one != self._home.scope
            )
        return found or (() if own else (Library(module, "" if there == "*" else there),))

    # Functions

    def _function(self, node: s.Function, scope: Variables, owner: Values = ()) -> Values:
        callback = Callback(node, self._home, scope, owner)
        if node.name:
            scope.set(node.name, (callback,), adds=self._branches > 0)
        wrapped = union(*[self._decorator(decorator, callback, scope) for decorator in node.decorators])
        if node.name and wrapped:
            scope.set(node.name, wrapped, adds=True)
        result = self._run(callback, [], is_called=False)
        self._recorder.returned(id(node), tuple(data_within(result)), self.path, node.line)
        is_plain = wrapped or all(_decorator_name(one) in known.PLAIN_DECORATORS for one in node.decorators)
        if not node.is_property and not is_plain:
            self._leave([result], [], node.line)  # a framework calls it
        return (callback,)

    def _decorator(self, node: s.Node, callback: Callback, scope: Variables) -> Values:
        """Follow a decorator; return the functions that one of the scanned code makes of the decorated one."""
        parts = node.arguments if isinstance(node, s.FunctionCall) else [node]
        values = union(*[self._value(one, scope) for one in parts])
        for text in (text for value in values for text in texts_of(value)):
            if text in self.index.contract.events:
                self._recorder.operation(f"webhook:{text}", self.path, node.line)
                self._handler(text, callback)
        if isinstance(node, s.FunctionCall):
            is_own = any(isinstance(one, Callback) for one in self._value(node.function, scope))
            values = self._call(node, scope) if is_own else ()
        made = [self._run(one, [(callback,)]) for one in values if isinstance(one, Callback)]
        return tuple(one for one in union(*made) if isinstance(one, Callback) and one != callback)

    def _handler(self, event: str, callback: Callback) -> None:
        """Follow the function that a table or decorator names for an event: it gets the event or its data."""
        owner = f"webhook:{event}"
        self._run(callback, [(Data(owner), Data(owner, ("data",)))])

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
        arguments, named, unknown = self._with_own_unknowns(callback, arguments, named or {})
        extra: Values = (RecordValue(tuple(named.items())),)
        # The scope distinguishes functions that one function makes with different variables around.
        key = (id(node), id(callback.scope), (*arguments, extra), self._events)
        is_cut = len(self._active) >= MAX_CALLS or node in self._active or self._runs[id(node)] >= MAX_RUNS
        if is_called:
            self._recorder.called(id(node), is_followed=key in self._shared.done or not is_cut)
        if key in self._shared.done:
            self._recorder.given(unknown)
            return self._given_back(self._shared.done[key], unknown)
        caller, self._home = self._home, callback.home
        if is_cut:
            self._leave(arguments, list(named.items()), node.line)
            self._home = caller
            return ()
        self._recorder.given(unknown)
        self._runs[id(node)] += 1
        self._active.append(node)
        self._returns.append(())
        self._shared.scopes.append(callback.scope)  # its id is in a key
        branches, self._branches = self._branches, 0
        try:
            scope = Variables(callback.scope)
            self._bind(callback, scope, arguments, named)
            self._block(node.body, scope)
            self._shared.done[key] = result = self._returns[-1]
            return self._given_back(result, unknown)
        finally:
            self._home = caller
            self._branches = branches
            self._returns.pop()
            self._active.pop()

    def _with_own_unknowns(
        self, callback: Callback, arguments: list[Values], named: dict[str, Values]
    ) -> tuple[list[Values], dict[str, Values], dict[int, list[Unknown]]]:
        """Return the arguments with the parameter's own unknown value for others, and which ones that is for each.

        What a function does with such a value does not depend on where it comes from: it is followed once for all.
        """
        parameters = _parameters(callback)
        unknown: dict[int, list[Unknown]] = {}
        given: list[Values] = []
        for position, values in enumerate(arguments):
            if position >= len(parameters) or parameters[position].takes_list or parameters[position].takes_rest:
                given += arguments[position:]
                break
            given.append(self._own_unknown(callback.home, parameters[position], values, unknown))
        while given and not given[-1]:
            given.pop()
        by_name = {one.name: one for one in parameters if one.name and not (one.takes_list or one.takes_rest)}
        by_key: dict[str, Values] = {}
        for name, values in named.items():
            if name in by_name:
                values = self._own_unknown(callback.home, by_name[name], values, unknown)
            if values or name not in by_name:
                by_key[name] = values
        return given, by_key, unknown

    def _own_unknown(
        self, home: Home, parameter: s.FunctionParameter, values: Values, unknown: dict[int, list[Unknown]]
    ) -> Values:
        """Return the values of one argument; () if the parameter is the same without it."""
        others = [one for one in values if isinstance(one, Unknown) and not is_one_of_many(one)]
        if not others:
            return values
        own = Unknown(id(parameter))
        unknown[own.root] = others
        found = tuple(dict.fromkeys(own if one in others else one for one in values))
        is_plain = parameter.default is None and not _is_client_name(home, parameter.name or "")
        return () if found == (own,) and is_plain else found

    def _given_back(self, values: Values, unknown: dict[int, list[Unknown]]) -> Values:
        """Return what a call can return: the arguments for the parameters' own unknown values."""
        if not unknown or not values:
            return values
        found: list[Values] = []
        for one in values:
            match one:
                case Unknown() if one.root in unknown:
                    given = unknown[one.root]
                    found.append(tuple(Unknown(it.root, (*it.steps, *one.steps)[:MAX_UNKNOWN_STEPS]) for it in given))
                case Items() if one.weight < MAX_GIVEN_BACK:
                    found.append((Items(tuple(self._given_back(part, unknown) for part in one.items)),))
                case RecordValue() if one.weight < MAX_GIVEN_BACK:
                    fields = tuple((name, self._given_back(part, unknown)) for name, part in one.fields)
                    found.append((RecordValue(fields),))
                case _:
                    found.append((one,))
        return union(*found)

    def _bind(self, callback: Callback, scope: Variables, arguments: list[Values], named: dict[str, Values]) -> None:
        parameters, line = _parameters(callback), callback.node.line
        if len(parameters) < len(callback.node.parameters):
            scope.set(callback.node.parameters[0].name or "self", callback.owner, adds=False)
        if callback.owner:
            scope.set("this", callback.owner, adds=False)
        left = list(arguments)
        for parameter in parameters:
            if parameter.takes_rest:
                names = {one.name for one in parameters}
                rest = tuple((name, values) for name, values in named.items() if name not in names)
                values: Values = (RecordValue(rest),)
            elif parameter.takes_list:
                values, left = (Items(tuple(left)),), []
            else:
                given = left.pop(0) if left else named.get(parameter.name or "", ())
                if not given and parameter.name and "**" in named:
                    given = self.access(named["**"], parameter.name, line)
                values = given or self._not_given(parameter, callback.scope, line)
            self._assign(parameter.target, values, scope, line)

    def _not_given(self, parameter: s.FunctionParameter, scope: Variables, line: int) -> Values:
        """Return what a parameter can be without an argument: what its type, its default or its name says."""
        values = self._typed(parameter.types, scope, line)
        if parameter.default is not None:
            values = union(values, self._value(parameter.default, scope))
        if any(isinstance(one, SdkClient | Data) for one in values):
            return values
        if _is_client_name(self._home, parameter.name or ""):
            return (*values, SdkClient(is_guess=True))
        return (*values, Unknown(id(parameter))) if parameter.default or not values else values

    # Types and classes

    def _typed(self, types: list[str], scope: Variables, line: int) -> Values:
        """Return what an annotation says: a client, or a model of the SDK."""
        found: list[Value] = []
        for text in types:
            name = text.removesuffix("[]")
            named = scope.get(name) or ()
            found += [one for one in named if isinstance(one, Object) and one.node is not s.MODULE]
            sdk = [one for one in named if isinstance(one, Library) and one.module in known.SDK_PACKAGES]
            is_client = any(one.name in (*known.CLIENTS, "default") for one in sdk)
            if name in known.OWN_CLIENTS or is_client:
                found.append(SdkClient())
            elif name == "UnwrapWebhookEvent":
                found.append(Data(ANY_EVENT))
            elif name in self.index.models and self._home.uses_sdk:
                model = Data(f"{MODEL}{name}")
                owner, *others = {owner for owner, _ in self.index.models[name]}
                if not others and owner.startswith("webhook:"):
                    self._recorder.operation(owner, self.path, line)
                    model = Data(owner)
                found.append(Items(((model,),)) if text.endswith("[]") else model)
        return tuple(found)

    def _class(self, node: s.Class, scope: Variables) -> Values:
        known_before = [one for one in scope.names.get(node.name, ()) if isinstance(one, Object) and one.node is node]
        made = known_before[0] if known_before else Object(node, Variables(scope))
        own = made.attributes
        bases = union(*[self._value(one, scope) for one in node.bases])
        # A class that extends a client is made, and has its methods, like the client.
        clients = tuple(one for one in bases if isinstance(one, Http) or _is_sdk_client(one))
        scope.set(node.name, (made, *clients), adds=False)
        owner = (made, *[one if isinstance(one, Http) else SdkClient() for one in clients])
        for base in bases:
            if isinstance(base, Object) and base.node is not node:
                node.declared.update({**base.node.declared, **node.declared})
                for name, values in list(base.attributes.names.items()):
                    own.names.setdefault(name, values)
        own.set("this", owner, adds=False)
        for part in node.body:
            if isinstance(part, s.Function):
                self._function(part, own, owner)
                continue
            self._value(part, own)
            if isinstance(part, s.Assign) and isinstance(part.target, s.Name):
                self._declare(node, part, part.target.id)
        for event in (one for field in node.declared.values() for one in field.types):
            if event in self.index.contract.events:  # a model of one event: `type: Literal["payment.succeeded"]`
                self._recorder.operation(f"webhook:{event}", self.path, node.line)
                self._fill(made, (Data(f"webhook:{event}"),), node.line)
        return (made, *clients)

    def _declare(self, node: s.Class, part: s.Assign, name: str) -> None:
        """Note a field that a class declares: `state: str = Field(alias="status")`."""
        call = part.value if isinstance(part.value, s.FunctionCall) else None
        aliases = [value for key, value in (call.named if call else []) if key in known.ALIASES]
        texts = [one.parts[0] for one in aliases if isinstance(one, s.Text) and one.parts]
        if part.types or call:
            alias = next((text for text in texts if isinstance(text, str)), name)
            node.declared[name] = s.Field(name, alias, part.types)


def _is_sdk_client(value: Value) -> bool:
    names = (*known.CLIENTS, "default")
    return isinstance(value, Library) and value.module in known.SDK_PACKAGES and value.name in names


def _is_client_name(home: Home, name: str) -> bool:
    """Return whether a parameter is taken for a client by its name."""
    return plain_client(name) or (home.uses_sdk and name == "client")


def _parameters(callback: Callback) -> list[s.FunctionParameter]:
    """Return the parameters of a function, of a method without `self`."""
    parameters = callback.node.parameters
    return parameters[1:] if callback.owner and parameters and parameters[0].name in ("self", "cls") else parameters


def _decorator_name(node: s.Node) -> str:
    """Return the last name of a decorator: `lru_cache` of `@functools.lru_cache(maxsize=1)`."""
    inner = node.function if isinstance(node, s.FunctionCall) else node
    return inner.name if isinstance(inner, s.Access) else inner.id if isinstance(inner, s.Name) else ""
