"""Operation, Parameter, Response, Event: read-only views of an OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from whopwatch.core.pointers import escape_pointer, lookup

Schema = Mapping[str, Any]
Location = Literal["path", "query", "header"]

HTTP_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One documented parameter. `name` is as on the wire (`product_ids[]`); `schema` may be a `$ref`.

    `examples` are documented values.
    """

    name: str
    location: Location
    required: bool
    schema: Schema
    resource: str | None = None
    id_prefixes: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether the parameter takes several values: `name[]`, or a schema of type array."""
        return self.name.endswith("[]") or self.schema.get("type") == "array"

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources whose ids it takes, the likeliest first; none where that is not declared."""
        return (self.resource, *self.schema.get("x-resource-alternatives", ())) if self.resource else ()


@dataclass(frozen=True, slots=True)
class Response:
    """What is documented for one status. `schema` is None where no JSON body is."""

    status: int
    schema: Schema | None
    media_types: tuple[str, ...]
    pointer: str


@dataclass(frozen=True)
class Operation:
    """One documented operation.

    `path` is the template below the base URL of its `api` (`v1` or `v2`), `alternate_paths` other documented ones.
    `scopes` are what the key needs. `is_list` means a cursor-paginated list; `is_public` that it is known to
    answer without a key.
    """

    id: str
    api: str
    method: str
    path: str
    resource: str
    parameters: tuple[Parameter, ...]
    body: Schema | None
    body_required: bool
    responses: Mapping[int, Response]
    scopes: tuple[str, ...]
    is_list: bool = False
    is_public: bool = False
    alternate_paths: tuple[str, ...] = ()
    raw: Schema = field(default_factory=dict, repr=False)

    @property
    def method_name(self) -> str:
        """The last part of the id: `list` of `products.list`."""
        return self.id.rpartition(".")[2]

    @property
    def is_read(self) -> bool:
        """Whether the method is one that changes nothing."""
        return self.method in SAFE_METHODS

    @cached_property
    def success(self) -> Response:
        """The documented success response with the lowest status."""
        return self.responses[min(status for status in self.responses if 200 <= status < 300)]

    def in_(self, location: Location) -> Iterator[Parameter]:
        """Return the parameters at `location`; path parameters in the order of the path."""
        return (parameter for parameter in self.parameters if parameter.location == location)

    @cached_property
    def required_query(self) -> tuple[Parameter, ...]:
        """Query parameters that a request cannot do without."""
        return tuple(parameter for parameter in self.in_("query") if parameter.required)

    @cached_property
    def needed(self) -> tuple[Parameter, ...]:
        """What every request has to name, path parameters first."""
        return (*self.in_("path"), *self.required_query)

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter called `name` on the wire, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    @property
    def shown_path(self) -> str:
        """The template as a person finds it in the reference: other versions than v1 with their own prefix."""
        return self.path if self.api == "v1" else f"/{self.api}{self.path}"

    @cached_property
    def path_pattern(self) -> re.Pattern[str]:
        """Matches a concrete path of this operation, alternates included, below the base URL."""
        templates = (self.path, *self.alternate_paths)
        return re.compile("|".join(f"(?:{_template_pattern(template)})" for template in templates))

    def fill(self, values: Mapping[str, str], template: str | None = None) -> str:
        """Return the path with `values` (already percent-encoded where needed) in place of its parameters."""
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template or self.path)


@dataclass(frozen=True, slots=True)
class Event:
    """One documented webhook event and the schema of its whole payload."""

    name: str
    schema: Schema
    pointer: str
    resource: str


def _template_pattern(template: str) -> str:
    parts = re.split(r"\{\w+\}", template)
    return "[^/?#]+".join(re.escape(part) for part in parts)


def operations_of(api: str, document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in HTTP_METHODS:
            if method in item:
                yield _operation(api, document, path, method, item[method])


def _operation(api: str, document: Mapping[str, Any], path: str, method: str, raw: Mapping[str, Any]) -> Operation:
    def deref(node: Mapping[str, Any]) -> Mapping[str, Any]:
        return lookup(document, node["$ref"]) if "$ref" in node else node

    body = raw.get("requestBody")
    here = f"/paths/{escape_pointer(path)}/{method}"
    return Operation(
        id=raw["operationId"],
        api=api,
        method=method.upper(),
        path=path,
        resource=raw["tags"][0],
        parameters=tuple(sorted(map(_parameter, map(deref, raw.get("parameters", ()))), key=_place_in(path))),
        body=deref(body)["content"]["application/json"]["schema"] if body else None,
        body_required=bool(body and deref(body).get("required")),
        responses={
            int(status): _response(int(status), response, deref(response), f"{here}/responses/{status}")
            for status, response in raw["responses"].items()
        },
        scopes=tuple(scope for entry in raw.get("security", ()) for scopes in entry.values() for scope in scopes),
        is_list=bool(raw.get("x-list")),
        is_public=bool(raw.get("x-public")),
        alternate_paths=tuple(raw.get("x-alternate-paths", ())),
        raw=raw,
    )


def _place_in(path: str) -> Callable[[Parameter], int]:
    """Return the sort key of parameters: those of the path in its order, before all others."""
    return lambda one: path.find(f"{{{one.name}}}") if one.location == "path" else len(path)


def _parameter(raw: Mapping[str, Any]) -> Parameter:
    schema = raw["schema"]
    annotated = schema.get("items", schema)
    return Parameter(
        name=raw["name"],
        location=raw["in"],
        required=bool(raw.get("required")),
        schema=schema,
        resource=raw.get("x-resource") or annotated.get("x-resource"),
        id_prefixes=tuple(raw.get("x-id-prefix") or annotated.get("x-id-prefix", ())),
        examples=tuple(_examples(raw, schema)),
    )


def _examples(*nodes: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the example values of a parameter and of its schema; OpenAPI writes them in three ways."""
    for node in nodes:
        if "example" in node:
            yield node["example"]
        named = node.get("examples")
        if isinstance(named, Mapping):
            yield from (one["value"] for one in named.values() if isinstance(one, Mapping) and "value" in one)
        elif isinstance(named, list):
            yield from named


def _response(status: int, node: Mapping[str, Any], response: Mapping[str, Any], here: str) -> Response:
    content = response.get("content", {})
    base = node["$ref"].removeprefix("#") if "$ref" in node else here
    return Response(
        status=status,
        schema=content.get("application/json", {}).get("schema"),
        media_types=tuple(content),
        pointer=f"{base}/content/application~1json/schema",
    )


def events_of(document: Mapping[str, Any]) -> Iterator[Event]:
    for name, item in document.get("webhooks", {}).items():
        pointer = f"/webhooks/{escape_pointer(name)}/post/requestBody/content/application~1json/schema"
        raw = item["post"]
        yield Event(name=name, schema=lookup(document, pointer), pointer=pointer, resource=raw["tags"][0])
