"""Read the official TypeScript SDK (`@whop/sdk`) from its declaration files, without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from whopwatch.contract_build.releases import read_texts, reading_sdk, single_match
from whopwatch.contract_build.sdk_model import (
    Enum,
    ListOf,
    MapOf,
    NamedType,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    Scalar,
    SdkModel,
    SdkOperation,
    Type,
    sdk_events,
)
from whopwatch.core.errors import SourceError

_PARSER = Parser(Language(tree_sitter_typescript.language_typescript()))
_OPEN = {"string & {}", "(string & {})"}
"""How an enum says that it may grow; so does every enum of the same generator."""
_PLAIN = {
    "string": Scalar("string"),
    "number": Scalar("number"),
    "boolean": Scalar("boolean"),
    "unknown": Scalar("any"),
    "any": Scalar("any"),
}


@dataclass
class Scope:
    """A module or namespace: the types it declares, its inner namespaces, and what surrounds it."""

    path: str
    parent: Scope | None = None
    types: dict[str, Node] = field(default_factory=dict)
    spaces: dict[str, Scope] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, path: str, text: str) -> tuple[Scope, Node]:
        """Read the module at `path` (its path in the archive); returns it with its syntax tree."""
        root = _PARSER.parse(text.encode()).root_node
        scope = cls(path)
        for statement in root.named_children:
            if statement.type == "import_statement":
                scope._add_import(statement)
        scope._add_declarations(root.named_children)
        return scope, root

    def _add_import(self, statement: Node) -> None:
        source = statement.child_by_field_name("source")
        origin = _relative(self.path, text_of(source).strip("'\"")) if source else ""
        for node in descendants(statement):
            if node.type == "namespace_import":
                self.modules[text_of(node.named_children[0])] = origin
            elif node.type == "import_specifier":
                self.names[text_of(node.named_children[-1])] = origin

    def _add_declarations(self, statements: list[Node]) -> None:
        for statement in statements:
            for node in _unwrapped(statement):
                name = node.child_by_field_name("name")
                if name is None:
                    continue
                if node.type in {"interface_declaration", "type_alias_declaration"}:
                    self.types[text_of(name)] = node
                elif node.type in {"internal_module", "module"}:
                    inner = self.spaces.setdefault(text_of(name), Scope(self.path, self))
                    body = node.child_by_field_name("body")
                    inner._add_declarations(body.named_children if body else [])

    @property
    def is_module(self) -> bool:
        """Whether this is the outermost scope, whose types have names in the API."""
        return self.parent is None


class TypeScriptTypes:
    """Resolves type expressions against the modules of one SDK."""

    def __init__(self, modules: dict[str, Scope]) -> None:
        self._modules = modules

    def named_types(self) -> dict[str, Type]:
        """Return every named type of the API: the types that a resource's module declares at its top."""
        types = {}
        for path, module in self._modules.items():
            if "/resources/" in path:
                for name, node in module.types.items():
                    if not name.endswith(("Params", "CursorPage")) and not _is_clients_own(node):
                        types[name] = self.declared(module, node)
        return types

    def declared(self, scope: Scope, node: Node) -> Type:
        """Return the type of a declaration inside `scope`."""
        if node.type == "type_alias_declaration":
            value = node.child_by_field_name("value")
            if value is None:
                raise unreadable(scope, text_of(node))
            return self.expression(scope, value)
        fields: list[RecordField] = []
        for part in node.named_children:
            if part.type == "extends_type_clause":
                for base in part.named_children:
                    inherited = self.expression(scope, base, expand=True)
                    fields += inherited.fields if isinstance(inherited, RecordType) else ()
        body = node.child_by_field_name("body")
        own = self._members(scope, body.named_children if body else [])
        return RecordType((*fields, *own.fields)) if isinstance(own, RecordType) else own

    def expression(self, scope: Scope, node: Node, *, expand: bool = False) -> Type:
        """Return the type of an expression inside `scope`; `expand` writes named ones out."""
        match node.type:
            case "predefined_type":
                return _PLAIN[text_of(node)]
            case "literal_type":
                return Enum((_literal(node.named_children[0]),))
            case "parenthesized_type":
                return self.expression(scope, node.named_children[0], expand=expand)
            case "array_type":
                return ListOf(self.expression(scope, node.named_children[0]))
            case "object_type":
                return self._members(scope, node.named_children)
            case "union_type":
                return self._union(scope, list(_alternatives(node)))
            case "generic_type":
                return self._generic(scope, node)
            case "type_identifier" | "nested_type_identifier":
                return self._reference(scope, text_of(node).split("."), expand)
        raise unreadable(scope, text_of(node))

    def _generic(self, scope: Scope, node: Node) -> Type:
        name, arguments = node.named_children
        if text_of(name) == "Array":
            return ListOf(self.expression(scope, arguments.named_children[0]))
        if text_of(name) == "Record":
            return MapOf(self.expression(scope, arguments.named_children[1]))
        raise unreadable(scope, text_of(node))

    def _union(self, scope: Scope, members: list[Node]) -> Type:
        variants: list[Type] = []
        literals: list[str | int | bool] = []
        is_nullable = False
        for member in members:
            if text_of(member) in {"null", "undefined"}:
                is_nullable = True
                continue
            if text_of(member) in _OPEN:
                continue
            read = self.expression(scope, member)
            if isinstance(read, Enum) and member.type == "literal_type":
                literals += read.values
            else:
                variants.append(read)
        if literals:
            variants.append(Enum(tuple(literals)))
        union = variants[0] if len(variants) == 1 else OneOf(tuple(variants), _discriminator(variants))
        return Nullable(union) if is_nullable else union

    def _members(self, scope: Scope, members: list[Node]) -> Type:
        fields = []
        for member in members:
            if member.type == "index_signature":
                value = member.child_by_field_name("type") or member.named_children[-1]
                return MapOf(self.expression(scope, _annotated(value)))
            name, declared = member.child_by_field_name("name"), member.child_by_field_name("type")
            if member.type == "property_signature" and name and declared:
                optional = any(child.type == "?" for child in member.children)
                read = self.expression(scope, _annotated(declared))
                fields.append(RecordField(text_of(name).strip("'\""), read, not optional))
        return RecordType(tuple(fields))

    def _reference(self, scope: Scope, parts: list[str], expand: bool) -> Type:
        found = self._find(scope, parts)
        if found is None:
            raise unreadable(scope, ".".join(parts))
        home, node = found
        name = parts[-1]
        if home.is_module and "/resources/" in home.path and not name.endswith("Params") and not expand:
            return NamedType(name)
        # Names inside a type are looked up from the namespace that bears the type's own name outwards.
        return self.declared(home, node)

    def _find(self, scope: Scope, parts: list[str]) -> tuple[Scope, Node] | None:
        here: Scope | None = scope
        while here is not None:
            found = self._descend(here, parts)
            if found is not None:
                return found
            here = here.parent
        return None

    def _descend(self, scope: Scope, parts: list[str]) -> tuple[Scope, Node] | None:
        head, rest = parts[0], parts[1:]
        if not rest:
            if head in scope.types:
                return scope, scope.types[head]
            origin = scope.names.get(head)
            module = self._modules.get(origin) if origin else None
            return self._descend(module, parts) if module is not None and module is not scope else None
        if head in scope.spaces:
            return self._descend(scope.spaces[head], rest)
        module = self._modules.get(scope.modules.get(head, ""))
        return self._descend(module, rest) if module is not None else None


