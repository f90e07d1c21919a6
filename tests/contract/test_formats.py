"""A contract in the formats of other tools: valid, complete, and an Arazzo workflow that runs at the simulator."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import openapi_spec_validator
import pytest
import yaml

from whopwatch.cli import main
from whopwatch.contract import Contract, load
from whopwatch.planning.writes.bodies import BodyBuilder
from whopwatch.reports.contract_formats import OPENAPI_FILE, arazzo, asyncapi, openapi_30
from whopwatch.signature import SIGNATURE_HEADERS
from whopwatch.simulator import embedded

EDITIONS = ("2025-01-01", "2026-10-15-1")
ASYNCAPI_SCHEMAS = "@asyncapi/specs@6.11.1"
contract_of = cache(load)


@pytest.fixture(params=[EDITIONS[0], *(pytest.param(one, marks=pytest.mark.thorough) for one in EDITIONS[1:])])
def contract(request: pytest.FixtureRequest) -> Contract:
    return contract_of(request.param)


def references(node: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "(#[^"]+)"', json.dumps(node)))


def resolve(document: Any, pointer: str) -> Any:
    for part in pointer.removeprefix("#").removeprefix("/").split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


# OpenAPI 3.0


def test_openapi_30_is_valid_and_says_the_same(contract: Contract, tmp_path: Path) -> None:
    document = openapi_30(contract.documents["v1"])
    schema = Path(openapi_spec_validator.__file__).parent / "resources/schemas/v3.0/schema.json"
    assert not list(jsonschema_rs.validator_for(json.loads(schema.read_text())).iter_errors(document))
    assert document["x-webhooks"].keys() == contract.events.keys()
    for pointer in references(document):
        resolve(document, pointer)
    old, new, diff = (tmp_path / f"{name}.json" for name in ("old", "new", "diff"))
    for path, content in ((old, contract.documents["v1"]), (new, document)):
        path.write_text(json.dumps({key: value for key, value in content.items() if "webhooks" not in key}))
    code = main(["diff", str(old), str(new), "--json", str(diff)])
    assert (code, json.loads(diff.read_text())["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"const": 3}, {"enum": [3]}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"examples": ["a", "b"]}, {"example": "a"}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        ({"oneOf": [{"$ref": "#/a"}, {"type": "null"}]}, {"nullable": True, "allOf": [{"$ref": "#/a"}]}),
        ({"$ref": "#/a", "description": "b"}, {"description": "b", "allOf": [{"$ref": "#/a"}]}),
        ({"type": "array", "prefixItems": [{}]}, {"type": "array", "items": {}, "x-json-schema-prefixItems": [{}]}),
        (
            {"type": ["string", "array"]},
            {"allOf": [{"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}]},
        ),
        ({"properties": {"const": True}}, {"properties": {"const": {}}}),
        ({"default": {"anyOf": 1}}, {"default": {"anyOf": 1}}),
    ],
)
def test_keywords_that_openapi_30_lacks(schema: Any, expected: Any) -> None:
    document = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "components": {"schemas": {"A": schema}}}
    assert openapi_30(document)["components"]["schemas"]["A"] == expected


# AsyncAPI


def test_every_event_is_a_message_whose_schemas_are_there(contract: Contract) -> None:
    document = asyncapi(contract)
    assert document["channels"]["webhook"]["messages"].keys() == contract.events.keys() == document["operations"].keys()
    assert all(
        one["headers"]["required"] == list(SIGNATURE_HEADERS) for one in document["components"]["messages"].values()
    )
    for pointer in references(document):
        resolve(document, pointer)
    for name, message in document["components"]["messages"].items():
        assert message["payload"] == contract.events[name].schema


@pytest.mark.thorough
def test_asyncapi_has_the_form_of_its_official_schema(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    pack = [npm or "npm", "pack", ASYNCAPI_SCHEMAS, "--silent"]
    done = npm and subprocess.run(pack, cwd=tmp_path, capture_output=True, timeout=120, check=False).returncode == 0
    if not done and os.environ.get("CI"):
        pytest.fail(f"npm cannot fetch {ASYNCAPI_SCHEMAS}")
    if not done:
        pytest.skip(f"npm cannot fetch {ASYNCAPI_SCHEMAS} here")
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/schemas/3.0.0-without-$id.json")
        assert member is not None
        official = jsonschema_rs.validator_for(json.load(member))
    for name in EDITIONS:
        assert not list(official.iter_errors(asyncapi(contract_of(name))))
    assert not official.is_valid({**asyncapi(contract_of(EDITIONS[0])), "channels": []})


# Arazzo

STEP_KEYS = {"stepId", "operationId", "parameters", "requestBody", "successCriteria", "outputs"}
WORKFLOW_KEYS = {"workflowId", "description", "inputs", "steps", "outputs"}


def test_every_workflow_follows_the_contract_and_has_what_its_steps_need(contract: Contract) -> None:
    document = arazzo(contract)
    assert document["arazzo"] == "1.0.1"
    ids = [workflow["workflowId"] for workflow in document["workflows"]]
    assert len(ids) == len(set(ids)) > 25
    for workflow in document["workflows"]:
        assert workflow.keys() <= WORKFLOW_KEYS
        assert re.fullmatch(r"[A-Za-z0-9_-]+", workflow["workflowId"])
        outputs: set[str] = set()
        used: set[str] = set()
        for step in workflow["steps"]:
            assert step.keys() <= STEP_KEYS
            operation = contract.operations[step["operationId"]]
            given = {(one["name"], one["in"]) for one in step["parameters"]}
            assert given == {(one.name, one.location) for one in operation.parameters if one.required}
            assert not operation.body_required or "requestBody" in step
            text = json.dumps(step)
            used |= set(re.findall(r"\$inputs\.([\w-]+)", text))
            assert set(re.findall(r"\$steps\.([\w.-]+)", text)) <= outputs
            outputs |= {f"{step['stepId']}.outputs.{name}" for name in step.get("outputs", {})}
        steps = [step["stepId"] for step in workflow["steps"]]
        assert len(steps) == len(set(steps))
        assert used == workflow["inputs"]["properties"].keys() == set(workflow["inputs"]["required"])
        for pointer in re.findall(rf'"{re.escape(OPENAPI_FILE)}(#[^"]+)"', json.dumps(workflow["inputs"])):
            resolve(contract.documents["v1"], pointer)


@pytest.mark.parametrize(
    ("edition", "name"),
    [(EDITIONS[0], "products"), (EDITIONS[0], "promo_codes"), (EDITIONS[1], "promo_codes_deactivate")],
)
def test_a_workflow_runs_at_the_simulator(edition: str, name: str) -> None:
    contract = contract_of(edition)
    workflow = next(one for one in arazzo(contract)["workflows"] if one["workflowId"] == name)
    with (
        embedded(contract) as simulator,
        httpx.Client(headers={"Authorization": f"Bearer {simulator.api_key}"}) as client,
    ):
        unique = (f"arazzo {number}" for number in count())
        bodies = BodyBuilder(contract, lambda _: simulator.company_id, lambda: next(unique))
        known: dict[str, Any] = {}
        for step in workflow["steps"]:
            operation = contract.operations[step["operationId"]]
            known[f"$inputs.{step['stepId']}_body"] = bodies.minimal(operation) if operation.body else None
            path = {one["name"]: known[one["value"]] for one in step["parameters"] if one["in"] == "path"}
            payload = step.get("requestBody", {}).get("payload")
            body = known[payload] if isinstance(payload, str) else payload
            response = client.request(operation.method, simulator.base_url + operation.fill(path), json=body)
            for output, expression in step.get("outputs", {}).items():
                known[f"$steps.{step['stepId']}.outputs.{output}"] = resolve(
                    response.json(), expression.partition("#")[2]
                )
            for criterion in step["successCriteria"]:
                assert holds(criterion["condition"], response, known), (step["stepId"], criterion, response.text[:200])
    assert len(workflow["steps"]) > 2


def holds(condition: str, response: httpx.Response, known: dict[str, Any]) -> bool:
    left, operator, right = condition.split(" ", 2)
    pointer = left.partition("#")[2]
    actual = response.status_code if left == "$statusCode" else resolve(response.json(), pointer)
    expected = known[right] if right in known else yaml.safe_load(right)
    return bool((actual == expected) is (operator == "=="))


def test_each_format_is_written_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, key in (("openapi-3.0", "openapi"), ("asyncapi", "asyncapi"), ("arazzo", "arazzo")):
        file = tmp_path / f"{form}.yaml"
        assert main(["contract", "export", "--format", form, "-o", str(file)]) == 0
        assert yaml.load(file.read_text(), Loader=yaml.CSafeLoader)[key].startswith(("3.0", "1.0"))
    assert main(["contract", "export", "--format", "arazzo", "--api", "v2"]) == 2
    assert "--format arazzo is for v1." in capsys.readouterr().err
