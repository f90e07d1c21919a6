"""Read Python source into the syntax tree, with the `ast` module: nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Sequence as Many
from typing import Any

from whopwatch.usage import syntax as s

_PROPERTIES = ("property", "cached_property")
_IMPORTS = ("import_module", "__import__")
_PACKAGE = "__init__"
_COMPARES = ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot


def read_python(source: str) -> list[s.Node]:
    """Return the statements of a file. Raise SyntaxError, ValueError, RecursionError or MemoryError if it is broken."""
    return _block(ast.parse(source).body)


def _block(body: Many[ast.stmt]) -> list[s.Node]:
    return [_statement(one) for one in body]


def _statement(node: ast.stmt) -> s.Node:
    line = node.lineno
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            decorators = [_expression(one) for one in node.decorator_list]
            is_property = any(isinstance(one, s.Name) and one.id in _PROPERTIES for one in decorators)
            return s.Function(line, node.name, _parameters(node.args), _block(node.body), decorators, is_property)
        case ast.ClassDef():
            return s.Class(line, node.name, _block(node.body), [_expression(one) for one in node.bases])
        case ast.Assign():
            value = _expression(node.value)
            targets = [s.Assign(line, _expression(target), value) for target in node.targets]
            return targets[0] if len(targets) == 1 else s.Several(line, list(targets))
        case ast.AnnAssign():
            value = _expression(node.value) if node.value else None  # type: ignore[assignment]
            return s.Assign(line, _expression(node.target), value, _type_names(node.annotation))
        case ast.AugAssign():
            target = _expression(node.target)
            return s.Assign(line, target, _result(line, node.op, target, _expression(node.value)))
        case ast.For() | ast.AsyncFor():
            body = _block([*node.body, *node.orelse])
            return s.Loop(line, _expression(node.target), _expression(node.iter), body)
        case ast.While():
            return s.Loop(line, None, _expression(node.test), _block([*node.body, *node.orelse]))
        case ast.Return():
            return s.Return(line, _expression(node.value) if node.value else None)
        case ast.Raise():
            return s.Leave(line, [_expression(one) for one in (node.exc, node.cause) if one])
        case ast.Continue() | ast.Break():
            return s.Leave(line)
        case ast.Import():
            return s.Several(line, [s.Import(line, module, [("*", here)]) for module, here in _names(node.names)])
        case ast.ImportFrom():
            return s.Import(line, node.module or _PACKAGE, _names(node.names))  # `from .. import name`
        case ast.If():
            return s.Branch(line, _expression(node.test), _block(node.body), _block(node.orelse))
        case ast.Match():
            return _match(node)
        case ast.With() | ast.AsyncWith():
            return s.Several(line, [*map(_with_item, node.items), *_block(node.body)])
        case ast.Try() | ast.TryStar():
            _guard(node.body)
            handlers = [s.Branch(one.lineno, s.Several(line), _block(one.body)) for one in node.handlers]
            return s.Several(line, [*_block([*node.body, *node.orelse]), *handlers, *_block(node.finalbody)])
        case ast.Global() | ast.Nonlocal():
            return s.Outer(line, node.names)
        case ast.Expr():
            return _expression(node.value)
    return s.Several(line, _children(node))


def _guard(body: Many[ast.stmt]) -> None:
    """Mark what is in the body of a `try`."""
    for inner in (one for part in body for one in ast.walk(part)):
        inner.is_guarded = True  # type: ignore[attr-defined]


def _is_guarded(node: ast.expr) -> bool:
    """Return whether an expression is in the body of a `try`."""
    return getattr(node, "is_guarded", False)


def _with_item(item: ast.withitem) -> s.Node:
    value = s.Enter(item.context_expr.lineno, _expression(item.context_expr))
    return s.Assign(value.line, _expression(item.optional_vars), value) if item.optional_vars else value


def _match(node: ast.Match) -> s.Node:
    """Return `match` as branches, the first outermost."""
    subject = _expression(node.subject)
    otherwise: list[s.Node] = []
    for case in reversed(node.cases):
        line = case.pattern.lineno
        parts = _pattern(case.pattern, subject)
        guard = [_expression(case.guard)] if case.guard else []
        if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and not guard:
            otherwise = [s.Several(line, [*parts, *_block(case.body)])]  # the default
            continue
        # Names are bound only where all values match.
        test = s.Several(line, [part for part in parts if isinstance(part, s.Compare)])
        bound = [part for part in parts if not isinstance(part, s.Compare)]
        otherwise = [s.Branch(line, test, [*bound, *guard, *_block(case.body)], otherwise)]
    return s.Several(node.lineno, [subject, *otherwise])


def _pattern(pattern: ast.pattern, subject: s.Node) -> list[s.Node]:
    """Return a pattern as comparisons and assignments."""
    line = pattern.lineno
    match pattern:
        case ast.MatchValue():
            return [s.Compare(line, subject, [_expression(pattern.value)])]
        case ast.MatchOr():
            values = [one.value for one in pattern.patterns if isinstance(one, ast.MatchValue)]
            return [s.Compare(line, subject, [_expression(value) for value in values])]
        case ast.MatchMapping():
            named = [
                (key.value, below)
                for key, below in zip(pattern.keys, pattern.patterns, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
            rest = [s.Assign(line, s.Name(line, pattern.rest), subject)] if pattern.rest else []
            return [*(part for key, one in named for part in _pattern(one, s.Access(line, subject, key))), *rest]
        case ast.MatchSequence():
            item = s.Item(line, subject, s.Several(line))
            return [part for one in pattern.patterns for part in _pattern(one, item)]
        case ast.MatchStar():
            items = s.Sequence(line, [subject])
            return [s.Assign(line, s.Name(line, pattern.name), items)] if pattern.name else []
        case ast.MatchClass():
            pairs = zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)
            return [part for name, one in pairs for part in _pattern(one, s.Access(line, subject, name))]
        case ast.MatchAs():
            inner = _pattern(pattern.pattern, subject) if pattern.pattern else []
            return [*inner, s.Assign(line, s.Name(line, pattern.name), subject)] if pattern.name else inner
    return []


def _parameters(arguments: ast.arguments) -> list[s.FunctionParameter]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    given = len(every) - len(arguments.kwonlyargs) - len(arguments.defaults)
    defaults = [*[None] * given, *arguments.defaults, *arguments.kw_defaults]
    found = [
        s.FunctionParameter(
            s.Name(one.lineno, one.arg),
            one.arg,
            _type_names(one.annotation) if one.annotation else [],
            default=_expression(default) if default else None,
        )
        for one, default in zip(every, defaults, strict=True)
    ]
    if arguments.vararg:  # before the parameters that have to be named
        items = s.FunctionParameter(
            s.Name(arguments.vararg.lineno, arguments.vararg.arg), arguments.vararg.arg, takes_list=True
        )
        found.insert(len(every) - len(arguments.kwonlyargs), items)
    rest = arguments.kwarg
    return [*found, s.FunctionParameter(s.Name(rest.lineno, rest.arg), rest.arg, takes_rest=True)] if rest else found


def _type_names(annotation: ast.expr) -> list[str]:
    """Return the names in an annotation: `Payment` of `list[types.Payment] | None`. A list of them is marked `[]`."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
    match annotation:
        case ast.Subscript(value=ast.Name("Literal") | ast.Attribute(attr="Literal")):
            return [
                one.value
                for one in ast.walk(annotation.slice)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
        case ast.Subscript():
            inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
            is_list = "".join(_type_names(annotation.value)) not in ("Optional", "Annotated", "Union", "Awaitable")
            names = [name for one in inner for name in _type_names(one)]
            return [f"{name}[]" if is_list and not name.endswith("[]") else name for name in names]
        case ast.BinOp():
            return [*_type_names(annotation.left), *_type_names(annotation.right)]
        case ast.Attribute():
            return [annotation.attr]
        case ast.Name():
            return [annotation.id]
    return []


def _names(aliases: list[ast.alias]) -> list[tuple[str, str]]:
    """Return the imported names, each with the name that it gets here."""
    return [(alias.name, alias.asname or alias.name) for alias in aliases]


def _result(line: int, operator: ast.operator, left: s.Node, right: s.Node) -> s.Node:
    """Return the result of an operator: a sum may be a longer text, of any other both sides are used."""
    return s.Text(line, [left, right], is_sum=True) if isinstance(operator, ast.Add) else s.Several(line, [left, right])


def _expression(node: ast.expr) -> s.Node:
    line = node.lineno
    match node:
        case ast.Name():
            return s.Name(line, node.id)
        case ast.Constant():
            return s.Text(line, [node.value]) if isinstance(node.value, str) else s.Several(line)
        case ast.JoinedStr():
            return s.Text(line, [_text_part(part) for part in node.values])
        case ast.BinOp():
            return _result(line, node.op, _expression(node.left), _expression(node.right))
        case ast.Attribute():
            return s.Access(line, _expression(node.value), node.attr)
        case ast.Subscript():
            key = node.slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                return s.Access(line, _expression(node.value), key.value)
            return s.Item(line, _expression(node.value), _expression(key), _is_guarded(node))
        case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name), args=[ast.Constant(str(module)), *_]) if (
            name in _IMPORTS
        ):
            return s.Several(line, [s.Import(line, module, [("*", f"{name}()")]), s.Name(line, f"{name}()")])
        case ast.Call():
            named = [(one.arg or "**", _expression(one.value)) for one in node.keywords]
            arguments = [_expression(one) for one in node.args]
            return s.FunctionCall(line, _expression(node.func), arguments, named, _is_guarded(node))
        case ast.Dict():
            return _record(node)
        case ast.List() | ast.Tuple() | ast.Set():
            return s.Sequence(line, [_expression(one) for one in node.elts])
        case ast.Lambda():
            return s.Function(line, None, _parameters(node.args), [s.Return(line, _expression(node.body))])
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return _comprehension(line, node.generators, node.elt)
        case ast.DictComp():
            return _comprehension(line, node.generators, node.value, node.key)
        case ast.Compare():
            return _comparison(node)
        case ast.NamedExpr():
            return s.Assign(line, _expression(node.target), _expression(node.value))
        case ast.Await():
            return _expression(node.value)
        case ast.Starred():
            return s.Spread(line, _expression(node.value))
        case ast.YieldFrom():
            return s.Return(line, _expression(node.value))
        case ast.Yield():
            return s.Return(line, _expression(node.value) if node.value else None)
        case ast.IfExp():
            return s.Branch(line, _expression(node.test), [_expression(node.body)], [_expression(node.orelse)])
    return s.Several(line, _children(node))