def _is_clients_own(node: Node) -> bool:
    """Return whether a type describes options of the client, not the API."""
    bases = [child for child in node.named_children if child.type == "extends_type_clause"]
    return any("RequestOptions" in text_of(base) for base in bases)


def text_of(node: Node) -> str:
    """Return the source text of a node."""
    return node.text.decode() if node.text is not None else ""


def descendants(node: Node) -> Iterator[Node]:
    """Yield every node below `node`, in source order. A union of a thousand literals is that many levels deep."""
    waiting = list(reversed(node.children))
    while waiting:
        child = waiting.pop()
        yield child
        waiting += reversed(child.children)


def unreadable(scope: Scope, what: str) -> SourceError:
    """Return the error for a form that the reader does not know."""
    return SourceError(
        f"the TypeScript SDK uses a form that the reader does not know: {what}",
        where=scope.path,
        hint="teach whopwatch.contract_build.readers.typescript this form",
    )


def _annotated(node: Node) -> Node:
    return node.named_children[0] if node.type == "type_annotation" else node


def _alternatives(node: Node) -> Iterator[Node]:
    waiting = list(reversed(node.named_children))
    while waiting:
        child = waiting.pop()
        if child.type == "union_type":
            waiting += reversed(child.named_children)
        elif child.type != "comment":
            yield child


def _unwrapped(statement: Node) -> Iterator[Node]:
    """Yield the declarations inside `export`, `declare` and expression statements."""
    if statement.type in {"export_statement", "ambient_declaration", "expression_statement"}:
        for child in statement.named_children:
            yield from _unwrapped(child)
    else:
        yield statement


def _literal(node: Node) -> str | int | bool:
    text = text_of(node)
    if node.type == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if node.type in {"true", "false"}:
        return node.type == "true"
    return int(text)


def _relative(path: str, source: str) -> str:
    parts = path.split("/")[:-1]
    for step in source.removesuffix(".js").split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts) + ".ts"


_ROOT = "package/src/"
_QUERY = f"{_ROOT}internal/utils/query.ts"
_ARRAY_SUFFIX = {"brackets": "[]", "repeat": "", "comma": ""}
_VERBS = {"get", "post", "patch", "put", "delete"}
_SCOPE = re.compile(r"^\s*\* - `([a-z0-9_]+(?::[a-z0-9_]+)+)`", re.MULTILINE)


