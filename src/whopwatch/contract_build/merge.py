"""Two readings of one API made into one exact schema.

Python distinguishes integers from other numbers and knows dates; TypeScript distinguishes nullable from
optional. The two packages of one version are often published on different days. Where they differ, Python's reading is
taken and the difference recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from whopwatch.contract_build.sdk_model import (
    Enum,
    ListOf,
    MapOf,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    Scalar,
    SdkModel,
    SdkOperation,
    Type,
)

_WIRE_STRING = {"date-time", "date"}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two sources that say different things of the same place; the first reading was taken."""

    location: str
    python: str
    typescript: str


@dataclass
class Merger:
    """Merges type by type and collects the disagreements."""

    disagreements: list[Disagreement] = field(default_factory=list)

    def type(self, where: str, python: Type, typescript: Type) -> Type:
        """Return the exact type at `where`."""
        if isinstance(typescript, Nullable):
            if not isinstance(python, Nullable):
                self.note(where, "not null", "nullable")
                return self.type(where, python, typescript.inner)
            return Nullable(self.type(where, python.inner, typescript.inner))
        if isinstance(python, Nullable):
            self.note(where, "nullable", "not null")
            return Nullable(self.type(where, python.inner, typescript))
        match python, typescript:
            case Scalar(kind="integer"), Scalar(kind="number"):
                return python
            case Scalar(kind=kind), Scalar(kind="string") if kind in _WIRE_STRING:
                return python
            case ListOf(mine), ListOf(other):
                return ListOf(self.type(f"{where}/*", mine, other))
            case MapOf(mine), MapOf(other):
                return MapOf(self.type(f"{where}/*", mine, other))
            case OneOf(), OneOf() if len(python.variants) == len(typescript.variants):
                return self._union(where, python, typescript)
            case RecordType(), RecordType():
                return self._record(where, python, typescript)
        if python != typescript:
            self.note(where, _brief(python), _brief(typescript))
        return python

    def _union(self, where: str, python: OneOf, typescript: OneOf) -> OneOf:
        pairs = zip(python.variants, typescript.variants, strict=True)
        merged = [self.type(f"{where}/<{index}>", mine, other) for index, (mine, other) in enumerate(pairs)]
        return OneOf(tuple(merged), python.discriminator or typescript.discriminator)

    def _record(self, where: str, python: RecordType, typescript: RecordType) -> RecordType:
        others = {item.name: item for item in typescript.fields}
        names = {item.name for item in python.fields}
        merged = [self._field(f"{where}/{mine.name}", mine, others.get(mine.name)) for mine in python.fields]
        for extra in (item for item in typescript.fields if item.name not in names):
            self.note(f"{where}/{extra.name}", "absent", "present")
            merged.append(replace(extra, required=False))
        return RecordType(tuple(merged))

    def _field(self, where: str, python: RecordField, typescript: RecordField | None) -> RecordField:
        if typescript is None:
            self.note(where, "present", "absent")
            return python
        if python.required is not None and python.required != typescript.required:
            self.note(where, _necessity(python), _necessity(typescript))
        mine, other = python.type, typescript.type
        # A default of None in a Python model says only that the field may be missing or null; which of the
        # two, only TypeScript says it.
        if not typescript.required and isinstance(mine, Nullable) and not isinstance(other, Nullable):
            mine = mine.inner
        required = typescript.required if python.required is None else python.required
        return RecordField(python.name, self.type(where, mine, other), required)

    def note(self, where: str, python: str, typescript: str) -> None:
        """Record a disagreement."""
        self.disagreements.append(Disagreement(where, python, typescript))

    def operation(self, python: SdkOperation, typescript: SdkOperation) -> SdkOperation:
        """Return the exact operation."""
        where = python.id
        for name in ("method", "path", "is_list", "scopes", "body_required"):
            mine, other = getattr(python, name), getattr(typescript, name)
            if mine != other:
                self.note(f"{where}#{name}", str(mine), str(other))
        query = self._record(f"{where}#query", RecordType(python.query), RecordType(typescript.query))
        body: tuple[Type, ...] = python.body
        if len(python.body) == len(typescript.body):
            pairs = zip(python.body, typescript.body, strict=True)
            body = tuple(self.type(f"{where}#body", mine, other) for mine, other in pairs)
        else:
            self.note(f"{where}#body", f"{len(python.body)} variants", f"{len(typescript.body)} variants")
        response = python.response
        if python.response is not None and typescript.response is not None:
            response = self.type(f"{where}#response", python.response, typescript.response)
        elif python.response != typescript.response:
            self.note(f"{where}#response", _brief(python.response), _brief(typescript.response))
        return replace(python, query=query.fields, body=body, response=response)


def merge_readings(python: SdkModel, typescript: SdkModel) -> tuple[SdkModel, list[Disagreement]]:
    """Return the exact model of both readings, and every place where they disagree.

    It has the operations and events of Python, and the types of either.
    """
    merger = Merger()
    for name in ("version", "array_suffix"):
        if getattr(python, name) != getattr(typescript, name):
            merger.note(f"#{name}", getattr(python, name), getattr(typescript, name))
    for kind in ("operations", "types", "events"):
        mine, other = getattr(python, kind), getattr(typescript, kind)
        for name in sorted(mine.keys() ^ other.keys()):
            present = ("present", "absent") if name in mine else ("absent", "present")
            merger.note(f"{kind}/{name}", *present)
    alone = single_source(python)
    merged = replace(
        alone,
        language="merged",
        operations=dict(alone.operations),
        types={**typescript.types, **alone.types},
        events=dict(alone.events),
    )
    for key in python.operations.keys() & typescript.operations.keys():
        merged.operations[key] = merger.operation(python.operations[key], typescript.operations[key])
    for key in python.types.keys() & typescript.types.keys():
        merged.types[key] = merger.type(key, python.types[key], typescript.types[key])
    for key in python.events.keys() & typescript.events.keys():
        merged.events[key] = merger.type(f"event {key}", python.events[key], typescript.events[key])
    return merged, sorted(merger.disagreements, key=lambda item: item.location)


def single_source(model: SdkModel) -> SdkModel:
    """Return the schema of a single reading.

    Where Stainless leaves open whether a field may be missing, the TypeScript SDKs always call it required. Fern's
    fields stay open; what is open is not required of an answer.
    """
    if model.generator != "stainless":
        return model
    settled = replace(model, operations={}, types={}, events=dict(model.events))
    settled.types.update({name: _settled(read) for name, read in model.types.items()})
    for name, operation in model.operations.items():
        response = _settled(operation.response) if operation.response is not None else None
        settled.operations[name] = replace(operation, response=response)
    return settled


def _settled(read: Type) -> Type:
    match read:
        case Nullable(inner=inner):
            return Nullable(_settled(inner))
        case ListOf(item=item):
            return ListOf(_settled(item))
        case MapOf(value=value):
            return MapOf(_settled(value))
        case OneOf(variants=variants):
            return replace(read, variants=tuple(map(_settled, variants)))
        case RecordType(fields=fields):
            return RecordType(
                tuple(replace(it, type=_settled(it.type), required=it.required is not False) for it in fields)
            )
    return read


def _necessity(item: RecordField) -> str:
    return "required" if item.required else "optional"


def _brief(read: Type | None) -> str:
    match read:
        case Scalar(kind=kind):
            return kind
        case Enum(values=values):
            return "one of " + ", ".join(map(str, values))
        case OneOf(variants=variants):
            return f"a union of {len(variants)}"
        case None:
            return "nothing"
    return str(getattr(read, "name", type(read).__name__))
