"""The declared facts that are kept by hand: the API reference, id prefixes, sources."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from whopwatch.contract_build.followed import followed, read_followed
from whopwatch.contract_build.texts import read_yaml
from whopwatch.core.errors import SourceError

LANGUAGES = ("python", "typescript")


@dataclass(frozen=True)
class Reference:
    """The API reference, as data."""

    data: dict[str, Any]

    @classmethod
    def read(cls, contracts: Path) -> Reference:
        """Read `reference.yaml` of a contract folder, and what a later release changed of it, if anything."""
        return cls(followed(read_yaml(contracts / "reference.yaml"), read_followed(contracts)))

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources by name, in the order of the reference."""
        return {resource["name"]: resource for resource in self.data["resources"]}

    @cached_property
    def operations(self) -> dict[str, dict[str, str]]:
        """The operations by id: `method`, `path` and `scope`, as the reference writes them."""
        return {operation["id"]: operation for row in self.resources.values() for operation in row["operations"]}

    def scopes(self, operation: str) -> list[str]:
        """The permission that an operation takes, if the reference lists the operation at all."""
        return [self.operations[operation]["scope"]] if "scope" in self.operations[operation] else []

    @cached_property
    def events(self) -> dict[str, str]:
        """The resource of each webhook event."""
        return {event: name for name, row in self.resources.items() for event in row["events"]}


@dataclass(frozen=True)
class Package:
    """One SDK release: where it comes from and the digest that pins it.

    Without a version it only says where releases are: the one that the contract is made of was not published there.
    """

    registry: str
    name: str
    version: str
    file: str
    sha256: str

    @property
    def is_published(self) -> bool:
        """Whether there is such a release."""
        return bool(self.version)


@dataclass(frozen=True)
class Sources:
    """The declared sources: the packages by language, and what the document made of them comes to."""

    packages: dict[str, Package]
    counts: dict[str, int]

    @classmethod
    def read(cls, contracts: Path) -> Sources:
        """Read `sources.toml` of a contract folder; raises `SourceError` if it is missing or malformed."""
        path = contracts / "sources.toml"
        try:
            declared = tomllib.loads(path.read_text(encoding="utf-8"))
            packages = {language: Package(**facts) for language, facts in declared["sdk"].items()}
            return cls({language: packages[language] for language in LANGUAGES}, declared["counts"])
        except FileNotFoundError:
            raise SourceError("the declaration of the sources is missing", where=str(path)) from None
        except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
            raise SourceError(
                "the declaration of the sources cannot be used",
                where=str(path),
                expected="[sdk.python] and [sdk.typescript] with registry, name, version, file, sha256; [counts]",
                got=str(error),
            ) from None


def read_prefixes(contracts: Path) -> dict[str, list[str]]:
    """Return the documented id prefixes by resource, and by the other things that have ids."""
    declared = read_yaml(contracts / "id_prefixes.yaml")
    return {**declared["resources"], **declared["others"]}
