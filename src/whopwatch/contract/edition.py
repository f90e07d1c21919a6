"""Edition: one version of the API that a contract describes, and what is declared beside its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from whopwatch.contract.behaviour import Behaviour, WriteEffects, read_write_effects
from whopwatch.core.documents import DocumentError, parse_toml_document, read_bounded
from whopwatch.core.errors import ContractError

VERSION_HEADER = "Api-Version-Date"
"""The header that requests a version, and that some responses repeat."""
EDITION = "edition.toml"
"""The file that says which version a contract folder holds."""


@dataclass(frozen=True)
class McpServerFacts:
    """What is known of the MCP server of an edition.

    `tool_name` is the pattern of a tool's name (`{method}_{resource}`), `transports` are addresses by transport.
    `other_tools` and `other_arguments` belong to no operation. `without_tool` are operations that have no tool; `*`
    says that nothing is known of which have one.
    """

    tool_name: str
    transports: Mapping[str, str]
    other_tools: frozenset[str]
    other_arguments: frozenset[str]
    without_tool: frozenset[str]

    def has_tool(self, operation: str) -> bool:
        """Return whether the server is known to have a tool for an operation."""
        return self.without_tool.isdisjoint((operation, "*"))


@dataclass(frozen=True)
class Edition:
    """One version of the API.

    `version` is the value of the `Api-Version-Date` header, `release` the SDK release that the documents are made
    from (`sdk:0.0.23`), `date` the day of that release (ISO), `sha256` the digest of the documents. Each is None where
    it is not known. `versions` are the ones that the release knows. `folder` holds the declarations: behaviour.toml,
    writes.toml, mcp.toml. `source` is the OpenAPI file of a contract that is no edition; its declarations are those of
    the edition next to its version.
    """

    folder: Path
    version: str | None = None
    release: str | None = None
    date: str | None = None
    sha256: str = ""
    source: Path | None = None
    versions: Sequence[str] = ()

    def __str__(self) -> str:
        """Return the version, else the name of the file or folder."""
        return self.version or (self.source or self.folder).name

    def to_json(self, operations: int) -> dict[str, Any]:
        """Return the edition as the JSON report has it; `operations` is how many operations its documents have."""
        return {
            "version": self.version,
            "release": self.release,
            "date": self.date,
            "sha256": self.sha256,
            "operations": operations,
        }

    @cached_property
    def behaviour(self) -> Behaviour:
        """What lists, errors and the account resource are expected to do: `behaviour.toml`."""
        return Behaviour(**self._declared("behaviour.toml"))

    @cached_property
    def write_effects(self) -> WriteEffects:
        """What writes do beyond their schemas: `writes.toml`."""
        return read_write_effects(self._declared("writes.toml"))

    @cached_property
    def mcp_server(self) -> McpServerFacts:
        """What is known of the MCP server: `mcp.toml`."""
        declared = self._declared("mcp.toml")
        tools = declared["tools"]
        return McpServerFacts(
            declared["name"],
            declared["transports"],
            frozenset(tools["other"]),
            frozenset(tools["arguments"]),
            frozenset(tools["absent"]),
        )

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How much of each thing the documents have: `[counts]` of `sources.toml`, which `contract verify` compares."""
        counts: dict[str, int] = self._declared("sources.toml")["counts"]
        return counts

    @cached_property
    def probes(self) -> tuple[dict[str, Any], ...]:
        """The operations to probe if no configuration selects any: the tables of `probes.toml`, by default all GETs."""
        path = self.folder / "probes.toml"
        return tuple(read_toml(path)["probes"]) if path.exists() else ({"gets": True, "interval": "2m"},)

    def _declared(self, name: str) -> dict[str, Any]:
        return read_toml(self.folder / name)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file of a contract. Raise ContractError if it is missing or not TOML."""
    try:
        return parse_toml_document(read_bounded(path).decode())
    except OSError as error:
        raise ContractError("Cannot read a file of the contract.", where=str(path), got=error.strerror) from None
    except ValueError as error:
        got = str(error) if isinstance(error, DocumentError) else "text that is not UTF-8"
        raise ContractError("A file of the contract is not TOML.", where=str(path), got=got) from None
