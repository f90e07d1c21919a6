"""Reads the official TypeScript SDK (the Stainless layout) without executing it.

The package publishes its source beside the `.d.ts` files made of it; the source declares the same types, and
only it holds each operation's method and path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whopwatch.contract_build.archive import read_texts
from whopwatch.contract_build.events import events_of
from whopwatch.contract_build.model import Field, OneOf, Operation, Record, SdkModel, Type
from whopwatch.contract_build.typescript_types import (
    Scope,
    TypeScriptTypes,
    descendants,
    text_of,
    unreadable,
)
from whopwatch.core.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from tree_sitter import Node

_ROOT = "package/src/"
_QUERY = f"{_ROOT}internal/utils/query.ts"
_ARRAY_SUFFIX = {"brackets": "[]", "repeat": "", "comma": ""}
_VERBS = {"get", "post", "patch", "put", "delete"}
_SCOPE = re.compile(r"^\s*\* - `([a-z0-9_]+(?::[a-z0-9_]+)+)`", re.MULTILINE)


def read_typescript_sdk(archive: Path) -> SdkModel:
    """Read the SDK out of its npm tarball.

    Raises `SourceError` if the archive holds another layout, or a form of code that the reader does not know.
    """
    texts = {path: text for path, text in read_texts(archive, ".ts").items() if path.startswith(_ROOT)}
    parsed = {
        path: Scope.parse(path, text)
        for path, text in texts.items()
        if path.startswith((f"{_ROOT}resources/", f"{_ROOT}core/pagination")) and not path.endswith("index.ts")
    }
    types = TypeScriptTypes({path: scope for path, (scope, _) in parsed.items()})
    model = SdkModel(
        "typescript",
        version=_single(r"VERSION = '([^']+)'", texts.get(f"{_ROOT}version.ts", ""), archive),
        array_suffix=_ARRAY_SUFFIX[
            _single(r"arrayFormat: '(\w+)'", texts.get(_QUERY, texts.get(f"{_ROOT}client.ts", "")), archive)
        ],
    )
    for path, (scope, root) in parsed.items():
        resource = _resource(path)
        for method in _methods(root):
            operation = _operation(resource, method, scope, types)
            if operation is not None:
                model.operations[operation.id] = operation
    model.types.update(types.named_types())
    model.events.update(events_of(model.types))
    return model


def _resource(path: str) -> str:
    """The resource of a module by its path: `accounts.fees`, and `accounts` for the one named after its folder."""
    parts = path.removeprefix(f"{_ROOT}resources/").removesuffix(".ts").replace("-", "_").split("/")
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == parts[-2] else parts)


def _single(pattern: str, text: str, archive: Path) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SourceError(
            "the TypeScript SDK is of an unknown layout",
            where=archive.name,
            expected=f"a match for {pattern}",
        )
    return found[1]


def _methods(root: Node) -> list[Node]:
    """The methods of the module's resource class."""
    found = []
    for node in descendants(root):
        if node.type == "class_declaration" and "extends APIResource" in text_of(node).split("{", 1)[0]:
            body = node.child_by_field_name("body")
            found += [child for child in (body.named_children if body else []) if child.type == "method_definition"]
    return found


def _operation(resource: str, method: Node, scope: Scope, types: TypeScriptTypes) -> Operation | None:
    name, body = method.child_by_field_name("name"), method.child_by_field_name("body")
    call = _request(body) if body is not None else None
    returns = method.child_by_field_name("return_type")
    if name is None or call is None or returns is None:
        return None
    verb, arguments = call
    path = _path(arguments[0])
    parameters = _parameters(method, scope, types)
    query = parameters.get("query", (None, False))[0]
    sent, body_required = parameters.get("body", (None, False))
    if "params" in parameters and body is not None:
        query, sent = _taken_apart(parameters["params"][0], text_of(body))
        body_required = parameters["params"][1] and _has_required(sent)
    in_path = set(re.findall(r"\{(\w+)\}", path))
    response, is_list = _response(returns, scope, types)
    return Operation(
        id=f"{resource}.{_snake(text_of(name))}",
        method="GET" if verb == "getAPIList" else verb.upper(),
        path=path,
        query=_without(query, in_path),
        body=sent.variants if isinstance(sent, OneOf) else (sent,) if sent else (),
        body_required=body_required,
        response=response,
        is_list=is_list,
        scopes=_scopes(method),
    )


