"""Reads the official Python SDK in the Fern layout (1.0.11 and later) without importing it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from whopwatch.contract_build.readers.python_types import Module, PythonTypes, is_deprecated
from whopwatch.contract_build.sdk_model import (
    Enum,
    ListOf,
    NamedType,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    SdkModel,
    SdkOperation,
    Type,
)
from whopwatch.core.errors import SourceError

_NAMESPACES = {"typing", "typing_extensions", "dt", "datetime"}
_CLIENT = "/raw_client.py"
_SCOPES = re.compile(r"^Required permissions( \(one of\))?:\n((?:\s*- `[^`]+`\s*\n?)+)", re.MULTILINE)
_SCOPE = re.compile(r"`([a-z0-9_]+(?::[a-z0-9_]+)+)`")
_DEFAULT_VERSION = re.compile(r'api_version_date: typing\.Optional\[str\] = "([^"]+)"')
_EVENT_NAMES = "WebhookEvent"
_VERSION_NAMES = "ApiKeyApiVersionDate"
_ENVELOPE = {"data", "type"}
_ERROR = re.compile(r"_response\.status_code == (\d+)")


def read_fern_sdk(texts: Mapping[str, str], version: str) -> SdkModel:
    """Read the package whose modules are `texts`, by their path from the package's folder on.

    Raise `SourceError` if it holds a form of code that the reader does not know.
    """
    model = SdkModel("python", version, generator="fern")
    modules = {path: _types_module(path, text) for path, text in texts.items() if _is_type(path)}
    _tell_apart(modules)
    types = PythonTypes(modules, is_ordered=False)
    model.types.update(types.named_types())
    for path, text in texts.items():
        if path.endswith(_CLIENT):
            for operation in _operations(path, text, types):
                model.operations[operation.id] = operation
    for module in modules.values():
        event = _event(module, model.types)
        if event is not None:
            model.events[event] = NamedType(module.name)
    sent = _DEFAULT_VERSION.search(texts.get("whop_sdk/client.py", ""))
    return replace(
        model,
        untyped_events=tuple(name for name in _values(model, _EVENT_NAMES) if name not in model.events),
        api_version=sent[1] if sent else None,
        api_versions=_values(model, _VERSION_NAMES),
    )


def _values(model: SdkModel, name: str) -> tuple[str, ...]:
    """Return the values of the enum called `name`; none where the release has no such type."""
    found = model.types.get(name)
    return tuple(map(str, found.values)) if isinstance(found, Enum) else ()


class _Plain(ast.NodeTransformer):
    """Writes `typing.Optional` as `Optional`: the types' own names identify them."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id in _NAMESPACES:
            return ast.copy_location(ast.Name(node.attr, ast.Load()), node)
        return node


def _is_type(path: str) -> bool:
    return "/types/" in path and not path.endswith("__init__.py")


def _parse(text: str) -> ast.Module:
    tree = ast.parse(text)
    # Each client is written twice, once to be awaited: that half is a third of the work and says nothing new.
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ClassDef) and node.name.startswith("Async"))]
    _Plain().visit(tree)
    return tree


def _types_module(path: str, text: str) -> Module:
    module = Module.read(path, _parse(text))
    # A module is named after the type that others import from it; a union's variants stand before the union.
    wanted = path.rpartition("/")[2].removesuffix(".py").replace("_", "")
    named = [name for name in module.definitions if name.lower() == wanted]
    module.primary = named[0] if named else next(reversed(module.definitions), None)
    return module


def _tell_apart(modules: Mapping[str, Module]) -> None:
    """Give types that share a name the names of their folders as well."""
    count = Counter(module.primary for module in modules.values())
    for path, module in modules.items():
        folders = path.split("/")[1:-2]
        if count[module.primary] > 1 and folders:
            module.public_name = ".".join([*folders, module.primary or ""])


def _operations(path: str, text: str, types: PythonTypes) -> Iterator[SdkOperation]:
    tree = _parse(text)
    module = Module.read(path, tree)
    resource = ".".join(path.split("/")[1:-1])
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Raw"):
            for method in (item for item in node.body if isinstance(item, ast.FunctionDef)):
                call = _request(method)
                if call is not None:
                    yield _operation(f"{resource}.{method.name}", method, call, module, types)


def _request(method: ast.FunctionDef) -> ast.Call | None:
    """Return the call in `method` that sends the request."""
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("httpx_client.request", "httpx_client.stream")
        ):
            return node
    return None


