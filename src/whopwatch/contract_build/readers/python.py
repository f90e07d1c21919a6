"""Read the official Python SDK without importing it: the Stainless layout here, the Fern layout in `fern`."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

from whopwatch.contract_build.readers.fern import read_fern_sdk
from whopwatch.contract_build.readers.python_types import Module, PythonTypes, is_deprecated
from whopwatch.contract_build.releases import read_texts, reading_sdk, single_match
from whopwatch.contract_build.sdk_model import (
    OneOf,
    RecordType,
    SdkModel,
    SdkOperation,
    Type,
    sdk_events,
)

_VERBS = {"_get": "GET", "_post": "POST", "_patch": "PATCH", "_put": "PUT", "_delete": "DELETE"}
_ARRAY_SUFFIX = {"brackets": "[]", "repeat": "", "comma": ""}
_SCOPE = re.compile(r"^\s*- `([a-z0-9_]+(?::[a-z0-9_]+)+)`", re.MULTILINE)
_ROOT = "whop_sdk"


def read_python_sdk(archive: Path) -> SdkModel:
    """Read the SDK out of its wheel or source archive.

    Raise `SourceError` if the archive holds another layout, or a form of code that the reader does not know.
    """
    with reading_sdk(archive):
        return _read_archive(archive)


def _read_archive(archive: Path) -> SdkModel:
    texts = _package(archive)
    if f"{_ROOT}/core/client_wrapper.py" in texts:
        wrapper = texts[f"{_ROOT}/core/client_wrapper.py"]
        return read_fern_sdk(texts, single_match(r'"X-Fern-SDK-Version": "([^"]+)"', wrapper, archive))
    modules = {path: Module.parse(path, text) for path, text in texts.items() if "/types/" in path}
    types = PythonTypes(modules)
    model = SdkModel(
        "python",
        version=single_match(r'__version__ = "([^"]+)"', texts.get(f"{_ROOT}/_version.py", ""), archive),
        array_suffix=_ARRAY_SUFFIX[
            single_match(r'Querystring\(array_format="(\w+)"\)', texts.get(f"{_ROOT}/_client.py", ""), archive)
        ],
    )
    for path, text in texts.items():
        if path.startswith(f"{_ROOT}/resources/") and not path.endswith("__init__.py"):
            for operation in _operations(Module.parse(path, text), text, types, modules):
                model.operations[operation.id] = operation
    model.types.update(types.named_types())
    model.events.update(sdk_events(model.types))
    return model


def _package(archive: Path) -> dict[str, str]:
    """Return the package's modules by their path from `whop_sdk/` on, wherever the archive keeps them."""
    texts = {}
    for path, text in read_texts(archive, ".py").items():
        head, found, tail = f"/{path}".partition(f"/{_ROOT}/")
        if found and "tests" not in head:
            texts[f"{_ROOT}/{tail}"] = text
    return texts


def _operations(module: Module, text: str, types: PythonTypes, modules: dict[str, Module]) -> list[SdkOperation]:
    resource = _resource(module.path)
    operations = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["SyncAPIResource"]:
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            documented = {item.name: _scopes(item) for item in reversed(methods) if _scopes(item)}
            for method in methods:
                found = _operation(resource, method, module, types, modules)
                if found is not None:
                    notes = (ast.get_docstring(item) or "" for item in methods if item.name == method.name)
                    operations.append(
                        replace(
                            found,
                            scopes=documented.get(method.name, ()),
                            deprecated=any(is_deprecated(note.partition("\nArgs:")[0]) for note in notes),
                        )
                    )
    return operations


def _resource(path: str) -> str:
    """Return the resource of a module by its path: `accounts.fees`; `accounts` if it has the name of its folder."""
    parts = path.removesuffix(".py").split("/")[2:]
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == parts[-2] else parts)


