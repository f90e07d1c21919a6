"""Follow calls: of the SDK, of HTTP clients, of the scanned code's own functions, and of known libraries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from whopwatch.contract.mcp_tools import MCP_PREFIX
from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.accesses import Accesses, texts_of
from whopwatch.usage.api_index import ANY_EVENT
from whopwatch.usage.profile import COMPUTED_NAME
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
    Unknown,
    Value,
    Values,
    Variables,
    WrittenName,
    union,
)


class Calls(Accesses):
    """The calls of one module."""

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


def _pairs(records: list[RecordValue]) -> Iterator[tuple[str | None, Values]]:
    for record in records:
        yield from record.fields
