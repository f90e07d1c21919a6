"""Decide what the Python SDK of Fern leaves open: whether a field is always there, and whether it may be null.

The SDK writes `Optional[T] = None` for three things: always there and nullable, sometimes absent, or both. Measured
on Whop's own OpenAPI document (1,906 fields of responses): fields of the older (legacy) operations are always there;
of the others, 91 % are always there and nullable. What a field's documentation says of null or of absence decides
first. Everything that is decided here is marked as learned, so that a check does not treat it as a promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from whopwatch.contract_build.sdk_model import (
    ListOf,
    MapOf,
    NamedType,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    SdkModel,
    SdkOperation,
    Type,
    nullable,
)

LEGACY_ERRORS = (400, 401, 403, 404, 422, 429, 500)
"""The statuses that every operation of the older surface documents, and no other operation does."""

_NULL = re.compile(r"\bnull\b", re.IGNORECASE)
_ABSENT = re.compile(
    r"\b(omitted|absent|(only )?(present|included|returned) (only )?(on|once|when|while|for|if)|only present)\b",
    re.IGNORECASE,
)
_LEGACY_NAME = re.compile(r"Legacy")
"""Objects of legacy operations, whether or not one of this version still returns them."""
_MOSTLY_OPEN = 4
"""A record of more open fields than this whose documentation never mentions null has optional ones."""

Rule = Callable[[RecordField, RecordType], RecordField]


def is_legacy(operation: SdkOperation) -> bool:
    """Check that an operation belongs to the older surface, by the statuses that its method distinguishes."""
    return operation.errors == LEGACY_ERRORS


def settle_presence(model: SdkModel) -> SdkModel:
    """Return `model` with `required` decided for every field; what is decided by a rule is marked as learned."""
    legacy, sent = _reach(model)
    types = {}
    for name, read in model.types.items():
        if name in legacy or _LEGACY_NAME.search(name):
            types[name] = _settled(read, _legacy)
        else:
            types[name] = _settled(read, _request if name in sent else _native)
    operations = {name: _operation(operation) for name, operation in model.operations.items()}
    return replace(model, types=types, operations=operations)


def _operation(operation: SdkOperation) -> SdkOperation:
    rule = _legacy if is_legacy(operation) else _native
    body = tuple(_settled(variant, _request) for variant in operation.body)
    return replace(
        operation,
        response=_settled(operation.response, rule) if operation.response else None,
        page=_settled(operation.page, rule) if operation.page else None,
        body=tuple(map(_nullable_fields, body)) if operation.method == "PATCH" else body,
    )


def _nullable_fields(body: Type) -> Type:
    """Return the body of an update with optional fields nullable: null clears a field (8 of 10 read officially)."""
    if not isinstance(body, RecordType):
        return body
    return RecordType(tuple(item if item.required else replace(item, type=nullable(item.type)) for item in body.fields))


def _legacy(item: RecordField, _: RecordType) -> RecordField:
    return replace(item, required=True, is_learned=True)


def _native(item: RecordField, record: RecordType) -> RecordField:
    says_null, says_absent = _NULL.search(item.documentation), _ABSENT.search(item.documentation)
    if says_absent or (not says_null and _never_null(record)):
        return _optional(item, may_be_null=bool(says_null))
    return replace(item, required=True, is_learned=True)


def _request(item: RecordField, _: RecordType) -> RecordField:
    return _optional(item, may_be_null=bool(_NULL.search(item.documentation)))


def _optional(item: RecordField, *, may_be_null: bool) -> RecordField:
    bare = item.type.inner if isinstance(item.type, Nullable) else item.type
    return replace(item, type=Nullable(bare) if may_be_null else bare, required=False, is_learned=True)


def _never_null(record: RecordType) -> bool:
    """Check that a record has many open fields and that none of their sentences mentions null."""
    left = [item for item in record.fields if item.required is None]
    told = any(_NULL.search(item.documentation) for item in left)
    return len(left) > _MOSTLY_OPEN and len(left) == len(record.fields) and not told


def _settled(read: Type, rule: Rule) -> Type:
    match read:
        case Nullable(inner=inner):
            return Nullable(_settled(inner, rule))
        case ListOf(item=item):
            return ListOf(_settled(item, rule))
        case MapOf(value=value):
            return MapOf(_settled(value, rule))
        case OneOf(variants=variants):
            return replace(read, variants=tuple(_settled(variant, rule) for variant in variants))
        case RecordType(fields=fields):
            decided = (rule(item, read) if item.required is None else item for item in fields)
            return RecordType(tuple(replace(item, type=_settled(item.type, rule)) for item in decided))
    return read


def _reach(model: SdkModel) -> tuple[set[str], set[str]]:
    """Return the types that legacy responses reach, and the types that only requests reach."""
    legacy: set[str] = set()
    native: set[str] = set()
    sent: set[str] = set()
    for operation in model.operations.values():
        found = legacy if is_legacy(operation) else native
        for read in (operation.response, operation.page):
            _collect(read, model, found)
        for read in (*operation.body, *(item.type for item in operation.query)):
            _collect(read, model, sent)
    for payload in model.events.values():
        _collect(payload, model, native)
    return legacy, sent - legacy - native


def _collect(read: Type | None, model: SdkModel, found: set[str]) -> None:
    todo = [read] if read else []
    while todo:
        for name in names_in(todo.pop()):
            if name not in found and name in model.types:
                found.add(name)
                todo.append(model.types[name])


def names_in(read: Type) -> Iterator[str]:
    """Yield the names of the types that `read` refers to, without those behind them."""
    match read:
        case NamedType(name=name):
            yield name
        case Nullable(inner=inner) | ListOf(item=inner) | MapOf(value=inner):
            yield from names_in(inner)
        case OneOf(variants=variants):
            for variant in variants:
                yield from names_in(variant)
        case RecordType(fields=fields):
            for item in fields:
                yield from names_in(item.type)


def referenced_types(model: SdkModel) -> Iterator[str]:
    """Yield the names of the types that an operation, an event or another type refers to."""
    for operation in model.operations.values():
        used = (operation.response, operation.page, *operation.body, *(item.type for item in operation.query))
        for read in used:
            yield from names_in(read) if read else ()
    for read in (*model.events.values(), *model.types.values()):
        yield from names_in(read)
