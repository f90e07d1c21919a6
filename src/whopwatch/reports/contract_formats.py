"""A contract in the formats of other tools: OpenAPI 3.0, its events as AsyncAPI 3, its write journeys as Arazzo 1.0."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import Action
from whopwatch.contract.operation import Parameter
from whopwatch.signature import SIGNATURE_HEADERS

OPENAPI_FILE = "./whop-openapi.json"
"""Where an Arazzo document expects the OpenAPI document, relative to itself."""
_SCHEMAS = "#/components/schemas/"
__all__ = ["OPENAPI_FILE", "arazzo", "asyncapi", "exported"]
Node = Mapping[str, Any]
_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf")
_UNKNOWN = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$schema", "$vocabulary", "contains",
        "contentEncoding", "contentMediaType", "contentSchema", "dependentRequired", "dependentSchemas", "else", "if",
        "maxContains", "minContains", "patternProperties", "prefixItems", "propertyNames", "then", "unevaluatedItems",
        "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords of JSON Schema 2020-12 that OpenAPI 3.0 lacks. They are kept as `x-json-schema-*`."""
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def exported(contract: Contract, form: str, api: str) -> dict[str, Any]:
    """Return the contract as `openapi`, `openapi-3.0` (both of `api`), `asyncapi` or `arazzo`."""
    if form == "openapi-3.0":
        return openapi_30(contract.documents[api])
    if form == "asyncapi":
        return asyncapi(contract)
    return arazzo(contract) if form == "arazzo" else contract.documents[api]


def asyncapi(contract: Contract) -> dict[str, Any]:
    """Return the webhook events as AsyncAPI 3.0: Whop sends each to the URL of the webhook."""
    channel = "#/channels/webhook"
    headers = {"type": "object", "properties": {name: {"type": "string"} for name in SIGNATURE_HEADERS}}
    messages = {
        event.name: {
            "name": event.name,
            "title": event.name,
            "contentType": "application/json",
            "headers": {**headers, "required": list(SIGNATURE_HEADERS)},
            "payload": _async_schema(event.schema),
        }
        for event in contract.events.values()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Whop webhooks", "version": str(contract.edition)},
        "defaultContentType": "application/json",
        "channels": {
            "webhook": {
                "address": None,
                "description": "The URL of a webhook. Each delivery is signed as Standard Webhooks describes.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            name: {
                "action": "send",
                "channel": {"$ref": channel},
                "messages": [{"$ref": f"{channel}/messages/{name}"}],
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            }
            for name in messages
        },
        "components": {"messages": messages, "schemas": _used_schemas(contract, messages)},
    }


def _used_schemas(contract: Contract, root: Any) -> dict[str, Any]:
    """Return every shared schema that `root` needs, by name."""
    shared = contract.documents["v1"].get("components", {}).get("schemas", {})
    used: dict[str, Any] = {}
    waiting = sorted(_references(root))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = _async_schema(shared[name])
            waiting += sorted(_references(used[name]))
    return dict(sorted(used.items()))


def _references(node: Any) -> set[str]:
    return set(re.findall(rf'"\$ref": "{_SCHEMAS}([^"/]+)"', json.dumps(node)))


def _async_schema(node: Any) -> Any:
    """Return a schema with the discriminator of AsyncAPI, which is the name of a property."""
    if isinstance(node, list):
        return [_async_schema(part) for part in node]
    if not isinstance(node, Mapping):
        return node
    done = {key: _async_schema(value) for key, value in node.items()}
    discriminator = node.get("discriminator")
    if isinstance(discriminator, Mapping) and isinstance(discriminator.get("propertyName"), str):
        done["discriminator"] = discriminator["propertyName"]
    return done


def arazzo(contract: Contract) -> dict[str, Any]:
    """Return a workflow for each resource that can be created, and one for each action on such an object."""
    creates = [one for one in contract.operations.values() if one.api == "v1" and one.method_name == "create"]
    workflows = [workflow for create in creates if not create.is_read for workflow in _workflows(contract, create)]
    return {
        "arazzo": "1.0.1",
        "info": {"title": "Whop write journeys", "version": str(contract.edition)},
        "sourceDescriptions": [{"name": "whop", "url": OPENAPI_FILE, "type": "openapi"}],
        "workflows": workflows,
    }