def _scopes(method: ast.FunctionDef) -> tuple[str, ...]:
    """Return the permissions that a method's documentation lists; overloads carry it instead of the implementation."""
    return tuple(_SCOPE.findall(ast.get_docstring(method) or ""))


def _operation(
    resource: str, method: ast.FunctionDef, module: Module, types: PythonTypes, modules: dict[str, Module]
) -> SdkOperation | None:
    call = _request(method)
    if call is None or not isinstance(call.func, ast.Attribute) or method.returns is None:
        return None
    words = {word.arg: word.value for word in call.keywords}
    verb = call.func.attr
    body = _parameters(words.get("body"), module, types, modules)
    query = _parameters(_query_of(call), module, types, modules)
    response, is_list = _response(module, method.returns, types)
    variants: tuple[Type, ...] = body.variants if isinstance(body, OneOf) else (body,) if body else ()
    return SdkOperation(
        id=f"{resource}.{method.name}",
        method="GET" if verb == "_get_api_list" else _VERBS[verb],
        path=_path(call.args[0]),
        query=query.fields if isinstance(query, RecordType) else (),
        body=variants,
        body_required=any(_has_required(variant) for variant in variants),
        response=response,
        is_list=is_list,
    )


def _request(method: ast.FunctionDef) -> ast.Call | None:
    """Return the call in `method` that sends the request."""
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            known = node.func.attr in _VERBS or node.func.attr == "_get_api_list"
            if known and isinstance(owner, ast.Name) and owner.id == "self":
                return node
    return None


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            f"{{{ast.unparse(part.value)}}}" if isinstance(part, ast.FormattedValue) else str(_constant(part))
            for part in node.values
        )
    return _path(node.args[0]) if isinstance(node, ast.Call) else ast.unparse(node)


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else ast.unparse(node)


def _query_of(call: ast.Call) -> ast.expr | None:
    for node in ast.walk(call):
        if isinstance(node, ast.keyword) and node.arg == "query":
            return node.value
    return None


def _parameters(node: ast.expr | None, module: Module, types: PythonTypes, modules: dict[str, Module]) -> Type | None:
    """Return the type behind `maybe_transform({...}, some_params.SomeParams)`."""
    if not isinstance(node, ast.Call):
        return None
    declared = node.args[1]
    if isinstance(declared, ast.IfExp):
        declared = declared.body
    if not (isinstance(declared, ast.Attribute) and isinstance(declared.value, ast.Name)):
        return None
    origin, name = module.imports[declared.value.id]
    target = modules[f"{origin.removesuffix('.py')}/{name}.py"]
    return _sent(types.definition(target, declared.attr), node.args[0])


def _sent(read: Type, literal: ast.expr) -> Type:
    """Return the fields of `read` that a literal such as `{"name": name}` sends; the others are in the path."""
    if isinstance(read, OneOf):
        return replace(read, variants=tuple(_sent(variant, literal) for variant in read.variants))
    if not isinstance(read, RecordType) or not isinstance(literal, ast.Dict):
        return read
    # An argument of the body that has the name of one of the path is called `body_id`.
    names = [str(_constant(key)) for key in literal.keys if key is not None]
    sent = {name.removeprefix(prefix) for name in names for prefix in ("", "body_", "query_")}
    return RecordType(tuple(item for item in read.fields if not _is_argument(item.name) or item.name in sent))


def _is_argument(name: str) -> bool:
    return re.fullmatch(r"(\w+_)?id", name) is not None


def _response(module: Module, returns: ast.expr, types: PythonTypes) -> tuple[Type | None, bool]:
    if isinstance(returns, ast.Constant) and returns.value is None:
        return None, False
    if isinstance(returns, ast.Subscript) and ast.unparse(returns.value) == "SyncCursorPage":
        return types.annotation(module, returns.slice), True
    return types.annotation(module, returns), False


def _has_required(variant: Type) -> bool:
    return isinstance(variant, RecordType) and any(field.required for field in variant.fields)
