"""Follow calls: of the SDK, of HTTP clients, of the scanned code's own functions, and of known libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from whopwatch.contract.mcp_tools import MCP_PREFIX
from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.accesses import spread_fields, texts_of
from whopwatch.usage.api_index import ANY_EVENT
from whopwatch.usage.profile import COMPUTED_NAME
from whopwatch.usage.shapes import Shapes
from whopwatch.usage.values import (
    MAX_POSSIBLE_VALUES,
    Bound,
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
    union,
)

_FORMAT_FIELD = re.compile(r"\{(\w*)((?:\.\w+|\[\w+\])*)")
"""A field of a format string: the argument, and what is read of it."""


class Calls(Shapes):
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
        arguments, named = self._spread(node.arguments, scope), self._named(node, scope)
        handed = self._handed_over(name or getattr(function, "id", ""), base, arguments, node)
        if handed is not None:
            return handed
        if name in known.BEGINS_WITH:
            texts = tuple(text for values in arguments for one in values for text in texts_of(one) if "." in text)
            self._tested(
                base, [one for one in self.index.contract.events if texts and one.startswith(texts)], node.line
            )
        if name in known.CALLS_TOOL:
            self._tool_call(arguments, named, node.line)
        for key in (one for part, values in named if part == "key" and base for one in values):
            self._called(key, [self._items(base)], [], node)
        found = [self._method(value, name, arguments, node.line) for value in self._narrowed_values(base)]
        self._note_too_many(callee, node.line)
        found += [self._called(value, arguments, named, node) for value in callee]
        if isinstance(function, s.Access):
            self._change(function, arguments, scope, node.line)
            if not callee and not any(found) and all(isinstance(one, String) for one in base):
                self._given_to_text(base, name, arguments, named, node.line)
        result = union(*found)
        if not result and not callee and not base:
            return (Unknown(id(node)),)
        is_data = any(
            isinstance(value, Data | HttpResponse | SdkClient | Object | Callback) for value in (*base, *callee)
        )
        return result or (() if is_data else (Unknown(id(node)),))

    def _spread(self, nodes: list[s.Node], scope: Variables) -> list[Values]:
        """Return the values of arguments or items; `*items` gives the known ones, else one for all of them."""
        found: list[Values] = []
        for node in nodes:
            values = self._value(node.value if isinstance(node, s.Spread) else node, scope)
            known_items = next((one.items for one in values if isinstance(one, Items)), None)
            if not isinstance(node, s.Spread):
                found.append(values)
            elif known_items is not None and len(values) == 1:
                found += known_items
            else:
                found.append(self._items(values))
        return found

    def _named(self, node: s.FunctionCall, scope: Variables) -> list[tuple[str, Values]]:
        found: list[tuple[str, Values]] = []
        for key, value in node.named:
            values = self._value(value, scope)
            if key == "**":
                found += [(name or "**", part) for name, part in spread_fields(values)]
            else:
                found.append((WrittenName.at(key, self.path, value.line), values))
        return found

    def _handed_over(self, name: str, base: Values, arguments: list[Values], node: s.FunctionCall) -> Values | None:
        """Return the result of a call that calls a function among its arguments; None if it is no such call."""
        if name == "bind" and any(isinstance(one, SdkClient | Callback) for one in base):
            return base
        if name in known.MAKES_TASK and base and arguments:
            return arguments[0]
        is_map = name == "map" and len(arguments) > 1
        if name not in known.CALLS_ARGUMENT and not (is_map and base):
            return None
        for position, values in enumerate(arguments):
            functions = [one for one in values if isinstance(one, Callback | Bound | SdkClient)]
            rest = arguments[position + 1 :]
            given = [self._items(rest[0])] if is_map and rest else rest
            if functions:
                result = union(*[self._called(one, given, [], node) for one in functions])
                return (Items((result,)),) if is_map else result
        return None

    # Methods and functions

    def _given_to_text(
        self, base: Values, name: str, arguments: list[Values], named: list[tuple[str, Values]], line: int
    ) -> None:
        """Note what a method of a string reads of its arguments: a format string names it, others may read all."""
        texts = [text for one in base for text in texts_of(one)] if name == "format" else []
        for key, steps in (found.groups() for text in texts for found in _FORMAT_FIELD.finditer(text)):
            number = int(key or 0) if key.isdecimal() or not key else -1
            values = arguments[number] if 0 <= number < len(arguments) else dict(named).get(key, ())
            if not values and "**" in dict(named):
                values = self.access(dict(named)["**"], key, line)
            for step in filter(None, re.split(r"[.\[\]]+", steps)):
                values = self.access(values, step, line)
        if not texts:
            self._leave(arguments, named, line)

    def _method(self, value: Value, name: str, arguments: list[Values], line: int) -> Values:
        """Return the result of a method that data, lists and unknown values have in each language."""
        first: Values = arguments[0] if arguments else ()
        if name in ("get", "pop", "setdefault") and first and isinstance(value, Data | Unknown | RecordValue):
            keys = [text for one in first for text in texts_of(one)]
            if not keys and isinstance(value, Data):
                self._any_field(value, line)
            return union(*[self.access((value,), key, line) for key in keys]) if keys else self._items((value,))
        if isinstance(value, RecordValue | Items | Object) and name in known.READS_SHAPE:
            self._fill(value, first, line)
            transforms = self._shared.transforms.get(value, ()) if isinstance(value, RecordValue) else ()
            for one in transforms:
                first = self._run(one, [first])
            is_result = name.startswith("safe")
            result = union(first, (value,) if isinstance(value, Object) else ())
            return (RecordValue((("data", result),)),) if is_result else result
        if isinstance(value, Object) and name in known.WRITES_RECORD:
            return _as_record(value)
        if isinstance(value, RecordValue):
            if name == "transform":  # of a schema: it gets what the schema reads
                self._shared.transforms[value] = tuple(one for one in first if isinstance(one, Callback))
            return self._record_method(value, name)
        callbacks = [one for one in first if isinstance(one, Callback)]
        if name in ("then", "finally", "catch") and callbacks:
            return union(*[self._run(one, [(value,)] if name == "then" else []) for one in callbacks])
        if name == "then" and arguments:
            self._leave([(value,)], [], line)
        if not isinstance(value, Data | Items | Unknown):
            return ()
        items = self._items((value,))
        if name in known.CALL_WITH_ITEMS and callbacks:
            start = union(*arguments[1:2])
            given = [start, items] if name in ("reduce", "reduceRight") else [items]
            results = union(*[self._run(one, given) for one in callbacks])
            if name == "flatMap":
                return (Items((union(self._items(results), results),)),)
            if name == "map":
                return (Items((results,)),)
            return items if name == "find" else results if name.startswith("reduce") else (value,)
        if name in known.ONE_ITEM or (name == "get" and isinstance(value, Items)):
            return items
        if isinstance(value, Data) and name in known.READS_WHOLE:
            self._recorder.whole(value, self.path, line)
            return (value,) if name in known.WRITES_DATA else ()
        if isinstance(value, Items) and name in known.SAME_SHAPE:
            return (value,)
        return (value,) if name in known.SAME_LIST else ()

    def _called(
        self, value: Value, arguments: list[Values], named: list[tuple[str, Values]], node: s.FunctionCall
    ) -> Values:
        match value:
            case SdkClient():
                return self._sdk_call(value, arguments, named, node)
            case Callback():
                return self._run(value, self._given_event(value, arguments), dict(named))
            case Bound():
                given, more = [*value.arguments, *arguments], [*value.named, *named]
                return union(*[self._called(one, given, more, node) for one in value.functions])
            case Object(s.MODULE, module) if "default" in module.names:  # `require("./routes")(app)`
                own = [one for one in module.names["default"] if not (isinstance(one, Object) and one.node is s.MODULE)]
                return union(*[self._called(one, arguments, named, node) for one in own])
            case Object():
                return self._construct(value, arguments, named, node.line, is_guarded=node.is_guarded)
            case Data() | HttpResponse() if isinstance(node.function, s.Access):
                if node.function.name in known.ALL_PAGES:
                    return (Items(((value,),)),)
                return (value,) if node.function.name in known.SAME_DATA | known.BODY_OF_RESPONSE else ()
            case Http():
                return self._http_call(value, arguments, named, node)
            case Library():
                return self._library_call(value, arguments, named, node)
            case Unknown() if value.steps and value.steps[-1] in known.METHOD_OF_FUNCTION:
                if any(isinstance(one, Callback) for values in arguments for one in values):
                    return ()  # a route of the user's own server
                method = known.METHOD_OF_FUNCTION[value.steps[-1]]
                return self._requested(Http((None,), method), arguments, named, node.line, is_sure=False)
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
        if value.method is None and isinstance(node.function, s.Name) and node.function.id[:1].islower():
            value = Http(value.base, "GET")  # `axios({url})`, `got(url)`, a fetch that is imported
        if value.method is None:
            return self._requests.client(value, arguments, named)
        return self._requested(value, arguments, named, node.line, is_sure=True)

    def _requested(
        self, http: Http, arguments: list[Values], named: list[tuple[str, Values]], line: int, *, is_sure: bool
    ) -> Values:
        """Return the response to a request; what a request to elsewhere sends leaves the code."""
        found = self._requests.http(http, arguments, named, self.path, line, is_sure=is_sure)
        if not found:
            self._leave(arguments, named, line)
        return found

    def _library_call(
        self, value: Library, arguments: list[Values], named: list[tuple[str, Values]], node: s.FunctionCall
    ) -> Values:
        name = value.name or value.module
        package = value.module.partition(".")[0]
        if package in known.SDK_PACKAGES and name in (*known.CLIENTS, "default", "*", value.module):
            self._recorder.sdk_part("client", self.path, node.line)
            return (SdkClient(),)
        first: Values = arguments[0] if arguments else ()
        made = self._made_by(name, package, arguments, named, node)
        if made is not None:
            return made
        for key in (one for part, values in named if part == "key" for one in values):
            self._called(key, [self._items(first)], [], node)
        if name in known.WRITES_JSON:
            self._leave(arguments, named, node.line)
            return first
        is_standard = package in known.STANDARD_MODULES
        if is_standard and name in known.ITERATES:
            self._note_pages(union(*arguments), node.line)
        if is_standard and name in known.SAME_AS_ARGUMENT:
            if name in known.EVERY_FIELD:
                self._any_fields(first, node.line)
                first = union(
                    *[self._record_method(one, name) if isinstance(one, RecordValue) else (one,) for one in first]
                )
            if name == "gather":
                return (Items(tuple(arguments)),)
            if name in known.WRITES_RECORD:
                first = union(*[_as_record(one) if isinstance(one, Object) else (one,) for one in first])
            return union(*arguments) if name in ("run", "all", "cast", "assign") else first
        over = self._over_items(name, arguments, node)
        if over is not None:
            return over
        if name in ("getattr", "get", "hasattr", "pick"):
            return self._getattr(arguments, node.line)
        if is_standard and (name in known.READS_NO_FIELD or value.module in known.READS_NO_FIELD):
            return ()
        given = [*arguments, *(values for _, values in named)]
        shapes = [one for values in given for one in values if isinstance(one, Object) and one.node.declared]
        for shape in shapes:
            self._fill(shape, tuple(one for values in given for one in values if one not in shapes), node.line)
        found = self._requests.http(Http(method="GET"), arguments, named, self.path, node.line, is_sure=None)
        if not found:
            self._leave(arguments, named, node.line)
        return found or tuple(shapes)

    def _over_items(self, name: str, arguments: list[Values], node: s.FunctionCall) -> Values | None:
        """Return the result of a function over the items of lists; None if it is none of the known ones."""
        first: Values = arguments[0] if arguments else ()
        if name in ("next", "min", "max"):
            return self._items(first)
        if name in ("enumerate", "zip"):
            counted: tuple[Values, ...] = ((),) if name == "enumerate" else ()
            lists = arguments[:1] if name == "enumerate" else arguments
            return (Items(((Items((*counted, *map(self._items, lists))),),)),)
        if name in ("map", "filter", "reduce") and len(arguments) > 1:
            start = [union(*arguments[2:3])] if name == "reduce" else []
            results = union(*[self._called(one, [*start, self._items(arguments[1])], [], node) for one in first])
            return results if name == "reduce" else (Items((results,)),) if name == "map" else arguments[1]
        if name == "from_iterable":
            return (Items((self._items(self._items(first)),)),)
        if name == "groupby":
            for key in union(*arguments[1:2]):
                self._called(key, [self._items(first)], [], node)
            return (Items(((Items(((), (Items((self._items(first),)),))),),)),)
        return None

    def _made_by(
        self,
        name: str,
        package: str,
        arguments: list[Values],
        named: list[tuple[str, Values]],
        node: s.FunctionCall,
    ) -> Values | None:
        """Return the record, list, schema or function that a known function makes; None if it makes none."""
        first: Values = arguments[0] if arguments else ()
        if name == "dict":
            if first and not named and not any(isinstance(one, RecordValue) for one in first):
                return first
            fields = (*(spread_fields(first) if first else ()), *named)
            return (RecordValue(fields),) if fields else self._new_record(node)
        if name in known.MAKES_RECORD:
            items = self._items(self._items(first))
            return (RecordValue(((None, items),)),) if items else self._new_record(node)
        if name in known.MAKES_QUEUE or (name in known.MAKES_LIST and not arguments):
            return self._new_list(node)
        if name in known.MAKES_QUERY and not arguments:
            return self._new_record(node)
        factories = [one for key, values in named if key == "default_factory" for one in values]
        if factories:
            return union(*[self._called(one, [], [], node) for one in factories])
        if name == "partial" and package in ("", "functools"):
            return (Bound(first, tuple(arguments[1:]), tuple(named)),)
        if name in ("attrgetter", "itemgetter"):
            return (Callback(self._getter(node, arguments), self._home, Variables()),)
        if package in known.SCHEMAS and name in ("object", "array", "literal"):
            return (Items((first,)),) if name == "array" else first
        if package in known.SCHEMAS and name in ("union", "discriminatedUnion"):
            return self._items(arguments[-1]) if arguments else ()
        return None

    def _getattr(self, arguments: list[Values], line: int) -> Values:
        first: Values = arguments[0] if arguments else ()
        names = [text for one in (arguments[1] if len(arguments) > 1 else ()) for text in texts_of(one)]
        if not names and any(isinstance(one, SdkClient) for one in first):
            self._recorder.call(self.path, line, COMPUTED_NAME)
        if not names or len(names) >= MAX_POSSIBLE_VALUES:
            self._any_fields(first, line)
        return union(*[self._at_path(first, name, line) for name in names])

    def _at_path(self, values: Values, path: str, line: int) -> Values:
        for name in path.split("."):
            values = self.access(values, name, line)
        return values


def _pairs(records: list[RecordValue]) -> Iterator[tuple[str | None, Values]]:
    for record in records:
        yield from record.fields


def _as_record(made: Object) -> Values:
    """Return the declared fields of an object as a record; the object itself if its class declares none."""
    fields = [(field.wire_name, made.attributes.names.get(field.name, ())) for field in made.node.declared.values()]
    return (RecordValue(tuple(fields)),) if fields else (made,)
