"""A contract folder as `verify` sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from whopwatch.contract_build.declared import Reference
from whopwatch.core.errors import SourceError

VERSIONS = ("v1", "v2")
OVERLAY = "overlay.yaml"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a contract: which check found it, where, and what it is."""

    check: str
    where: str
    what: str


@dataclass(frozen=True)
class Folder:
    """A contract folder and its bundle."""

    path: Path

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """The content of `bundle.json`; raises `SourceError` if it is missing or no bundle."""
        where = self.path / "bundle.json"
        try:
            loaded: dict[str, Any] = json.loads(where.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SourceError("the contract has no bundle", where=str(where), hint="build the contract") from None
        except ValueError as error:
            raise SourceError("the bundle is no JSON", where=str(where), got=str(error)) from None
        return loaded

    @cached_property
    def documents(self) -> dict[str, dict[str, Any]]:
        """The bundled documents by API version."""
        return {version: self.bundle[version] for version in VERSIONS}

    @cached_property
    def reference(self) -> Reference:
        """The facts of the API reference."""
        return Reference.read(self.path)

    def parts(self, version: str) -> list[Path]:
        """The files that the document of `version` is made of."""
        return [path for path in sorted((self.path / version).glob("*.yaml")) if path.name != OVERLAY]

    def operations(self, version: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Path, method and content of every operation of `version`."""
        for path, item in self.documents[version]["paths"].items():
            for method, operation in item.items():
                yield path, method, operation
