"""Read TypeScript and JavaScript source into the syntax tree, with tree-sitter: nothing is executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from whopwatch.usage import syntax as s

_TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())
_TSX = Language(tree_sitter_typescript.language_tsx())
_IGNORED = frozenset(
    {"comment", "type_annotation", "type_alias_declaration", "interface_declaration", "type_arguments", "decorator"}
)
_INNER = frozenset(
    {"await_expression", "parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"}
    | {"expression_statement", "type_assertion", "jsx_expression", "extends_clause"}
)
"""Nodes whose first child is what matters."""
_EQUAL, _DIFFERENT = frozenset({"==", "===", "in"}), frozenset({"!=", "!=="})


def read_typescript(source: str) -> list[s.Node]:
    """Return the statements of a TypeScript file. Raise SyntaxError if nothing of it can be parsed."""
    return _read(source, _TYPESCRIPT)


def read_javascript(source: str) -> list[s.Node]:
    """Return the statements of a JavaScript, JSX or TSX file. Raise SyntaxError if nothing of it can be parsed."""
    return _read(source, _TSX)


def _read(source: str, language: Language) -> list[s.Node]:
    root = Parser(language).parse(source.encode("utf-8", "surrogatepass")).root_node
    if root.type == "ERROR":
        raise SyntaxError("no statements")
    error = _first_error(root)
    return [*([s.Broken(_line(error))] if error else []), *_all(root.named_children)]


def _first_error(root: Node) -> Node | None:
    node: Node | None = root if root.has_error else None
    while node is not None and node.type != "ERROR" and not node.is_missing:
        node = next((child for child in node.children if child.has_error or child.is_missing), None)
    return node


def _all(nodes: Iterable[Node]) -> list[s.Node]:
    return [_node(node) for node in nodes if node.type not in _IGNORED]


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _words(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", "replace") if node else ""


def _node(node: Node) -> s.Node:
    reader = _READERS.get(node.type)
    if reader is not None:
        return reader(node)
    children = _all(node.named_children)
    if node.type in _INNER and children:
        return children[0]
    return s.Several(_line(node), children)


def _field(node: Node, name: str) -> s.Node:
    found = node.child_by_field_name(name)
    return _node(found) if found else s.Several(_line(node))


def _body(node: Node | None) -> list[s.Node]:
    if node is None:
        return []
    return _all(node.named_children) if node.type in ("statement_block", "else_clause") else [_node(node)]


def _identifier(node: Node) -> s.Node:
    return s.Name(_line(node), _words(node))


def _string(node: Node) -> s.Node:
    return s.Text(_line(node), [_words(node)[1:-1]])


def _template(node: Node) -> s.Node:
    parts: list[str | s.Node] = []
    for child in node.named_children:
        if child.type == "template_substitution":
            parts += _all(child.named_children)[:1]
        else:
            parts.append(_words(child))
    return s.Text(_line(node), parts or [""])


def _member(node: Node) -> s.Node:
    return s.Access(_line(node), _field(node, "object"), _words(node.child_by_field_name("property")))


def _subscript(node: Node) -> s.Node:
    index = _field(node, "index")
    if isinstance(index, s.Text) and len(index.parts) == 1 and isinstance(index.parts[0], str):
        return s.Access(_line(node), _field(node, "object"), index.parts[0])
    return s.Item(_line(node), _field(node, "object"), index)


def _call(node: Node) -> s.Node:
    module = _required(node) or _required(node, "import")
    if module is not None:  # `require("module").default`: the name is one that code cannot have
        line = _line(node)
        return s.Several(line, [s.Import(line, module, [("*", "require()")]), s.Name(line, "require()")])
    function = _field(node, "function" if node.type == "call_expression" else "constructor")
    given = node.child_by_field_name("arguments")
    arguments = _all(given.named_children) if given else []
    line = function.line if not isinstance(function, s.Access) else _line(node)
    if isinstance(function, s.Access) and function.name in ("includes", "has") and len(arguments) == 1:
        base = function.base
        return s.Compare(line, arguments[0], base.items if isinstance(base, s.Sequence) else [base])
    return s.FunctionCall(line, function, arguments)


def _object(node: Node) -> s.Node:
    fields: list[tuple[str | None, s.Node]] = []
    computed: list[s.Node] = []
    for child in node.named_children:
        if child.type == "pair":
            key = child.child_by_field_name("key")
            fields.append((_key(key), _field(child, "value")))
            computed += _all(key.named_children) if key and key.type == "computed_property_name" else []
        elif child.type == "shorthand_property_identifier":
            fields.append((_words(child), s.Name(_line(child), _words(child))))
        elif child.type == "method_definition":
            fields.append((_words(child.child_by_field_name("name")), _function(child)))
        elif child.type == "spread_element":
            fields.append(("**", _node(child.named_children[0])))
    return s.Record(_line(node), fields, computed)


def _key(node: Node | None) -> str | None:
    if node is None or node.type == "computed_property_name":
        return None
    return _words(node)[1:-1] if node.type == "string" else _words(node)


def _pattern(node: Node) -> s.Node:
    fields: list[tuple[str | None, s.Node]] = []
    for child in node.named_children:
        line = _line(child)
        if child.type == "shorthand_property_identifier_pattern":
            fields.append((_words(child), s.Name(line, _words(child))))
        elif child.type == "pair_pattern":
            fields.append((_key(child.child_by_field_name("key")), _field(child, "value")))
        elif child.type == "object_assignment_pattern":
            name = _words(child.child_by_field_name("left"))
            fields.append((name, s.Assign(line, s.Name(line, name), _field(child, "right"))))
        elif child.type == "rest_pattern":
            fields.append((None, _node(child.named_children[0])))
    return s.Pattern(_line(node), fields)


def _spread(node: Node) -> s.Node:
    return s.Spread(_line(node), _node(node.named_children[0]))


def _assignment(node: Node) -> s.Node:
    is_declared = node.type == "assignment_pattern"
    return s.Assign(_line(node), _field(node, "left"), _field(node, "right"), is_declared=is_declared)


def _declaration(node: Node) -> s.Node:
    value = node.child_by_field_name("value")
    target = _field(node, "name")
    waited = value.named_children[0] if value and value.type == "await_expression" else None
    module = _required(value) or _required(waited, "import")
    if module is not None:
        whole = "*" if waited else "default"
        names = [(whole, target.id)] if isinstance(target, s.Name) else []
        if isinstance(target, s.Pattern):
            names = [(key, part.id) for key, part in target.fields if key and isinstance(part, s.Name)]
        return s.Import(_line(node), module, names)
    types = _types(node.child_by_field_name("type"))
    return s.Assign(_line(node), target, _node(value) if value else None, types)


def _required(node: Node | None, function: str = "require") -> str | None:
    """Return the module of `require("module")`, or of the call of `import`."""
    if node is None or node.type != "call_expression" or _words(node.child_by_field_name("function")) != function:
        return None
    given = node.child_by_field_name("arguments")
    first = given.named_children[0] if given and given.named_children else None
    return _module(first) if first is not None and first.type == "string" else None


def _module(node: Node) -> str:
    name = _words(node)[1:-1]
    for suffix in (".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx"):
        name = name.removesuffix(suffix)
    return name


def _import(node: Node) -> s.Node:
    clause = node.named_children[0] if node.named_children else node
    source = clause.child_by_field_name("source") or node.child_by_field_name("source")
    if clause.type == "import_require_clause":  # `import name = require("module")`
        names = [("default", _words(one)) for one in clause.named_children if one.type == "identifier"]
        return s.Import(_line(node), _module(source) if source else "", names)
    return s.Import(_line(node), _module(source) if source else "", _names(node))


def _names(node: Node) -> list[tuple[str, str]]:
    """Return the names in an import or export: there and here. A whole module is `*` there, all its names are `*`."""
    names: list[tuple[str, str]] = []
    todo = list(node.children)
    while todo:
        child = todo.pop(0)
        if child.type in ("import_specifier", "export_specifier"):
            name = _words(child.child_by_field_name("name"))
            names.append((name, _words(child.child_by_field_name("alias")) or name))
        elif child.type in ("namespace_import", "namespace_export"):
            names.append(("*", _words(child.named_children[-1])))
        elif child.type == "identifier" and node.type == "import_statement":
            names.append(("default", _words(child)))
        elif child.type == "*":
            names.append(("*", "*"))
        elif child.type in ("import_clause", "named_imports", "export_clause"):
            todo += child.children
    return names


def _export(node: Node) -> s.Node:
    """Return what is exported; a default export also has the name `default`."""
    inner = node.child_by_field_name("declaration") or node.child_by_field_name("value")
    if inner is None and any(child.type == "=" for child in node.children):  # `export = value`
        line = _line(node)
        target = s.Access(line, s.Name(line, "module"), "exports")
        return s.Assign(line, target, _node(node.named_children[0]))
    if inner is None:
        return _export_names(node)
    value = _node(inner)
    if not any(child.type == "default" for child in node.children):
        return value
    name = value.name if isinstance(value, s.Function | s.Class) else None
    line = _line(node)
    default = s.Name(line, "default")
    return s.Several(
        line, [value, s.Assign(line, default, s.Name(line, name))] if name else [s.Assign(line, default, value)]
    )


def _export_names(node: Node) -> s.Node:
    """Return the names that `export {…}` and `export * from "…"` give."""
    line, source, names = _line(node), node.child_by_field_name("source"), _names(node)
    if source:
        return s.Import(line, _module(source), names)
    return s.Several(line, [s.Assign(line, s.Name(line, here), s.Name(line, name)) for name, here in names])


def _function(node: Node) -> s.Node:
    line = _line(node)
    given = node.child_by_field_name("parameters")
    single = node.child_by_field_name("parameter")
    children = given.named_children if given else [single] if single else []
    parameters = [_parameter(child) for child in children if child.type not in _IGNORED]
    own = [
        s.Assign(line, s.Access(line, s.Name(line, "this"), one.name), s.Name(line, one.name))
        for one, child in zip(parameters, children, strict=False)
        if one.name and any(part.type in ("accessibility_modifier", "readonly") for part in child.children)
    ]
    body = node.child_by_field_name("body")
    inner = _body(body) if body is None or body.type == "statement_block" else [s.Return(line, _node(body))]
    named = node.child_by_field_name("name")
    is_property = any(part.type == "get" for part in node.children)
    return s.Function(line, _words(named) or None, parameters, [*own, *inner], is_property=is_property)


def _parameter(node: Node) -> s.FunctionParameter:
    pattern = node.child_by_field_name("pattern") or node
    target, value = _node(pattern), node.child_by_field_name("value")
    takes_list = isinstance(target, s.Spread)
    if isinstance(target, s.Spread):
        target = target.value
    name = target.id if isinstance(target, s.Name) else None
    types, default = _types(node.child_by_field_name("type")), _node(value) if value else None
    return s.FunctionParameter(target, name, types, takes_list=takes_list, default=default)


def _types(node: Node | None) -> list[str]:
    """Return the names in an annotation: `Payment` of `Promise<Whop.Payment>`, `Payment[]` of an array."""
    if node is None:
        return []
    if node.type in ("type_identifier", "identifier"):
        return [_words(node)]
    if node.type == "nested_type_identifier":
        return [_words(node.child_by_field_name("name"))]
    found = [name for child in node.named_children for name in _types(child)]
    if node.type == "generic_type":
        outer = _words(node.child_by_field_name("name"))
        found = [name for name in found if name != outer]
        return [f"{name}[]" for name in found] if outer == "Array" else found
    return [f"{name}[]" for name in found] if node.type == "array_type" else found


def _class(node: Node) -> s.Node:
    body = node.child_by_field_name("body")
    parts = _all(body.named_children) if body else []
    parts.sort(key=_class_part_order)
    heritages = [child for child in node.children if child.type == "class_heritage"]
    heritage = [_node(part) for child in heritages for part in child.named_children]
    return s.Class(_line(node), _words(node.child_by_field_name("name")) or "default", parts, heritage)


def _enum(node: Node) -> s.Node:
    """Return an enum as a class with its values."""
    body = node.child_by_field_name("body")
    values = [one for one in body.named_children if one.type == "enum_assignment"] if body else []
    parts = [s.Assign(_line(one), _field(one, "name"), _field(one, "value")) for one in values]
    return s.Class(_line(node), _words(node.child_by_field_name("name")), [*parts])


def _class_part_order(part: s.Node) -> int:
    """Return 0 for fields, 1 for the constructor, which sets what the other methods use, and 2 for these."""
    if isinstance(part, s.Function):
        return 1 if part.name == "constructor" else 2
    return 2 if isinstance(part, s.Assign) and isinstance(part.value, s.Function) else 0


def _class_field(node: Node) -> s.Node:
    name = _words(node.child_by_field_name("name"))
    value = node.child_by_field_name("value")
    types = _types(node.child_by_field_name("type"))
    return s.Assign(_line(node), s.Name(_line(node), name), _node(value) if value else None, types)


def _return(node: Node) -> s.Node:
    values = _all(node.named_children)
    return s.Return(_line(node), values[0] if values else None)


def _if(node: Node) -> s.Node:
    otherwise = _body(node.child_by_field_name("alternative"))
    return s.Branch(_line(node), _field(node, "condition"), _body(node.child_by_field_name("consequence")), otherwise)


def _switch(node: Node) -> s.Node:
    """Return `switch` as branches; cases without statements belong to the next one."""
    subject = _field(node, "value")
    body = node.child_by_field_name("body")
    branches: list[tuple[int, list[s.Node] | None, list[s.Node]]] = []
    values: list[s.Node] = []
    for case in body.named_children if body else []:
        value = case.child_by_field_name("value")
        if value is not None:
            values.append(_node(value))
        parts = _all(one for one in case.named_children if value is None or one.id != value.id)
        if case.type == "switch_default":
            branches.append((_line(case), None, parts))
        elif parts:
            branches.append((_line(case), values, parts))
            values = []
    otherwise: list[s.Node] = []
    branches.sort(key=lambda branch: branch[1] is None)  # the default comes last, wherever it is written
    for line, compared, parts in reversed(branches):
        parts = parts[:-1] if parts and isinstance(parts[-1], s.Leave) and not parts[-1].parts else parts
        if compared is None:
            otherwise = [s.Several(line, parts)]
        else:
            otherwise = [s.Branch(line, s.Compare(line, subject, compared), parts, otherwise)]
    return s.Several(_line(node), [subject, *otherwise])


def _loop(node: Node) -> s.Node:
    target = node.child_by_field_name("left")
    return s.Loop(
        _line(node), _node(target) if target else None, _field(node, "right"), _body(node.child_by_field_name("body"))
    )


def _augmented(node: Node) -> s.Node:
    line, target, value = _line(node), _field(node, "left"), _field(node, "right")
    is_sum = _words(node.child_by_field_name("operator")) == "+="
    either = s.Text(line, [target, value]) if is_sum else s.Several(line, [target, value])
    return s.Assign(line, target, either, is_declared=False)


def _binary(node: Node) -> s.Node:
    operator = _words(node.child_by_field_name("operator"))
    left, right = _field(node, "left"), _field(node, "right")
    if operator in _EQUAL | _DIFFERENT:
        return s.Compare(_line(node), left, [right], operator in _DIFFERENT)
    if operator == "+":
        return s.Text(_line(node), [left, right])
    if operator in ("??", "||") and isinstance(left, s.Item):
        left.is_guarded = True
    return s.Several(_line(node), [left, right])


def _element(node: Node) -> s.Node:
    """Return a JSX element as a call of its component with a record of its attributes."""
    name, line = node.child_by_field_name("name"), _line(node)
    fields: list[tuple[str | None, s.Node]] = []
    for child in node.named_children:
        if child.type == "jsx_attribute" and len(child.named_children) == 2:
            fields.append((_words(child.named_children[0]), _node(child.named_children[1])))
        elif child.type == "jsx_expression":
            fields.append(("**", _node(child)))
    if name is None or not _words(name)[:1].isupper():
        return s.Several(line, [value for _, value in fields])
    return s.FunctionCall(line, _node(name), [s.Record(line, fields)])


def _ternary(node: Node) -> s.Node:
    return s.Branch(
        _line(node), _field(node, "condition"), [_field(node, "consequence")], [_field(node, "alternative")]
    )


_FUNCTIONS = (
    "arrow_function",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
)
_LEAVES = ("throw_statement", "break_statement", "continue_statement")
_READERS: dict[str, Callable[[Node], s.Node]] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(("identifier", "property_identifier", "this"), _identifier),
    **dict.fromkeys(("call_expression", "new_expression"), _call),
    **dict.fromkeys(("array", "array_pattern"), lambda node: s.Sequence(_line(node), _all(node.named_children))),
    **dict.fromkeys(("assignment_expression", "assignment_pattern"), _assignment),
    **dict.fromkeys(("class_declaration", "class", "abstract_class_declaration"), _class),
    **dict.fromkeys(_LEAVES, lambda node: s.Leave(_line(node), _all(node.named_children))),
    **dict.fromkeys(("return_statement", "yield_expression"), _return),
    **dict.fromkeys(
        ("spread_element", "rest_pattern"), lambda node: s.Spread(_line(node), _node(node.named_children[0]))
    ),
    **dict.fromkeys(("jsx_self_closing_element", "jsx_opening_element"), _element),
    "catch_clause": lambda node: s.Branch(_line(node), s.Several(_line(node)), _body(node.child_by_field_name("body"))),
    "enum_declaration": _enum,
    "string": _string,
    "template_string": _template,
    "member_expression": _member,
    "subscript_expression": _subscript,
    "object": _object,
    "object_pattern": _pattern,
    "variable_declarator": _declaration,
    "import_statement": _import,
    "export_statement": _export,
    "public_field_definition": _class_field,
    "if_statement": _if,
    "switch_statement": _switch,
    "for_in_statement": _loop,
    "binary_expression": _binary,
    "augmented_assignment_expression": _augmented,
    "ternary_expression": _ternary,
}