def _request(body: Node) -> tuple[str, list[Node]] | None:
    """The verb and the arguments of the call that sends the request."""
    for node in descendants(body):
        if node.type == "call_expression":
            function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            called = text_of(function) if function else ""
            verb = called.removeprefix("this._client.")
            if arguments and called != verb and (verb in _VERBS or verb == "getAPIList"):
                return verb, arguments.named_children
    return None


def _path(node: Node) -> str:
    """The path template of a string, or of a template tagged with `path`."""
    text = text_of(node)
    if node.type == "string":
        return text[1:-1]
    template = text[text.index("`") + 1 : text.rindex("`")]
    return re.sub(r"\$\{(\w+)\}", lambda found: f"{{{_snake(found[1])}}}", template)


def _parameters(method: Node, scope: Scope, types: TypeScriptTypes) -> dict[str, tuple[Type | None, bool]]:
    """The types of `query`, `body` and `params`, each with whether it must be given."""
    found: dict[str, tuple[Type | None, bool]] = {}
    declared = method.child_by_field_name("parameters")
    for parameter in declared.named_children if declared else []:
        name, annotation = parameter.child_by_field_name("pattern"), parameter.child_by_field_name("type")
        if name is None or annotation is None or text_of(name) not in {"query", "body", "params"}:
            continue
        expression = annotation.named_children[0]
        optional = parameter.type == "optional_parameter" or parameter.child_by_field_name("value") is not None
        options = [node for node in [expression, *descendants(expression)] if node.type == "type_identifier"]
        found[text_of(name)] = (types.expression(scope, options[0], expand=True), not optional)
    return found


def _taken_apart(read: Type | None, code: str) -> tuple[Type | None, Type | None]:
    """The query and the body out of one object of parameters, by how `code` takes it apart.

    `const { id, account_id, ...body } = params` names what is no part of the rest, and `query: { account_id }` what of
    that is sent as a query; the others stand in the path or in headers.
    """
    if not isinstance(read, Record):
        return read, None
    opened = re.search(r"const \{([^}]*)\} = params", code)
    names = {part.split(":")[0].strip().strip("'") for part in (opened[1] if opened else "").split(",")}
    asked = re.search(r"query: \{([^}]*)\}", code)
    in_query = {part.split(":")[0].strip() for part in (asked[1] if asked else "").split(",")}
    rest = Record(tuple(item for item in read.fields if item.name not in names))
    named = tuple(item for item in read.fields if item.name in in_query)
    if "...body" in names:
        return Record(named), rest
    return Record((*named, *rest.fields) if "...query" in names else named), None


def _has_required(read: Type | None) -> bool:
    return isinstance(read, Record) and any(item.required for item in read.fields)


def _without(read: Type | None, names: set[str]) -> tuple[Field, ...]:
    """The fields of a parameter object that are not already in the path."""
    return tuple(item for item in read.fields if item.name not in names) if isinstance(read, Record) else ()


def _response(returns: Node, scope: Scope, types: TypeScriptTypes) -> tuple[Type | None, bool]:
    generic = returns.named_children[0]
    name, arguments = generic.named_children
    inner = arguments.named_children[-1]
    if text_of(name) not in {"APIPromise", "PagePromise"}:
        raise unreadable(scope, text_of(generic))
    if text_of(inner) == "void":
        return None, False
    return types.expression(scope, inner), text_of(name) == "PagePromise"


def _scopes(method: Node) -> tuple[str, ...]:
    comment = method.prev_named_sibling
    return tuple(_SCOPE.findall(text_of(comment))) if comment and comment.type == "comment" else ()


def _snake(name: str) -> str:
    """`listFees`, `resourceID` and `createAPIKey` as `list_fees`, `resource_id` and `create_api_key`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", name).lower()
