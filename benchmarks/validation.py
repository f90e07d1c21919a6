"""Validating a list of 100 items, relative to the reference implementation in pure Python."""

from __future__ import annotations

from functools import partial

import httpx
import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from benchmarks.measure import interleaved, table
from benchmarks.usage import command_line
from whopwatch.contract import Contract, load
from whopwatch.contract.schema import DIALECT
from whopwatch.simulator import embedded

LISTS = ("products.list", "payments.list")


def bodies(contract: Contract) -> dict[str, object]:
    """Return a page of 100 items of each list, from the simulator."""
    found = {}
    with embedded(contract, items=100) as simulator:
        for id in LISTS:
            answer = httpx.get(
                simulator.base_url + contract.operation(id).path,
                params={"company_id": simulator.company_id, "first": 100},
                headers={"Authorization": f"Bearer {simulator.api_key}"},
            )
            found[id] = answer.raise_for_status().json()
    return found


def reference_validator(contract: Contract, pointer: str) -> jsonschema.Draft202012Validator:
    """Return the same schema compiled by the `jsonschema` package."""
    resource = Resource.from_contents(contract.documents["v1"], default_specification=DRAFT202012)
    return jsonschema.Draft202012Validator(
        {"$schema": DIALECT, "$ref": f"urn:v1#{pointer.replace('{', '%7B').replace('}', '%7D')}"},
        registry=Registry().with_resource("urn:v1", resource),
    )


def main() -> None:
    """Measure and print."""
    command_line(__doc__).parse_args()
    contract = load()
    for id, body in bodies(contract).items():
        pointer = contract.operation(id).success.pointer
        validator, reference = contract.validator(pointer), reference_validator(contract, pointer)
        seconds = interleaved(
            {
                "whopwatch (jsonschema-rs)": partial(validator.is_valid, body),
                "jsonschema": partial(reference.is_valid, body),
            },
            rounds=30,
        )
        print(table(f"{id}, 100 items", seconds, base="whopwatch (jsonschema-rs)"))


if __name__ == "__main__":
    main()