def _workflows(contract: Contract, create: Operation) -> Iterator[dict[str, Any]]:
    """Yield the life of an object, then what each action with a declared effect does to one.

    Actions have workflows of their own, because many exclude each other: a payment is refunded or voided.
    """
    life = _Workflow(contract, create)
    life.add_life()
    yield life.document(create.resource)
    for id, action in contract.edition.write_effects.actions.items():
        operation = life.named(id.removeprefix(f"{create.resource}."))
        if operation and operation.id == id and id.rpartition(".")[2] not in ("create", "update", "delete"):
            workflow = _Workflow(contract, create)
            workflow.add_action(operation, action)
            yield workflow.document(id)


class _Workflow:
    """A workflow that begins with the creation of an object: its steps, and the inputs that they need."""

    def __init__(self, contract: Contract, create: Operation) -> None:
        self._contract = contract
        self._create = create
        self._inputs: dict[str, Any] = {}
        self._required: list[str] = []
        self._steps: list[dict[str, Any]] = []
        properties = contract.resolve(create.success.schema or {}, create.api).get("properties", {})
        self._has_id = "id" in properties
        self._add(create, "create", outputs={"id": "$response.body#/id"} if self._has_id else {})

    def document(self, name: str) -> dict[str, Any]:
        """Return the workflow."""
        operations = [self._contract.operations[step["operationId"]] for step in self._steps]
        effects = self._contract.edition.write_effects
        reasons = [reason for one in operations if not one.is_read and (reason := effects.reason_against(one))]
        note = f". Only at a simulator or sandbox: {reasons[0]}" if reasons else ""
        return {
            "workflowId": _identifier(name),
            "description": ", ".join(one.id for one in operations) + note,
            "inputs": {"type": "object", "properties": self._inputs, "required": self._required},
            "steps": self._steps,
            **({"outputs": {"id": "$steps.create.outputs.id"}} if self._has_id else {}),
        }

    def add_life(self) -> None:
        """Add read, update and deletion, as far as the contract has them."""
        retrieve, update, delete = map(self.named, ("retrieve", "update", "delete"))
        if retrieve:
            self._add(retrieve, "retrieve", criteria=["$response.body#/id == $steps.create.outputs.id"])
        if update:
            self._add(update, "update")
        if update and retrieve:
            self._add(retrieve, "retrieve_updated")
        if delete:
            self._add(delete, "delete")

    def add_action(self, operation: Operation, action: Action) -> None:
        """Add an action and, if its effect is declared, a read that shows it."""
        self._add(operation, operation.method_name, body=action.body)
        retrieve = self.named("retrieve")
        if retrieve and action.sets:
            self._add(retrieve, "retrieve", criteria=list(_effects(action)))

    def named(self, method: str) -> Operation | None:
        """Return the operation `<resource>.<method>` if its path names an object of the resource that has an id."""
        found = self._contract.operations.get(f"{self._create.resource}.{method}")
        return found if found and self._has_id and any(map(self._is_own_id, found.in_("path"))) else None

    def _is_own_id(self, parameter: Parameter) -> bool:
        return self._create.resource in parameter.resources

    def _add(
        self,
        operation: Operation,
        step: str,
        *,
        body: Mapping[str, Any] | None = None,
        outputs: Mapping[str, str] | None = None,
        criteria: list[str] | None = None,
    ) -> None:
        """Add a step that sends `operation`; `body` is what its body must contain, else it is an input."""
        required = [parameter for parameter in operation.parameters if parameter.required]
        conditions = [f"$statusCode == {operation.success.status}", *(criteria or ())]
        self._steps.append(
            {
                "stepId": _identifier(step),
                "operationId": operation.id,
                "parameters": [
                    {"name": one.name, "in": one.location, "value": self._value(one, step)} for one in required
                ],
                **self._request_body(operation, step, body),
                "successCriteria": [{"condition": condition} for condition in conditions],
                **({"outputs": dict(outputs)} if outputs else {}),
            }
        )

    def _value(self, parameter: Parameter, step: str) -> str:
        if step != "create" and parameter.location == "path" and self._is_own_id(parameter):
            return "$steps.create.outputs.id"
        return self._input(_identifier(parameter.name), parameter.schema)

    def _request_body(self, operation: Operation, step: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        if operation.body is None or not (operation.body_required or body or step in ("create", "update")):
            return {}
        payload = dict(body) if body else self._input(f"{_identifier(step)}_body", operation.body)
        return {"requestBody": {"contentType": "application/json", "payload": payload}}

    def _input(self, name: str, schema: Mapping[str, Any]) -> str:
        """Declare an input of the workflow; return the expression of its value."""
        if name not in self._inputs:
            self._inputs[name] = json.loads(json.dumps(schema).replace('"$ref": "#/', f'"$ref": "{OPENAPI_FILE}#/'))
            self._required.append(name)
        return f"$inputs.{name}"


def _effects(action: Action) -> Iterator[str]:
    """Yield the conditions that the object fulfils after an action; `*` is any value but null."""
    for name, value in action.sets.items():
        if isinstance(value, str) and value != "*":
            literal = "'" + value.replace("'", "''") + "'"
        else:
            literal = "null" if value == "*" else json.dumps(value)
        yield f"$response.body#/{name} {'!=' if value == '*' else '=='} {literal}"


def _identifier(name: str) -> str:
    """Return `name` with the characters only that an id of Arazzo may have."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")


def openapi_30(document: Node) -> dict[str, Any]:
    """Return `document` in OpenAPI 3.0.3. What 3.0 cannot say is kept in extensions: webhooks as `x-webhooks`."""
    kept = {key: value for key, value in document.items() if key not in ("jsonSchemaDialect", "webhooks")}
    if "webhooks" in document:
        kept["x-webhooks"] = document["webhooks"]
    license = document["info"].get("license", {})
    info = {key: value for key, value in document["info"].items() if key != "summary"}
    if license:
        info["license"] = {key: value for key, value in license.items() if key != "identifier"}
    components = {key: value for key, value in document.get("components", {}).items() if key != "pathItems"}
    converted: dict[str, Any] = _converted({"paths": {}, **kept, "components": components})
    return {**converted, "openapi": "3.0.3", "info": info}


def _converted(node: Any) -> Any:
    """Return a part of a document that is no schema, with the schemas in it converted."""
    if isinstance(node, list):
        return [_converted(part) for part in node]
    if not isinstance(node, dict):
        return node
    done = {}
    for key, value in node.items():
        if key == "schema":
            done[key] = _schema(value)
        elif key == "schemas":
            done[key] = {name: _schema(part) for name, part in value.items()}
        else:
            done[key] = value if key in ("example", "examples", "default") else _converted(value)
    return done


def _schema(schema: Any) -> dict[str, Any]:
    """Return a schema of JSON Schema 2020-12 as one of OpenAPI 3.0."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        reference = {"$ref": schema["$ref"]}
        return {**_schema(rest), "allOf": [reference]} if rest else reference
    done: dict[str, Any] = {}
    for key, value in schema.items():
        _convert_keyword(done, key, value)
    _convert_types(done)
    _convert_null_branch(done)
    if done.get("type") == "array":
        done.setdefault("items", {})
    return done


def _convert_keyword(done: dict[str, Any], key: str, value: Any) -> None:
    if key in _SCHEMA_LISTS:
        done[key] = [_schema(part) if part != {"type": "null"} else part for part in value]
    elif key == "properties":
        done[key] = {name: _schema(part) for name, part in value.items()}
    elif key in ("items", "not") or (key == "additionalProperties" and not isinstance(value, bool)):
        done[key] = _schema(value)
    elif key == "const":
        done["enum"] = [value]
    elif key == "examples" and isinstance(value, list):
        done.update({"example": value[0]} if value else {})
    elif key in _BOUNDS and not isinstance(value, bool):
        done.update({_BOUNDS[key]: value, key: True})
    else:
        done[f"x-json-schema-{key}" if key in _UNKNOWN else key] = value


def _convert_types(schema: dict[str, Any]) -> None:
    """Replace a list of types, and the type null, which 3.0 does not have."""
    types = schema.get("type")
    if types == "null":
        schema.update({"type": "string", "nullable": True, "enum": [None]})
    elif isinstance(types, list):
        named = [one for one in types if one != "null"]
        del schema["type"]
        if len(named) < len(types):
            schema["nullable"] = True
        if len(named) == 1:
            schema["type"] = named[0]
        elif named:
            variants = [{"type": one, **({"items": {}} if one == "array" else {})} for one in named]
            schema.setdefault("allOf", []).append({"anyOf": variants})


def _convert_null_branch(schema: dict[str, Any]) -> None:
    """Say `nullable` instead of a branch that is null. A branch that is left alone becomes the schema itself."""
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if not branches or {"type": "null"} not in branches:
            continue
        rest = [branch for branch in branches if branch != {"type": "null"}]
        del schema[key]
        schema["nullable"] = True
        if len(rest) > 1:
            schema[key] = rest
        elif rest and ("$ref" in rest[0] or not schema.keys().isdisjoint(rest[0])):
            schema["allOf"] = [*schema.get("allOf", ()), *rest]
        elif rest:
            schema.update(rest[0])
