"""Facts read off Whop's own OpenAPI document: compare a document with them, and make it say what they say.

`official.yaml` of an edition holds them by component schema, operation and event. A fact is about one place (a JSON
pointer with `*` for array items) and says any of: `types`, `nullable`, `required`, `enum`, `deprecated`. `superseded`
lists places where the edition's own version is another, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from whopwatch.contract.schema_tree import LEARNED
from whopwatch.contract_build.files import read_yaml
from whopwatch.core.errors import SourceError
from whopwatch.core.pointers import resolved

OFFICIAL = "official.yaml"
ASPECTS = ("types", "nullable", "required", "enum")
"""What of a fact is compared; the rest of it is only taken over."""

_Start = tuple[dict[str, Any], Callable[[dict[str, Any]], None]]
_SCALARS = {"string", "integer", "number", "boolean"}
_NULL = {"type": "null"}


@dataclass(frozen=True, slots=True)
class OfficialFact:
    """One fact. `where` is `schema NAME`, `event NAME`, or `response`, `request` or `parameter` with METHOD and PATH.

    `pointer` leads from there to the place, `says` are the aspects that were read.
    """

    where: str
    pointer: str
    says: Mapping[str, Any]

    def __str__(self) -> str:
        """Return the place in one line."""
        return f"{self.where} {self.pointer}".strip()


@dataclass
class _Place:
    """A property, parameter or array item in a document: `holder` has it, `replace` puts another schema there."""

    holder: dict[str, Any] | None
    name: str
    schema: dict[str, Any]
    replace: Callable[[dict[str, Any]], None]


def read_official(folder: Path) -> list[OfficialFact]:
    """Return the facts of an edition; none where it has no `official.yaml`."""
    path = folder / OFFICIAL
    content = read_yaml(path) if path.exists() else {}
    return [
        OfficialFact(where, pointer, says)
        for where, places in content.get("facts", {}).items()
        for pointer, says in places.items()
    ]


def read_superseded(folder: Path) -> Mapping[str, str]:
    """Return the places where the version of the edition differs from the official document that was read, and why."""
    path = folder / OFFICIAL
    found: Mapping[str, str] = (read_yaml(path) if path.exists() else {}).get("superseded", {})
    return found


def apply_official(document: dict[str, Any], facts: list[OfficialFact]) -> None:
    """Make `document` say what `facts` say, in place, and take back the marks of what is no longer learned.

    Raise SourceError for a fact whose place is not in the document: it was read off another version.
    """
    for fact in facts:
        place = _find(document, fact)
        if place is None:
            raise SourceError(
                "a fact of the official document has no place in the contract",
                where=f"{OFFICIAL}: {fact}",
                hint="delete it, or add the property in overlay.yaml if the SDK hides it",
            )
        _apply(document, place, fact.says)


def facts_that_hold(document: dict[str, Any], facts: list[OfficialFact]) -> Iterator[OfficialFact]:
    """Yield what of `facts` a document of another version leaves open or agrees with.

    An SDK says types and enum values, so what it says of another version counts. It leaves open whether an optional
    field is always there or may be null (the mark of learned fields): these aspects are kept.
    """
    for fact in facts:
        place = _find(document, fact)
        if place is None:
            continue
        found = _says(document, place)
        is_open = place.holder is None or place.name in place.holder.get(LEARNED, ())
        bare = {name for name in found["types"] if name != "null"}
        says = dict(fact.says)
        if "types" in says and {name for name in says["types"] if name != "null"} != bare:
            del says["types"]
        if "enum" in says and not _agrees("enum", says["enum"], found["enum"]):
            del says["enum"]
        for aspect in ("types", "nullable", "required"):
            if aspect in says and not is_open and not _agrees(aspect, says[aspect], found[aspect]):
                del says[aspect]
        if says:
            yield OfficialFact(fact.where, fact.pointer, says)


def disagreements_with(document: dict[str, Any], facts: list[OfficialFact]) -> Iterator[tuple[OfficialFact, str, Any]]:
    """Yield `(fact, aspect, what the document says)` for every aspect that differs; aspect `place` if it is absent."""
    for fact in facts:
        place = _find(document, fact)
        if place is None:
            yield fact, "place", None
            continue
        found = _says(document, place)
        for aspect in ASPECTS:
            if aspect in fact.says and not _agrees(aspect, fact.says[aspect], found[aspect]):
                yield fact, aspect, found[aspect]


def is_learned_at(document: dict[str, Any], fact: OfficialFact) -> bool:
    """Return whether the document marks the place of a fact as learned."""
    place = _find(document, fact)
    return bool(place and place.holder and place.name in place.holder.get(LEARNED, ()))


def documented_at(document: dict[str, Any], fact: OfficialFact) -> dict[str, Any] | None:
    """Return the types, presence and enum values of the document at the place of a fact; None without such a place."""
    place = _find(document, fact)
    return _says(document, place) if place else None


def _agrees(aspect: str, said: Any, found: Any) -> bool:
    if aspect == "types":
        return set(said) == set(found) or "any" in found or not said
    if aspect == "enum":
        return {value for value in said if value is not None} == set(found or ())
    return bool(said) == bool(found)


def _says(document: dict[str, Any], place: _Place) -> dict[str, Any]:
    """Return the types, the presence and the enum values that a document documents at a place."""
    types: set[str] = set()
    values: list[Any] = []
    for branch in _branches(document, place.schema):
        if "enum" in branch:
            values += branch["enum"]
        if branch.get("type"):
            types.add(branch["type"])
        elif not branch.keys() & {"enum", "properties"}:
            types.add("any")
    required = place.holder.get("required", ()) if place.holder else ()
    required = required if isinstance(required, bool) else place.name in required
    return {"types": sorted(types), "nullable": "null" in types, "required": required, "enum": values or None}


def _branches(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    schema = resolved(document, schema)
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    for branch in inner:
        yield from _branches(document, branch)
    if not inner:
        yield schema


def _apply(document: dict[str, Any], place: _Place, says: Mapping[str, Any]) -> None:
    found = _says(document, place)
    holder = place.holder
    is_parameter = holder is not None and "schema" in holder and "in" in holder
    if "required" in says and holder is not None and not is_parameter:
        required = [name for name in holder.get("required", ()) if name != place.name]
        required = [*required, place.name] if says["required"] else required
        holder["required"] = [name for name in holder["properties"] if name in required]
        if not holder["required"]:
            del holder["required"]
    elif "required" in says and is_parameter and holder is not None:
        holder["required"] = says["required"]
    types = says.get("types") or _with_null(found["types"], says.get("nullable"))
    if not _agrees("types", types, found["types"]):
        place.replace(_retyped(document, place.schema, types))
    if says.get("enum") and not _agrees("enum", says["enum"], found["enum"]):
        _set_enum(document, place, [value for value in says["enum"] if value is not None])
    if says.get("deprecated") and not is_parameter:
        place.schema["deprecated"] = True
    if (
        holder is not None
        and "required" in says
        and says.keys() & {"types", "nullable"}
        and place.name in holder.get(LEARNED, ())
    ):
        holder[LEARNED].remove(place.name)
        if not holder[LEARNED]:
            del holder[LEARNED]


def _with_null(types: list[str], nullable: bool | None) -> list[str]:
    """Return `types` with null or without it, unchanged where that was not read."""
    bare = [name for name in types if name != "null"]
    return types if nullable is None else [*bare, "null"] if nullable else bare


def _retyped(document: dict[str, Any], schema: dict[str, Any], types: list[str]) -> dict[str, Any]:
    """Return `schema` with these types: null added or taken away, and a scalar in place of another one."""
    branches = [branch for branch in schema.get("anyOf", [schema]) if branch != _NULL]
    wanted = [name for name in types if name != "null"]
    has = {kind for branch in branches for kind in _says(document, _Place(None, "", branch, _keep))["types"]}
    if set(wanted) != has and set(wanted) <= _SCALARS:
        marks = {key: value for key, value in branches[0].items() if key.startswith("x-")} if len(wanted) == 1 else {}
        branches = [{"type": name, **marks} for name in wanted]
    if "null" in types:
        branches = [*branches, dict(_NULL)]
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _keep(_: dict[str, Any]) -> None:
    """Replace nothing: the place is only read."""


def _set_enum(document: dict[str, Any], place: _Place, values: list[Any]) -> None:
    schema = place.schema
    branches = schema.get("anyOf", [schema])
    for index, branch in enumerate(branches):
        if branch == _NULL:
            continue
        plain = resolved(document, branch)
        made = {**{key: part for key, part in plain.items() if key != "enum"}, "enum": values}
        if "anyOf" in schema:
            schema["anyOf"][index] = made
        else:
            place.replace(made)
        return


def _find(document: dict[str, Any], fact: OfficialFact) -> _Place | None:
    kind, _, rest = fact.where.partition(" ")
    if kind == "parameter":
        return _parameter(document, rest, fact.pointer)
    start = _start(document, kind, rest)
    return _walk(document, start, fact.pointer) if start else None


def _start(document: dict[str, Any], kind: str, rest: str) -> _Start | None:
    if kind == "schema":
        schemas = document["components"]["schemas"]
        if rest not in schemas:
            return None
        return schemas[rest], partial(schemas.__setitem__, rest)
    if kind == "event":
        item = document.get("webhooks", {}).get(rest)
        content = item["post"]["requestBody"]["content"]["application/json"] if item else None
    else:
        operation = _operation(document, rest)
        if operation is None:
            return None
        if kind == "request":
            carrier = operation.get("requestBody", {})
        else:
            carrier = next(part for status, part in operation["responses"].items() if status.startswith("2"))
        content = carrier.get("content", {}).get("application/json")
    if content is None:
        return None
    return content["schema"], partial(content.__setitem__, "schema")


def _operation(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    method, _, path = name.partition(" ")
    found: dict[str, Any] | None = document["paths"].get(path, {}).get(method.lower())
    return found


def _parameter(document: dict[str, Any], name: str, pointer: str) -> _Place | None:
    operation = _operation(document, name)
    location, _, wanted = pointer.partition(":")
    parameters = [resolved(document, parameter) for parameter in operation["parameters"]] if operation else []
    found = next((one for one in parameters if (one["in"], one["name"]) == (location, wanted)), None)
    return _Place(found, wanted, found["schema"], partial(found.__setitem__, "schema")) if found else None


def _walk(document: dict[str, Any], start: _Start, pointer: str) -> _Place | None:
    schema, put = start
    place = _Place(None, "", schema, put)
    for part in pointer.split("/")[1:]:
        step, _, variant = part.removesuffix(">").partition("<")
        found = next((next_ for node in _plain(document, place.schema) if (next_ := _step(node, step))), None)
        found = _variant(document, found, variant) if found and variant else found
        if found is None:
            return None
        place = found
    return place


def _variant(document: dict[str, Any], union: _Place, name: str) -> _Place | None:
    """Return the variant of a union whose discriminator has the value `name`."""
    mapping = resolved(document, union.schema).get("discriminator", {}).get("mapping", {})
    return _Place(None, name, resolved(document, {"$ref": mapping[name]}), _keep) if name in mapping else None


def _step(node: dict[str, Any], step: str) -> _Place | None:
    if step == "*":
        if not isinstance(node.get("items"), dict):
            return None
        return _Place(None, step, node["items"], partial(node.__setitem__, "items"))
    properties = node.get("properties", {})
    if step not in properties:
        return None
    return _Place(node, step, properties[step], partial(properties.__setitem__, step))


def _plain(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects and arrays behind references, null and unions."""
    yield from (branch for branch in _branches(document, schema) if branch.keys() & {"properties", "items"})