def _operation(name: str, method: ast.FunctionDef, call: ast.Call, module: Module, types: PythonTypes) -> SdkOperation:
    words = {word.arg: word.value for word in call.keywords}
    given = _arguments(method, module, types)
    body = _body(words.get("json", words.get("data")), given, module, types)
    answer, page = _response(method, module, types)
    documentation = ast.get_docstring(method) or ""
    scopes = _SCOPES.search(documentation)
    host = ast.unparse(words["base_url"]).rpartition(".")[2] if "base_url" in words else "api"
    return SdkOperation(
        id=name,
        method=str(_constant(words["method"], module)),
        path=_path(call.args[0], module),
        query=_sent(words.get("params"), given),
        body=(body,) if body is not None else (),
        body_required=isinstance(body, RecordType) and any(item.required for item in body.fields),
        response=answer,
        is_list=page is not None,
        page=page,
        scopes=tuple(_SCOPE.findall(scopes[2])) if scopes else (),
        any_scope=bool(scopes and scopes[1]),
        host=host if host != "api" else None,
        documentation=documentation.partition("\nParameters\n")[0].strip(),
        errors=tuple(sorted({int(status) for status in _ERROR.findall(ast.unparse(method))})),
        deprecated=is_deprecated(documentation.partition("\nParameters\n")[0]),
    )


def _constant(node: ast.expr, module: Module) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    raise _unreadable(module, ast.unparse(node))


def _path(node: ast.expr, module: Module) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = (_path_part(part, module) for part in node.values)
        return "/" + "".join(parts).lstrip("/")
    return "/" + str(_constant(node, module)).lstrip("/")


def _path_part(part: ast.expr, module: Module) -> str:
    if isinstance(part, ast.FormattedValue):
        return f"{{{_argument_in(part.value, module)}}}"
    return str(_constant(part, module))


def _argument_in(node: ast.expr, module: Module) -> str:
    """Return the argument in an expression such as `encode_path_param(id)`."""
    names = [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    if not names:
        raise _unreadable(module, ast.unparse(node))
    return names[-1]


def _arguments(method: ast.FunctionDef, module: Module, types: PythonTypes) -> dict[str, RecordField]:
    """Return the arguments of a method, by name: their types, and whether they must be given."""
    declared = method.args
    pairs = [(item, None) for item in declared.args] + list(zip(declared.kwonlyargs, declared.kw_defaults, strict=True))
    notes = _notes(ast.get_docstring(method) or "")
    found = {}
    for item, default in pairs:
        if item.annotation is not None and item.arg != "request_options":
            read = types.annotation(module, item.annotation)
            required = default is None
            if not required and isinstance(read, Nullable):
                read = read.inner  # `Optional` with a default says that it may be left out, and nothing of null
            note = notes.get(item.arg, "")
            found[item.arg] = RecordField(
                item.arg, read, required, is_deprecated(note), is_learned=not required, documentation=note
            )
    return found


def _notes(documentation: str) -> dict[str, str]:
    """Return what the documentation of a method says of each argument."""
    parts = re.split(r"^(\w+) : .*$", documentation, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _sent(node: ast.expr | None, given: Mapping[str, RecordField]) -> tuple[RecordField, ...]:
    """Return the fields of a literal that maps names in the request to arguments."""
    found = []
    for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
        used = [inner.id for inner in ast.walk(value) if isinstance(inner, ast.Name) and inner.id in given]
        if isinstance(key, ast.Constant) and used:
            item = given[used[0]]
            found.append(replace(item, name=str(key.value), type=_one_or_many(item.type)))
    return tuple(found)


def _one_or_many(read: Type) -> Type:
    """Return the type of a parameter: one that takes one value or several is a list in a request."""
    if isinstance(read, OneOf) and len(read.variants) == 2:
        one, many = read.variants
        if many == ListOf(one):
            return many
    return read


def _body(node: ast.expr | None, given: Mapping[str, RecordField], module: Module, types: PythonTypes) -> Type | None:
    if node is None:
        return None
    if isinstance(node, ast.Dict):
        return RecordType(_sent(node, given))
    if isinstance(node, ast.Call):
        for word in node.keywords:
            if word.arg == "annotation":
                return types.annotation(module, word.value)
    name = _argument_in(node, module)
    if name in given:
        return given[name].type
    raise _unreadable(module, ast.unparse(node))


def _response(method: ast.FunctionDef, module: Module, types: PythonTypes) -> tuple[Type | None, Type | None]:
    """Return the type of the response and None; for a list the type of an item and of the page."""
    returns = method.returns
    if not isinstance(returns, ast.Subscript):
        return None, None
    if isinstance(returns.slice, ast.Tuple):
        item, page = returns.slice.elts
        return types.annotation(module, item), types.annotation(module, page)
    if isinstance(returns.slice, ast.Constant) and returns.slice.value is None:
        return None, None
    return types.annotation(module, returns.slice), None


def _event(module: Module, types: Mapping[str, Type]) -> str | None:
    """Return the event whose payload `module` defines, by the constant in its `type`."""
    record = types.get(module.name)
    if not module.path.endswith("_payload.py") or not isinstance(record, RecordType):
        return None
    fields = {item.name: item.type for item in record.fields}
    if not fields.keys() >= _ENVELOPE:
        return None
    kind = fields["type"]
    kind = types[kind.name] if isinstance(kind, NamedType) else kind
    return str(kind.values[0]) if isinstance(kind, Enum) and len(kind.values) == 1 else None


def _unreadable(module: Module, what: str) -> SourceError:
    return SourceError(
        f"the Python SDK uses a form of code that the reader does not know: {what}",
        where=module.path,
        hint="teach whopwatch.contract_build.readers.fern this form",
    )
