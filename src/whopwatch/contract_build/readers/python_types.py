"""Read the types of the Python SDK from its source with `ast`: both layouts write them alike."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace

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
    Type,
    nullable,
)
from whopwatch.core.errors import SourceError

_PLAIN = {
    "str": Scalar("string"),
    "bytes": Scalar("string"),
    "int": Scalar("integer"),
    "float": Scalar("number"),
    "bool": Scalar("boolean"),
    "datetime": Scalar("date-time"),
    "date": Scalar("date"),
    "object": Scalar("any"),
    "Any": Scalar("any"),
}
_SEQUENCES = {"List", "Iterable", "Sequence", "SequenceNotStr", "list"}
_MAPPINGS = {"Dict", "Mapping", "dict"}
_BASES = {"BaseModel", "TypedDict", "UniversalBaseModel"}
_DEPRECATED = re.compile(r"(^|\.\s)deprecated\b[.:]?", re.IGNORECASE)


@dataclass
class Module:
    """One source module: what it defines, and where its other names come from."""

    path: str
    definitions: dict[str, ast.ClassDef | ast.expr] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    primary: str | None = None
    public_name: str | None = None

    @property
    def name(self) -> str:
        """What the API calls the module's primary type; two modules may define types of one name."""
        return self.public_name or self.primary or ""

    @classmethod
    def parse(cls, path: str, text: str) -> Module:
        """Read the module at `path` (its path in the archive, which relative imports are resolved against)."""
        return cls.read(path, ast.parse(text))

    @classmethod
    def read(cls, path: str, tree: ast.Module) -> Module:
        """Return the module at `path`, from its syntax tree."""
        module = cls(path)
        package = path.removesuffix(".py").split("/")
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                module.definitions[node.name] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                module.definitions[node.target.id] = node.value
            elif isinstance(node, ast.ImportFrom) and node.level:
                base = [*package[: -node.level], *(node.module or "").split(".")]
                origin = "/".join(part for part in base if part) + ".py"
                for alias in node.names:
                    module.imports[alias.asname or alias.name] = (origin, alias.name)
            elif isinstance(node, ast.Assign) and _assigns(node, "__all__"):
                names = ast.literal_eval(node.value)
                module.primary = names[0] if names else None
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                module.definitions[node.targets[0].id] = node.value
        return module


class PythonTypes:
    """Resolves annotations against the modules of one SDK."""

    def __init__(self, modules: dict[str, Module], *, is_ordered: bool = True) -> None:
        """Read the modules of a package; `is_ordered` if the generator writes required fields before optional ones."""
        self._modules = modules
        self._is_ordered = is_ordered

    def named_types(self) -> dict[str, Type]:
        """Return every named type of the API: the first export of each module of types.

        A type may stand twice, for requests and for responses; the two must say the same.
        """
        types: dict[str, Type] = {}
        for path, module in self._modules.items():
            if path.endswith("_params.py") or module.primary is None:
                continue
            found = self.definition(module, module.primary)
            if types.setdefault(module.name, found) != found:
                raise SourceError(
                    f"the Python SDK defines {module.name} twice, differently",
                    where=path,
                    hint="give the reader a rule that distinguishes the two",
                )
        return types

    def definition(self, module: Module, name: str) -> Type:
        """Return the type that `module` defines as `name`."""
        node = module.definitions[name]
        return self._record(module, node) if isinstance(node, ast.ClassDef) else self.annotation(module, node)

    def reference(self, module: Module, name: str) -> Type:
        """Return what `name` means inside `module`: a plain type, a named one, or one written out."""
        if name in module.definitions:
            if name == module.primary and not module.path.endswith("_params.py"):
                return NamedType(module.name)
            return self.definition(module, name)
        if name in module.imports:
            origin, original = module.imports[name]
            target = self._modules.get(origin)
            if target is not None and original == target.primary:
                return NamedType(target.name)
            if target is not None:
                return self.reference(target, original)
        if name in _PLAIN:
            return _PLAIN[name]
        raise _unreadable(module, name)

    def annotation(self, module: Module, node: ast.expr) -> Type:
        """Return the type of an annotation in `module`."""
        match node:
            case ast.Name(id=name):
                return self.reference(module, name)
            case ast.Attribute(value=ast.Name(id="builtins"), attr=name) if name in _PLAIN:
                return _PLAIN[name]
            case ast.Constant(value=str(text)):
                return self.annotation(module, ast.parse(text, mode="eval").body)
            case ast.BinOp(op=ast.BitOr()):
                return self._union(module, _flatten(node), None)
            case ast.Subscript(value=ast.Name(id=generic), slice=inner):
                return self._generic(module, generic, inner)
        raise _unreadable(module, ast.unparse(node))

    def _generic(self, module: Module, generic: str, inner: ast.expr) -> Type:
        arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if generic == "Literal":
            return Enum(tuple(ast.literal_eval(value) for value in arguments))
        if generic in {"Required", "Optional"}:
            read = self.annotation(module, arguments[0])
            return nullable(read) if generic == "Optional" else read
        if generic in _SEQUENCES:
            return ListOf(self.annotation(module, arguments[0]))
        if generic in _MAPPINGS:
            return MapOf(self.annotation(module, arguments[1]))
        if generic == "Union":
            return self._union(module, arguments, None)
        if generic == "Annotated":
            return self._annotated(module, arguments)
        raise _unreadable(module, f"{generic}[...]")

    def _annotated(self, module: Module, arguments: list[ast.expr]) -> Type:
        info = property_info(arguments[1:])
        subject = arguments[0]
        if "discriminator" in info and isinstance(subject, ast.Subscript):
            members = subject.slice.elts if isinstance(subject.slice, ast.Tuple) else [subject.slice]
            return self._union(module, members, info["discriminator"])
        return self.annotation(module, subject)

    def _union(self, module: Module, members: list[ast.expr], discriminator: str | None) -> Type:
        variants: list[Type] = []
        is_nullable = False
        for member in members:
            if isinstance(member, ast.Constant) and member.value is None:
                is_nullable = True
                continue
            read = self.annotation(module, member)
            if isinstance(read, Nullable):
                is_nullable, read = True, read.inner
            variants.append(read)
        # An enum that says it may grow; so does every enum of the same generator.
        if Scalar("any") in variants and any(isinstance(variant, Enum) for variant in variants):
            variants.remove(Scalar("any"))
            variants = [replace(one, is_open=True) if isinstance(one, Enum) else one for one in variants]
        # A date in a request may be given as a string or as a datetime; on the wire it is one thing.
        if {Scalar("string"), Scalar("date-time")} == set(variants):
            variants = [Scalar("date-time")]
        union = variants[0] if len(variants) == 1 else OneOf(tuple(variants), discriminator)
        return nullable(union) if is_nullable else union

    def _record(self, module: Module, node: ast.ClassDef) -> RecordType:
        is_request = any(isinstance(base, ast.Name) and base.id == "TypedDict" for base in node.bases)
        fields: list[RecordField] = []
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id not in _BASES:
                inherited = self.reference(module, base.id)
                fields += self._fields_of(module, inherited)
        for line, comment in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                required: bool | None
                if is_request:
                    required = "Required[" in ast.unparse(line.annotation).split("Literal[")[0]
                else:
                    required = None if _has_default(line) else True
                name = _alias(line) or line.target.id
                read = self.annotation(module, line.annotation)
                note = _text_of(comment)
                fields.append(RecordField(name, read, required, is_deprecated(note), documentation=note))
        return RecordType(_settle_required(fields) if self._is_ordered and not is_request else tuple(fields))

    def _fields_of(self, module: Module, read: Type) -> tuple[RecordField, ...]:
        if isinstance(read, NamedType):
            for other in self._modules.values():
                if other.primary is not None and other.name == read.name and other.primary in other.definitions:
                    read = self.definition(other, other.primary)
                    break
        if not isinstance(read, RecordType):
            raise _unreadable(module, "a base class that is no record")
        return read.fields


