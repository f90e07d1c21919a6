"""Read the API that a release of an SDK describes."""

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
from whopwatch.diff.model import (
    Api,
    ApiOperation,
    ApiParameter,
    ApiResponse,
    Body,
    Facet,
    Property,
    Shape,
    Vague,
    event,
)

_JSON = "application/json"
_SUCCESS = "success"
"""The status of a response whose number the SDK does not state."""
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_DATES = {"date-time", "date"}


def read_sdk(model: SdkModel, name: str) -> Api:
    """Return the API that `model` describes, named `name`."""
    return _SdkReader(model).api(name)


class _SdkReader:
    """Reads the types of one release as shapes, as exactly as its language and generator allow.

    - TypeScript has one kind of number, and strings without a format.
    - Stainless writes `Optional[X] = None` for a field that is always present and nullable. If the order of fields does
      not show that it may be absent, it is read so: of 2,350 such fields in five releases, the TypeScript SDK of the
      same day declares every one as required.
    - Fern writes nullable and absent in the same way, so that only the two together are known.
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
        facets.add("array-names")
        if model.language == "python":
            facets |= {"deprecations", "hosts"}
        untyped = {name: event(name, None) for name in model.untyped_events}
        return Api(
            name=name,
            operations={key: self._operation(method) for key, method in model.operations.items()},
            events={**untyped, **{name: event(name, self.shape(payload)) for name, payload in model.events.items()}},
            types={key: self.shape(read) for key, read in model.types.items()},
            facets=frozenset(facets),
            default_version=model.api_version,
            is_sdk=True,
        )

    def shape(self, read: Type, *, sent: bool = False) -> Shape:
        """Return the shape of a type; `sent` is whether only requests use it."""
        match read:
            case Scalar(kind="any"):
                return Shape(nullable=None)
            case Scalar(kind=kind) if kind in _DATES:
                return Shape(frozenset({"string"}), format=kind)
            case Scalar(kind=kind):
                return Shape(frozenset({kind}), vague=self._vague)
            case Enum(values=values):
                return Shape(frozenset(_TYPES[type(value)] for value in values), enum=values)
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
        """Return whether the SDK writes an optional field in the same way as a nullable one."""
        if self._is_fern:
            return required is None or (sent and not required)
        return self._model.language == "python" and not required and not sent

    def _operation(self, method: Method) -> ApiOperation:
        return ApiOperation(
            id=method.id,
            method=method.method,
            path=method.path,
            parameters=tuple(self._parameters(method.query)),
            body=self._body(method),
            answers={_SUCCESS: self._response(method)},
            errors=dict.fromkeys(map(str, method.errors or ())),
            scopes=frozenset(method.scopes) or None,  # a method that lists none may still need one
            any_scope=method.any_scope,
            deprecated=method.deprecated,
            servers=(method.host,) if method.host else (),
        )

    def _parameters(self, fields: Iterable[RecordField]) -> Iterable[ApiParameter]:
        for item in fields:
            # A query string has no null: a nullable parameter is an optional one.
            read = item.type.inner if isinstance(item.type, Nullable) else item.type
            suffix = self._model.array_suffix if isinstance(read, ListOf) else ""
            shape = self.shape(read, sent=True)
            yield ApiParameter(item.name + suffix, "query", shape, bool(item.required), item.deprecated)

    def _body(self, method: Method) -> Body | None:
        shapes = tuple(self.shape(variant, sent=True) for variant in method.body)
        if not shapes:
            return None
        return Body({_JSON: shapes[0] if len(shapes) == 1 else Shape(variants=shapes)}, method.body_required)

    def _response(self, method: Method) -> ApiResponse:
        if method.response is None:
            return ApiResponse()
        if method.page is not None:
            return ApiResponse({_JSON: self.shape(method.page)})
        shape = self.shape(method.response)
        return ApiResponse({_JSON: self._page(shape) if method.is_list else shape})

    def _page(self, item: Shape) -> Shape:
        """Return the page that the SDK's pagination reads."""
        data = Property("data", Shape(frozenset({"array"}), items=item), required=True)
        info = Property("page_info", Shape(ref="PageInfo"), required=True)
        return Shape(frozenset({"object"}), properties=(data, info))
