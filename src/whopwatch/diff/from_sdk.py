"""A promise as an SDK release tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

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
    Type,
)
from whopwatch.contract_build.sdk_model import SdkOperation as Method
from whopwatch.diff.model import Api, Body, Facet, Operation, Parameter, Property, Shape, Vague

JSON = "application/json"
SUCCESS = "success"
"""The status of an answer whose number the SDK does not tell."""

_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_DATES = {"date-time", "date"}


def api_of(model: SdkModel, name: str) -> Api:
    """The promise in `model`, called `name`."""
    return _Reader(model).api(name)


class _Reader:
    """Writes the types of one release as shapes, as exactly as its language and generator can tell.

    - TypeScript has one kind of number, and strings without a format.
    - Stainless writes `Optional[X] = None` for what is always there and may be null. Where the order of fields does
      not tell it from what may be left out, it is that: of 2,350 such fields in five releases, the TypeScript SDK of
      the same day calls every one required.
    - Fern writes the same for both, in any order, so that only the two together are known.
    """

    def __init__(self, model: SdkModel) -> None:
        self._model = model
        self._is_fern = model.generator == "fern"
        self._vague: frozenset[Vague] = frozenset({"integer", "format"} if model.language == "typescript" else ())

    def api(self, name: str) -> Api:
        model = self._model
        facets: set[Facet] = set()
        if any(method.scopes for method in model.operations.values()):
            facets.add("scopes")
        if any(method.errors is not None for method in model.operations.values()):
            facets.add("errors")
        if not self._is_fern:
            facets.add("array-names")
        if model.language == "python":
            facets.add("deprecations")
        return Api(
            name=name,
            operations={key: self._operation(method) for key, method in model.operations.items()},
            events={event: self.shape(payload) for event, payload in model.events.items()},
            types={key: self.shape(read) for key, read in model.types.items()},
            facets=frozenset(facets),
            is_sdk=True,
        )

    def shape(self, read: Type, *, sent: bool = False) -> Shape:
        """The shape of a type; `sent` says that it is written for requests alone."""
        match read:
            case Scalar(kind="any"):
                return Shape(nullable=None)
            case Scalar(kind=kind) if kind in _DATES:
                return Shape(frozenset({"string"}), format=kind)
            case Scalar(kind=kind):
                return Shape(frozenset({kind}), vague=self._vague)
            case Enum(values=values):
                return Shape(frozenset(_KINDS[type(value)] for value in values), enum=values)
            case ListOf(item=item):
                return Shape(frozenset({"array"}), items=self.shape(item, sent=sent))
            case MapOf(value=value):
                return Shape(frozenset({"object"}), values=self.shape(value, sent=sent))
            case NamedType(name=name):
                return Shape(ref=name)
            case Nullable(inner=inner):
                return replace(self.shape(inner, sent=sent), nullable=True)
            case RecordType(fields=fields):
                return Shape(frozenset({"object"}), properties=tuple(self._property(item, sent) for item in fields))
            case OneOf(variants=variants, discriminator=tag):
                return Shape(variants=tuple(self.shape(variant, sent=sent) for variant in variants), tag=tag)

    def _property(self, item: RecordField, sent: bool) -> Property:
        shape, required = self.shape(item.type, sent=sent), item.required
        if required is None and not self._is_fern:
            required = True
        if self._cannot_tell_null(required, sent):
            shape = replace(shape, nullable=None)
        return Property(item.name, shape, required, item.deprecated)

    def _cannot_tell_null(self, required: bool | None, sent: bool) -> bool:
        """Whether what may be left out is written just as what may be null."""
        if self._is_fern:
            return required is None or (sent and not required)
        return self._model.language == "python" and not required and not sent

    def _operation(self, method: Method) -> Operation:
        return Operation(
            id=method.id,
            method=method.method,
            path=method.path,
            parameters=tuple(self._parameters(method.query)),
            body=self._body(method),
            answers={SUCCESS: self._answer(method)},
            errors=dict.fromkeys(map(str, method.errors or ())),
            scopes=frozenset(method.scopes),
            deprecated=method.deprecated,
        )

    def _parameters(self, fields: Iterable[RecordField]) -> Iterable[Parameter]:
        for item in fields:
            # Null cannot be written in a query string: a nullable parameter is one that may be left out.
            read = item.type.inner if isinstance(item.type, Nullable) else item.type
            suffix = self._model.array_suffix if isinstance(read, ListOf) else ""
            shape = self.shape(read, sent=True)
            yield Parameter(item.name + suffix, "query", shape, bool(item.required), item.deprecated)

    def _body(self, method: Method) -> Body | None:
        shapes = tuple(self.shape(variant, sent=True) for variant in method.body)
        if not shapes:
            return None
        return Body({JSON: shapes[0] if len(shapes) == 1 else Shape(variants=shapes)}, method.body_required)

    def _answer(self, method: Method) -> dict[str, Shape]:
        if method.response is None:
            return {}
        if method.page is not None:
            return {JSON: self.shape(method.page)}
        shape = self.shape(method.response)
        return {JSON: self._page(shape) if method.is_list else shape}

    def _page(self, item: Shape) -> Shape:
        """The envelope that the SDK's own pager reads."""
        data = Property("data", Shape(frozenset({"array"}), items=item), required=True)
        info = Property("page_info", Shape(ref="PageInfo"), required=True)
        return Shape(frozenset({"object"}), properties=(data, info))