def property_info(arguments: list[ast.expr]) -> dict[str, str]:
    """Return the keywords of the `PropertyInfo(...)` among `arguments`."""
    for argument in arguments:
        if isinstance(argument, ast.Call):
            return {word.arg: str(ast.literal_eval(word.value)) for word in argument.keywords if word.arg}
    return {}


def is_deprecated(documentation: str) -> bool:
    """Return whether a field's or a method's documentation says that it is deprecated, at the start of a sentence."""
    return _DEPRECATED.search(documentation) is not None


def _text_of(node: ast.stmt | None) -> str:
    """Return the text of a string statement: it documents the line before it."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value.strip()
    return ""


def _has_default(line: ast.AnnAssign) -> bool:
    """Return whether the code allows a response without the field, as it also does for a nullable one."""
    given: ast.expr | None = line.value
    for node in [line.value, *ast.walk(line.annotation)]:
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"Field", "FieldInfo"}:
            defaults = [word.value for word in node.keywords if word.arg == "default"]
            given = defaults[0] if defaults else (None if node is line.value else given)
    # The constant that identifies a variant of a union is written as a default, and always comes.
    return given is not None and not (isinstance(given, ast.Constant) and given.value is not None)


def _settle_required(fields: list[RecordField]) -> tuple[RecordField, ...]:
    """Distinguish required-but-nullable from optional by the generator's order of fields.

    It writes the required fields first ("id", then a to z) and the optional ones after them, a to z again: a
    default inside the first sorted run belongs to a required field. Behind the last field that is known to be
    required the order may say nothing; such fields stay undecided.
    """
    names = [field.name for field in fields]
    start = 1 if names[:1] == ["id"] else 0
    end = start
    while end < len(names) and (end == start or names[end] > names[end - 1]):
        end += 1
    last_known = max((index for index, field in enumerate(fields) if field.required), default=-1)
    settled = []
    for index, item in enumerate(fields):
        required = item.required
        if required is None and index < last_known:
            required = True
        elif required is None and index >= end:
            required = False
        settled.append(replace(item, required=required))
    return tuple(settled)


def _alias(line: ast.AnnAssign) -> str | None:
    """Return the wire name of a field, where it differs from the attribute's."""
    if isinstance(line.value, ast.Call):
        for word in line.value.keywords:
            if word.arg == "alias":
                return str(ast.literal_eval(word.value))
    for node in ast.walk(line.annotation):
        if isinstance(node, ast.Call):
            return property_info([node]).get("alias")
    return None


def _flatten(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_flatten(node.left), *_flatten(node.right)]
    return [node]


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _unreadable(module: Module, what: str) -> SourceError:
    return SourceError(
        f"the Python SDK uses a type that the reader does not know: {what}",
        where=module.path,
        hint="teach whopwatch.contract_build.readers.python this form",
    )
