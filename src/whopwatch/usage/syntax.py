"""A small syntax tree that source code of every language is read into.

It keeps what says how data of the API flows: names, accesses, calls, functions, loops and branches. Everything else is
a `Several`: its parts are followed, its value is that of any part. Code is never executed.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Node:
    """One piece of code; `line` counts from 1."""

    line: int


@dataclass(eq=False, slots=True)
class Several(Node):
    """Parts without a meaning of their own here."""

    parts: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Name(Node):
    """A variable."""

    id: str


@dataclass(eq=False, slots=True)
class Text(Node):
    """A string; a part that is an expression (`f"/payments/{id}"`) is a node. A sum may also be of lists."""

    parts: list[str | Node]
    is_sum: bool = False


@dataclass(eq=False, slots=True)
class Access(Node):
    """A field by its name: `base.name`, `base["name"]`, `base?.name`."""

    base: Node
    name: str


@dataclass(eq=False, slots=True)
class Item(Node):
    """An item by a number or by an expression. If `is_guarded`, the code expects that there may be none."""

    base: Node
    index: Node
    is_guarded: bool = False


@dataclass(eq=False, slots=True)
class FunctionCall(Node):
    """A call. `named` holds keyword arguments; the key `**` a record that is spread.

    If `is_guarded`, the code expects that it may fail.
    """

    function: Node
    arguments: list[Node]
    named: list[tuple[str, Node]] = field(default_factory=list)
    is_guarded: bool = False


@dataclass(eq=False, slots=True)
class Record(Node):
    """A dictionary or object literal. A key of None is not a constant, the key `**` a record that is spread.

    `computed` are the keys that are expressions.
    """

    fields: list[tuple[str | None, Node]]
    computed: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Spread(Node):
    """The items of a list, as arguments or items: `*items`, `...items`. As a target, it takes the rest."""

    value: Node


@dataclass(eq=False, slots=True)
class Outer(Node):
    """Names that an assignment sets in a scope around: `global` and `nonlocal`."""

    names: list[str]


@dataclass(eq=False, slots=True)
class Enter(Node):
    """What a context manager yields."""

    value: Node


@dataclass(eq=False, slots=True)
class Sequence(Node):
    """A list or tuple literal, as a value or as a target."""

    items: list[Node]


@dataclass(eq=False, slots=True)
class Pattern(Node):
    """A target that takes fields by name: `const {id, user: {email}} = payment`. A key of None takes the rest."""

    fields: list[tuple[str | None, Node]]


@dataclass(eq=False, slots=True)
class FunctionParameter:
    """A parameter of a function; `types` are the names in its annotation.

    `takes_rest` is so for `**options`, `takes_list` for `*items`.
    """

    target: Node
    name: str | None
    types: list[str] = field(default_factory=list)
    takes_rest: bool = False
    takes_list: bool = False
    default: Node | None = None


@dataclass(eq=False, slots=True)
class Function(Node):
    """A function; the body of a lambda is a `Return`. The result of a property is what an access to it yields."""

    name: str | None
    parameters: list[FunctionParameter]
    body: list[Node]
    decorators: list[Node] = field(default_factory=list)
    is_property: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a class declares: its name, its name in data, and the names in its annotation."""

    name: str
    wire_name: str
    types: list[str]


@dataclass(eq=False, slots=True)
class Class(Node):
    """A class with its statements; methods are functions in its body. `declared` is filled when it is followed."""

    name: str
    body: list[Node]
    bases: list[Node] = field(default_factory=list)
    declared: dict[str, Field] = field(default_factory=dict)


MODULE = Class(0, "module", [])
"""What a module is an object of."""


@dataclass(eq=False, slots=True)
class Assign(Node):
    """An assignment; `value` is None for a mere annotation. If not `is_declared`, a variable around may be set."""

    target: Node
    value: Node | None
    types: list[str] = field(default_factory=list)
    is_declared: bool = True


@dataclass(eq=False, slots=True)
class Loop(Node):
    """A loop or comprehension over the items of `source`; `target` is None for `while`."""

    target: Node | None
    source: Node
    body: list[Node]


@dataclass(eq=False, slots=True)
class Return(Node):
    """A return, or the value of a lambda or comprehension."""

    value: Node | None


@dataclass(eq=False, slots=True)
class Leave(Node):
    """`raise`, `throw`, `continue` or `break`; `parts` are evaluated."""

    parts: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Import(Node):
    """Names from a module: (name there, name here). The name `*` is the module itself, `default` its default export.

    The name here is `*` if every name is taken, and `a.b` if the module becomes an attribute of the variable `a`.
    """

    module: str
    names: list[tuple[str, str]]


@dataclass(eq=False, slots=True)
class Compare(Node):
    """A comparison of `left` with each of `right`: equal to one of them, or to none if `is_negated`."""

    left: Node
    right: list[Node]
    is_negated: bool = False


@dataclass(eq=False, slots=True)
class Branch(Node):
    """`if`, and each case of `match` and `switch`."""

    test: Node
    body: list[Node]
    otherwise: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Broken(Node):
    """The first syntax error of a file that is read nevertheless."""


@dataclass(slots=True)
class SourceFile:
    """One file. `path` is as reported, `names` are what an import may call it, as `app.client`."""

    path: str
    body: list[Node]
    name: str
