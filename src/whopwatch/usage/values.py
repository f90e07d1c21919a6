"""What an expression can be, as far as it matters for the use of the API. No data is kept."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from whopwatch.usage.api_index import Steps
from whopwatch.usage.syntax import Class, Function


@dataclass(frozen=True, slots=True)
class SdkClient:
    """An SDK client, or what is below it: `client.payments` has the chain `("payments",)`."""

    chain: Steps = ()
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """Data of the API: at `steps` of what `owner`, an operation or event, returns."""

    owner: str
    steps: Steps = ()
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The response of a request without the SDK; its body is data of `owner`."""

    owner: str
    is_guess: bool


@dataclass(frozen=True, slots=True)
class Http:
    """An HTTP client, a module of one, or one of its methods. `base` is its base address, as parts of a string."""

    base: tuple[str | None, ...] = ()
    method: str | None = None


@dataclass(frozen=True, slots=True)
class String:
    """A string; a part of None is not known."""

    parts: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """A module from elsewhere, or a name in it."""

    module: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any other value: `root` is where it comes from, `steps` what was accessed since."""

    root: int
    steps: Steps = ()


@dataclass(frozen=True, slots=True)
class Callback:
    """A function of the scanned code: its file, the variables around it, and the object it is a method of."""

    node: Function
    home: Home
    scope: Variables
    owner: Values = ()


@dataclass(frozen=True, slots=True)
class Object:
    """An instance of a class of the scanned code, or the class itself."""

    node: Class
    attributes: Variables


class WrittenName(str):
    """The name of a field or argument, with the file and line at which the code writes it.

    It equals the same name elsewhere: values that differ in the place alone are followed once.
    """

    place: tuple[str, int]

    @classmethod
    def at(cls, name: str, path: str, line: int) -> WrittenName:
        """Return the name with its place."""
        found = cls(name)
        found.place = path, line
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """A value with values within. Its weight counts them, each as often as it occurs.

    The hash is taken once: a record may contain the same record many times. No ABC: `isinstance` is ten times slower
    with one, and is called for each value.
    """

    weight: int = field(init=False)
    digest: int = field(init=False)

    def content(self) -> Hashable:
        """Return what makes two values of one class equal."""
        raise NotImplementedError

    def parts(self) -> Iterable[Values]:
        """Return the values within."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        """Count the values within, and take the hash."""
        object.__setattr__(self, "weight", 1 + sum(weight_of(one) for values in self.parts() for one in values))
        object.__setattr__(self, "digest", hash(self.content()))

    def __hash__(self) -> int:
        """Return the hash that was taken before."""
        return self.digest

    def __eq__(self, other: object) -> bool:
        """Return whether the other value has the same class and content."""
        return (
            isinstance(other, Composite)
            and type(self) is type(other)
            and self.digest == other.digest
            and self.content() == other.content()
        )


@dataclass(frozen=True, slots=True, eq=False)
class Bound(Composite):
    """Functions with some of their arguments, as `functools.partial` makes them."""

    functions: Values
    arguments: tuple[Values, ...]
    named: tuple[tuple[str, Values], ...]

    def content(self) -> Hashable:
        """Return the functions with their arguments."""
        return self.functions, self.arguments, self.named

    def parts(self) -> Iterable[Values]:
        """Return the functions and each argument."""
        return self.functions, *self.arguments, *(part for _, part in self.named)


@dataclass(frozen=True, slots=True, eq=False)
class RecordValue(Composite):
    """A record that the code makes. A key of None is not known, the key `**` what is spread into it.

    `made_at` is the node that makes an empty one, and the function around it, by their ids.
    """

    fields: tuple[tuple[str | None, Values], ...]
    made_at: tuple[int, int] | None = None

    def content(self) -> Hashable:
        """Return the fields, and where they come from."""
        return self.fields, self.made_at

    def parts(self) -> Iterable[Values]:
        """Return the value of each field."""
        return [part for _, part in self.fields]


@dataclass(frozen=True, slots=True, eq=False)
class Items(Composite):
    """A list that the code makes. `made_at` is as that of a record."""

    items: tuple[Values, ...]
    made_at: tuple[int, int] | None = None

    def content(self) -> Hashable:
        """Return the items and where they come from."""
        return self.items, self.made_at

    def parts(self) -> Iterable[Values]:
        """Return each item."""
        return self.items


Value: TypeAlias = (
    SdkClient
    | Data
    | HttpResponse
    | Http
    | String
    | Library
    | Unknown
    | Callback
    | Bound
    | Object
    | RecordValue
    | Items
)
Values: TypeAlias = tuple[Value, ...]
MAX_POSSIBLE_VALUES = 12
"""Values that one variable may have."""
MAX_VALUE_WEIGHT = 50_000
"""Values within one record or list, each counted as often as it occurs."""
MAX_UNKNOWN_STEPS = 8
"""What is accessed of a value of unknown origin, one step within the other."""
TOO_MANY = Unknown(-1)
"""Any of the values that a variable has beyond MAX_POSSIBLE_VALUES."""


@dataclass(eq=False, slots=True)
class Variables:
    """The variables of a function or file. A variable may have several values."""

    outer: Variables | None = None
    names: dict[str, Values] = field(default_factory=dict)
    set_outside: set[str] = field(default_factory=set)
    kept: dict[str, Values] = field(default_factory=dict)
    """What other functions set: code that comes before them may read it, too."""

    def holder(self, name: str) -> Variables | None:
        """Return the scope that has a variable: this one, or the nearest around it."""
        scope: Variables | None = self
        while scope is not None and name not in scope.names:
            scope = scope.outer
        return scope

    def get(self, name: str) -> Values | None:
        """Return the values of a variable, None if it is not known."""
        scope = self.holder(name)
        return scope.names[name] if scope else None

    def set(self, name: str, values: Values, *, adds: bool) -> None:
        """Give a variable values; if `adds`, it keeps the ones it has."""
        if name in self.set_outside and self.outer is not None:
            (self.outer.holder(name) or self.outer).keep(name, values)
        else:
            self.names[name] = union(values, (self.names if adds else self.kept).get(name, ()))

    def keep(self, name: str, values: Values) -> None:
        """Give a variable values that no later assignment takes from it."""
        self.kept[name] = union(self.kept.get(name, ()), values)
        self.names[name] = union(self.names.get(name, ()), values)


@dataclass(eq=False, slots=True)
class Home:
    """A file of the scanned code with its variables."""

    path: str
    scope: Variables = field(default_factory=Variables)
    uses_sdk: bool = False


def is_one_of_many(value: Value) -> bool:
    """Return whether a value is TOO_MANY, or what was accessed of it."""
    return isinstance(value, Unknown) and value.root == TOO_MANY.root


def union(*several: Values) -> Values:
    """Return all the values, each once, at most MAX_POSSIBLE_VALUES; TOO_MANY takes the place of what is left out."""
    filled = [values for values in several if values]
    if not filled:
        return ()
    if len(filled) == 1 and len(filled[0]) == 1:
        return without_too_many(filled[0])
    found = tuple(dict.fromkeys(value for values in filled for value in without_too_many(values)))
    left_out = found[MAX_POSSIBLE_VALUES:]
    if all(isinstance(value, String | Library | Unknown) and not is_one_of_many(value) for value in left_out):
        return found[:MAX_POSSIBLE_VALUES]
    return (*(value for value in found[:MAX_POSSIBLE_VALUES] if value != TOO_MANY), TOO_MANY)


def weight_of(value: Value) -> int:
    """Return the number of values that a value contains, itself included."""
    return value.weight if isinstance(value, Composite) else 1


def without_too_many(values: Values) -> Values:
    """Return the values, with TOO_MANY for records and lists that contain too much."""
    for one in values:
        if isinstance(one, Composite) and one.weight > MAX_VALUE_WEIGHT:
            return tuple(TOO_MANY if weight_of(value) > MAX_VALUE_WEIGHT else value for value in values)
    return values