def read_typescript_sdk(archive: Path) -> SdkModel:
    """Read the SDK out of its npm tarball.

    Raise `SourceError` if the archive holds another layout, or a form of code that the reader does not know.
    """
    with reading_sdk(archive):
        return _read_archive(archive)


def _read_archive(archive: Path) -> SdkModel:
    texts = {path: text for path, text in read_texts(archive, ".ts").items() if path.startswith(_ROOT)}
    parsed = {
        path: Scope.parse(path, text)
        for path, text in texts.items()
        if path.startswith((f"{_ROOT}resources/", f"{_ROOT}core/pagination")) and not path.endswith("index.ts")
    }
    types = TypeScriptTypes({path: scope for path, (scope, _) in parsed.items()})
    model = SdkModel(
        "typescript",
        version=single_match(r"VERSION = '([^']+)'", texts.get(f"{_ROOT}version.ts", ""), archive),
        array_suffix=_ARRAY_SUFFIX[
            single_match(r"arrayFormat: '(\w+)'", texts.get(_QUERY, texts.get(f"{_ROOT}client.ts", "")), archive)
        ],
    )
    for path, (scope, root) in parsed.items():
        resource = _resource(path)
        for method in _methods(root):
            operation = _operation(resource, method, scope, types)
            if operation is not None:
                model.operations[operation.id] = operation
    model.types.update(types.named_types())
    model.events.update(sdk_events(model.types))
    return model


def _discriminator(variants: list[Type]) -> str | None:
    """Return the field that has another constant in each variant, if one has; TypeScript does not name it."""
    constants = [
        {
            item.name: item.type.values
            for item in (variant.fields if isinstance(variant, RecordType) else ())
            if item.required and isinstance(item.type, Enum) and len(item.type.values) == 1
        }
        for variant in variants
    ]
    shared = constants[0].keys() if constants else set[str]()
    for fields in constants[1:]:
        shared &= fields.keys()
    found = [name for name in sorted(shared) if len({fields[name] for fields in constants}) == len(variants)]
    return found[0] if len(found) == 1 else None


def _resource(path: str) -> str:
    """Return the resource of a module by its path: `accounts.fees`; `accounts` if it has the name of its folder."""
    parts = path.removeprefix(f"{_ROOT}resources/").removesuffix(".ts").replace("-", "_").split("/")
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == parts[-2] else parts)


def _methods(root: Node) -> list[Node]:
    """Return the methods of the module's resource class."""
    found = []
    for node in descendants(root):
        if node.type == "class_declaration" and "extends APIResource" in text_of(node).split("{", 1)[0]:
            body = node.child_by_field_name("body")
            found += [child for child in (body.named_children if body else []) if child.type == "method_definition"]
    return found


def _operation(resource: str, method: Node, scope: Scope, types: TypeScriptTypes) -> SdkOperation | None:
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
    return SdkOperation(
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
    """Return the verb and the arguments of the call that sends the request."""
    for node in descendants(body):
        if node.type == "call_expression":
            function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            called = text_of(function) if function else ""
            verb = called.removeprefix("this._client.")
            if arguments and called != verb and (verb in _VERBS or verb == "getAPIList"):
                return verb, arguments.named_children
    return None


def _path(node: Node) -> str:
    """Return the path template of a string, or of a template tagged with `path`."""
    text = text_of(node)
    if node.type == "string":
        return text[1:-1]
    template = text[text.index("`") + 1 : text.rindex("`")]
    return re.sub(r"\$\{(\w+)\}", lambda found: f"{{{_snake(found[1])}}}", template)


def _parameters(method: Node, scope: Scope, types: TypeScriptTypes) -> dict[str, tuple[Type | None, bool]]:
    """Return the types of `query`, `body` and `params`, each with whether it must be given."""
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
    """Return the query and the body of one object of parameters, as `code` destructures it.

    `const { id, account_id, ...body } = params` names what is no part of the rest, and `query: { account_id }` what of
    that is sent as a query; the others are in the path or in headers.
    """
    if not isinstance(read, RecordType):
        return read, None
    opened = re.search(r"const \{([^}]*)\} = params", code)
    names = {part.split(":")[0].strip().strip("'") for part in (opened[1] if opened else "").split(",")}
    asked = re.search(r"query: \{([^}]*)\}", code)
    in_query = {part.split(":")[0].strip() for part in (asked[1] if asked else "").split(",")}
    rest = RecordType(tuple(item for item in read.fields if item.name not in names))
    named = tuple(item for item in read.fields if item.name in in_query)
    if "...body" in names:
        return RecordType(named), rest
    return RecordType((*named, *rest.fields) if "...query" in names else named), None


def _has_required(read: Type | None) -> bool:
    return isinstance(read, RecordType) and any(item.required for item in read.fields)


def _without(read: Type | None, names: set[str]) -> tuple[RecordField, ...]:
    """Return the fields of a parameter object that are not already in the path."""
    return tuple(item for item in read.fields if item.name not in names) if isinstance(read, RecordType) else ()


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
    """Return a name in snake case: `list_fees` for `listFees`, `create_api_key` for `createAPIKey`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", name).lower()