def _record(node: ast.Dict) -> s.Record:
    pairs = zip(node.keys, node.values, strict=True)
    fields = [(_constant(key) if key else "**", _expression(value)) for key, value in pairs]
    computed = [_expression(key) for key in node.keys if key and _constant(key) is None]
    return s.Record(node.lineno, fields, computed)


def _comprehension(
    line: int, generators: list[ast.comprehension], result: ast.expr, key: ast.expr | None = None
) -> s.Node:
    made = s.Record(line, [(None, _expression(result))]) if key else s.Sequence(line, [_expression(result)])
    body: list[s.Node] = [*([_expression(key)] if key else []), s.Return(line, made)]
    for one in reversed(generators):
        tests = [_expression(test) for test in one.ifs]
        body = [s.Loop(line, _expression(one.target), _expression(one.iter), [*tests, *body])]
    return s.FunctionCall(line, s.Function(line, None, [], body), [])


def _comparison(node: ast.Compare) -> s.Node:
    operator, right = node.ops[0], node.comparators[0]
    if len(node.ops) > 1 or not isinstance(operator, _COMPARES):
        return s.Several(node.lineno, [_expression(one) for one in (node.left, *node.comparators)])
    is_negated = isinstance(operator, ast.NotEq | ast.NotIn | ast.IsNot)
    if isinstance(operator, ast.In | ast.NotIn):
        values = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
        return s.Compare(node.lineno, _expression(node.left), [_expression(one) for one in values], is_negated)
    return s.Compare(node.lineno, _expression(node.left), [_expression(right)], is_negated)


def _text_part(part: ast.expr) -> str | s.Node:
    if isinstance(part, ast.Constant):
        return str(part.value)
    return _expression(part.value if isinstance(part, ast.FormattedValue) else part)


def _constant(key: ast.expr | None) -> str | None:
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _children(node: Any) -> list[s.Node]:
    return [
        _expression(child) if isinstance(child, ast.expr) else _statement(child)
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.expr | ast.stmt)
    ]
