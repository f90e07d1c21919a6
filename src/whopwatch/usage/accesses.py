"""Read fields of what an expression can be, with what the branches around it say, and note the fields of the API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from whopwatch.usage import known_names as known
from whopwatch.usage import syntax as s
from whopwatch.usage.api_index import ANY_EVENT, ApiIndex
from whopwatch.usage.profile import LOST_CLIENT, TOO_COMPLEX
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.requests import RequestReader
from whopwatch.usage.values import (
    MAX_POSSIBLE_VALUES,
    MAX_UNKNOWN_STEPS,
    Callback,
    Composite,
    Data,
    Home,
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
    is_one_of_many,
    union,
)

Compared = list[tuple[Data, list[str], bool]]
"""What one test compares: enum fields, the constant strings, and whether they are excluded."""


MAX_CODE_STEPS = 400_000
"""What is evaluated for one file: pieces of code, and values of which a field is read."""


class TooComplexError(Exception):
    """A file needs more than MAX_CODE_STEPS."""


Run = tuple[int, int, tuple[Values, ...], tuple[str, ...]]
"""A function with the values that it gets: its id, that of the variables around it, its arguments, and the event."""


@dataclass
class Round:
    """What all modules share while they are followed once."""

    index: ApiIndex
    recorder: Recorder
    exports: dict[str, list[Variables]]
    added: dict[int, Values]
    """What other functions add to a list or record that is made empty, by the id of its node; of all rounds."""
    done: dict[Run, Values] = field(default_factory=dict)
    scopes: list[Variables] = field(default_factory=list)
    """The variables whose ids are in `done`."""
    left: dict[tuple[Object, str, int], None] = field(default_factory=dict)
    """Objects that went to code that is not followed, with the file and line."""
    transforms: dict[RecordValue, tuple[Callback, ...]] = field(default_factory=dict)
    made: dict[int, s.Function] = field(default_factory=dict)

    def finish(self) -> None:
        """Note the data in objects that went to code that is not followed, once for each object."""
        reached: dict[Object, list[Data]] = {}
        for one, path, line in self.left:
            if one not in reached:
                reached[one] = list(data_within((one,)))
            for data in reached[one]:
                self.recorder.whole(data, path, line)


class Accesses(ABC):
    """What is known while one module is followed: the accesses to values, and the branches around them."""

    def __init__(self, module: s.SourceFile, home: Home, shared: Round) -> None:
        self.index = shared.index
        self._module = module
        self._home = home
        self._shared = shared
        self._recorder = shared.recorder
        self._requests = RequestReader(shared.index, shared.recorder)
        self._steps = 0
        self._depth = 0
        self._branches = 0
        self._loops = 0
        self._handlers: dict[int, tuple[str, Callback]] = {}
        self._active: list[s.Function] = []
        self._runs: Counter[int] = Counter()
        self._filling: list[s.Class | Value] = []
        self._returns: list[Values] = []
        self._narrowed: dict[tuple[int, tuple[str, ...]], tuple[str, ...]] = {}
        self._events: tuple[str, ...] = ()
        self._tests: list[tuple[Value, tuple[str, ...], bool]] = []
        self._compared: Compared = []
        self._chains: dict[int, tuple[int, list[Compared]]] = {}
        self._has_default: set[int] = set()
        self._next_test: dict[int, int] = {}

    @property
    def path(self) -> str:
        """The file of the function that is followed."""
        return self._home.path

    @abstractmethod
    def _value(self, node: s.Node, scope: Variables) -> Values:
        """Follow any node and return what it can be."""

    @abstractmethod
    def _run(
        self,
        callback: Callback,
        arguments: list[Values],
        named: dict[str, Values] | None = None,
        *,
        is_called: bool = True,
    ) -> Values:
        """Follow a function with the values of its arguments and return what it can return."""

    @abstractmethod
    def _assign(self, target: s.Node, values: Values, scope: Variables, line: int) -> None:
        """Give a target its values."""

    @abstractmethod
    def _typed(self, types: list[str], scope: Variables, line: int) -> Values:
        """Return what an annotation says."""

    @abstractmethod
    def _block(self, body: Sequence[s.Node], scope: Variables) -> Values:
        """Follow statements."""

    def _branch(self, node: s.Branch, scope: Variables) -> Values:
        tests, self._tests = self._tests, []
        compared, self._compared = self._compared, []
        self._value(node.test, scope)
        found, self._tests = self._tests, tests
        own, self._compared = self._compared, compared
        if node.body and all(_sets(one) & scope.names.keys() for one in node.body):
            self._has_default.add(id(node))  # what it sets had a value before
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

    def _find_default(self, node: s.Node, following: s.Node) -> None:
        """Note branches that all leave the block: the statements after them are their default.

        If the next statement is a branch, too, it is the next part of the chain.
        """
        branch: s.Node | None = node.parts[-1] if isinstance(node, s.Several) and node.parts else node
        while isinstance(branch, s.Branch) and branch.body and isinstance(last_of(branch.body), s.Return | s.Leave):
            if not branch.otherwise and isinstance(following, s.Branch):
                self._next_test[id(branch)] = id(following)
            elif not branch.otherwise:
                self._has_default.add(id(branch))
            branch = branch.otherwise[0] if len(branch.otherwise) == 1 else None

    def _enum_branch(self, node: s.Branch, compared: Compared) -> None:
        """Note what a chain of branches over an enum handles, if its last branch has no default."""
        line, before = self._chains.pop(id(node), (node.line, []))
        chain = [*before, compared]
        if len(node.otherwise) == 1 and isinstance(node.otherwise[0], s.Branch):
            self._chains[id(node.otherwise[0])] = line, chain
        elif id(node) in self._next_test:
            self._chains[self._next_test[id(node)]] = line, chain
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
        for data in (one for values in right for one in values if isinstance(one, Data)):
            below = self.index.node(data.owner, data.steps)
            if below is not None and below.fields:  # `"status" in payment`
                for name in texts:
                    self.access((data,), name, node.line)
        for value in left:
            if isinstance(value, Data) and self._is_enum(value):
                self._compared.append((value, texts, node.is_negated))
        events = [text for text in texts if text in self.index.contract.events]
        self._tested(left, events, node.line, is_negated=node.is_negated)
        return ()

    def _tested(self, values: Values, names: Sequence[str], line: int, *, is_negated: bool = False) -> None:
        """Note that values are tested for being the names of events."""
        events = tuple(f"webhook:{name}" for name in names)
        for event in events:
            self._recorder.operation(event, self.path, line)
        for value in values if events else ():
            if isinstance(value, Unknown) and value.steps:
                self._recorder.event_root(value.root, value.steps[:-1])
                self._tests.append((value, events, is_negated))
            elif isinstance(value, Data) and value.owner == ANY_EVENT:
                self._tests.append((value, events, is_negated))

    def _spend(self, steps: int) -> None:
        """Count what is evaluated. Raise TooComplexError if it is too much for one file."""
        self._steps += steps
        if self._steps > MAX_CODE_STEPS:
            raise TooComplexError

    def access(self, values: Values, name: str, line: int) -> Values:
        """Return the field `name` of any of the values, and note the fields of the API that are read."""
        self._spend(len(values))
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
                below = value if same else SdkClient((*value.chain, name), value.is_guess)
                operation = self.index.method(below.chain) if below.chain else None
                if operation is not None:  # here, although another place may call it
                    self._recorder.operation(operation.id, self.path, line, is_guess=value.is_guess)
                return (below,)
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
                return (Unknown(value.root, (*value.steps, name)),) if len(value.steps) < MAX_UNKNOWN_STEPS else ()
            case Object():
                found = value.attributes.names.get(name)
                if found is None:
                    return (SdkClient(is_guess=True),) if plain_client(name) else ()
                return union(*[self._property(one) for one in found])
            case RecordValue():
                exact = [values for key, values in value.fields if key == name]
                spread = [self.access(values, name, line) for key, values in value.fields if key == "**"]
                return union(*(exact or [*spread, *(values for key, values in value.fields if key is None)]))
        return ()

    def _property(self, value: Value) -> Values:
        is_property = isinstance(value, Callback) and value.node.is_property
        return self._run(value, []) if isinstance(value, Callback) and is_property else (value,)

    def _data_field(self, value: Data, name: str, line: int) -> Values:
        operation = self.index.contract.operations.get(value.owner)
        if self._home.uses_sdk and name in known.PARTS_OF_PAGE and not value.steps and operation and operation.is_list:
            self._recorder.sdk_part("page", self.path, line)
        if self._home.uses_sdk and name in known.MODEL_METHODS:
            self._recorder.sdk_part("models", self.path, line)
        if name in known.NEXT_PAGE:
            self._note_pages((value,), line)
        if name in known.SAME_DATA:
            return (value,)
        steps = (*value.steps, name)
        if value.owner != ANY_EVENT and not self.index.has_field(value.owner, steps):
            return ()
        self._recorder.field(value.owner, steps, self.path, line, is_guess=value.is_guess)
        return (Data(value.owner, steps, value.is_guess),)

    def _note_pages(self, values: Values, line: int) -> None:
        """Note which of the values that the code iterates over are pages of the SDK: it walks through all pages."""
        for value in values:
            if isinstance(value, Data):
                self._recorder.pages(value, self.path, line)

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
                case Object():
                    found.append((value,))
                case Unknown():
                    found.append(
                        (Unknown(value.root, (*value.steps, "*")),) if len(value.steps) < MAX_UNKNOWN_STEPS else ()
                    )
        return union(*found)

    def _item(self, node: s.Item, base: Values, index: Values) -> Values:
        """Return an item by a number or by an expression. A name that is not known may be that of any field."""
        names = [text for one in index for text in texts_of(one)]
        is_number = isinstance(node.index, s.Several) and not node.index.parts
        found: list[Values] = []
        for value in self._narrowed_values(base):
            if isinstance(value, Library):
                found.append(tuple(one for one in index if isinstance(one, Object)))  # `list[Payment]`
            elif isinstance(value, Object):
                getters = [one for one in value.attributes.names.get("__getitem__", ()) if isinstance(one, Callback)]
                found += [self._run(one, [index]) for one in getters] or [(value,)]
            elif names:
                found += [self.access((value,), name, node.line) for name in names]
            else:
                if isinstance(value, RecordValue) and not node.is_guarded:
                    self._looked_up(index, [name for name, _ in value.fields], node.line)
                if isinstance(value, Data) and not is_number:
                    self._any_field(value, node.line)
                found.append(self._items((value,)))
        if len(names) >= MAX_POSSIBLE_VALUES:
            self._any_fields(base, node.line)
        return union(*found)

    def _looked_up(self, values: Values, names: Sequence[str | None], line: int) -> None:
        """Note that a record or an enum of the code, with these names, handles the values of an enum of the API."""
        constants = [name for name in names if name is not None and name != "**"]
        for value in values:
            if isinstance(value, Data) and len(constants) == len(names) > 1 and self._is_enum(value):
                self._recorder.handled(value, constants, self.path, line)

    def _is_enum(self, value: Data) -> bool:
        node = self.index.node(value.owner, value.steps)
        return node is not None and bool(node.known_values)

    def _any_fields(self, values: Values, line: int) -> None:
        for value in self._narrowed_values(values):
            if isinstance(value, Data):
                self._any_field(value, line)

    def _any_field(self, value: Data, line: int) -> None:
        """Note that any field of an object is read, by a name that is not known."""
        if self.item_of(value) == value:
            self._recorder.whole(value, self.path, line)

    def item_of(self, value: Data) -> Data:
        """Return an item of a page or an array; of anything else, the value itself."""
        node = self.index.node(value.owner, value.steps)
        if node is not None and node.items is not None:
            return Data(value.owner, (*value.steps, "*"), value.is_guess)
        if node is not None and {"data", "page_info"} <= node.fields.keys():
            return Data(value.owner, (*value.steps, "data", "*"), value.is_guess)
        return value

    def _leave(self, arguments: list[Values], named: list[tuple[str, Values]], line: int) -> None:
        """Note data that goes to code that is not followed."""
        given = union(*arguments, *[values for _, values in named])
        objects: list[Object] = []
        within = list(_within(given, objects))
        self._shared.left |= dict.fromkeys((one, self.path, line) for one in objects)
        self._note_too_many(tuple(one for one in within if isinstance(one, Unknown)), line)
        for value in self._narrowed_values(given):
            if isinstance(value, SdkClient) and not value.is_guess:
                self._recorder.not_followed(self.path, line, LOST_CLIENT)
        for value in self._narrowed_values(tuple(one for one in within if isinstance(one, Data))):
            if isinstance(value, Data):
                self._recorder.whole(value, self.path, line)


def data_within(values: Values) -> Iterator[Data]:
    """Yield the data in values, also in records, lists and objects that hold it."""
    yield from (one for one in _within(values) if isinstance(one, Data))


def _within(values: Values, objects: list[Object] | None = None) -> Iterator[Data | Unknown]:
    """Yield the data in values, and what takes the place of values that are too many.

    Objects are added to `objects`, if it is given; else what they hold is yielded, too.
    """
    todo, seen = list(values), set(values)
    while todo:
        value = todo.pop()
        inner: list[Values] = []
        match value:
            case Data():
                yield value
            case Unknown() if is_one_of_many(value):
                yield value
            case HttpResponse():
                yield Data(value.owner, (), value.is_guess)
            case Composite():
                inner = list(value.parts())
            case Object() if objects is not None:
                objects.append(value)
            case Object() if value.node is not s.MODULE:  # a module reaches all other modules
                inner = list(value.attributes.names.values())
        new = dict.fromkeys(one for part in inner for one in part if one not in seen)
        seen.update(new)
        todo += new


def texts_of(value: Value) -> Iterator[str]:
    """Yield the constant strings of a value or of the items of a list."""
    if isinstance(value, String) and len(value.parts) == 1 and value.parts[0] is not None:
        yield value.parts[0]
    elif isinstance(value, Items):
        for values in value.items:
            for one in values:
                if isinstance(one, String):
                    yield from texts_of(one)


def plain_client(name: str) -> bool:
    """Return whether a name is one that clients of the SDK have."""
    return name.replace("_", "").lower() in known.CLIENT_NAMES


def last_of(body: list[s.Node]) -> s.Node:
    """Return the last statement, within blocks."""
    last = body[-1]
    while isinstance(last, s.Several) and last.parts:
        last = last.parts[-1]
    return last


def spread_fields(values: Values) -> list[tuple[str | None, Values]]:
    """Return the fields that `**values` gives to a record or call; the key `**` keeps what has unknown fields."""
    fields = [field for one in values if isinstance(one, RecordValue) for field in one.fields]
    rest = tuple(one for one in values if not isinstance(one, RecordValue))
    return [*fields, ("**", rest)] if rest or not values else fields


def is_informative(value: Value) -> bool:
    """Return whether a value says more than an annotation can."""
    return not isinstance(value, Unknown | Library | String)


def _sets(node: s.Node) -> set[str]:
    """Return the variable that a statement sets, if it does nothing else."""
    return {node.target.id} if isinstance(node, s.Assign) and isinstance(node.target, s.Name) else set()
