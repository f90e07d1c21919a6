"""Loading the whole contract from its bundle, relative to parsing its YAML files. Aim: under 0.3 s."""

from __future__ import annotations

import yaml

from benchmarks.measure import interleaved, table
from benchmarks.usage import command_line
from whopwatch.contract import edition_dir, forget_contracts, load


def from_bundle() -> None:
    """Load the contract, as every command does first."""
    forget_contracts()
    load()


def with_validators() -> None:
    """Load it and compile every response schema, which a command does only when needed."""
    forget_contracts()
    contract = load()
    for operation in contract.operations.values():
        for response in operation.responses.values():
            if response.schema is not None:
                contract.validator(response.pointer, operation.api).prepare()


def yaml_files(loader: type) -> None:
    """Parse the YAML files only, without following references or compiling schemas."""
    for path in sorted(edition_dir().glob("v*/*.yaml")):
        yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders


def main() -> None:
    """Measure and print."""
    command_line(__doc__).parse_args()
    seconds = interleaved(
        {
            "whopwatch, from its bundle": from_bundle,
            "whopwatch, every validator compiled": with_validators,
            "the YAML files, C loader": lambda: yaml_files(yaml.CSafeLoader),
            "the YAML files, Python loader": lambda: yaml_files(yaml.SafeLoader),
        },
        rounds=5,
    )
    print(table("Loading 149 operations and 1 of v2", seconds, base="whopwatch, from its bundle"))


if __name__ == "__main__":
    main()
