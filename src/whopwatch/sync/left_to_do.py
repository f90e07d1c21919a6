"""What a person has to decide after a contract was moved: each with the file, the key, and an example of the entry."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from whopwatch.contract import Contract
from whopwatch.contract_build.merge import Disagreement
from whopwatch.contract_build.verify import Problem
from whopwatch.core.finding import Finding

_OVERLAY = ("overlay.yaml", "actions")
_OF_QUERIES = {"queries", "filters", "order"}
"""Checks of what a query parameter does: behaviour.toml declares it."""


@dataclass(frozen=True, slots=True)
class LeftToDo:
    """One decision: what is wrong and where, and the entry (`key` of `file`, such as `example`) that settles it."""

    check: str
    where: str
    what: str
    file: str
    key: str
    example: str

    def lines(self) -> Iterable[str]:
        """Yield it as text."""
        yield f"{self.where}: {self.what}"
        yield f"  file     {self.file}, key {self.key}"
        yield f"  example  {self.example}"


def of_problem(problem: Problem) -> LeftToDo:
    """Return what settles a problem of `contract verify`."""
    word = problem.what.rpartition(" ")[2]
    if "undeclared prefix" in problem.what:
        entry = ("id_prefixes.yaml", "resources or others", f"{word.rstrip('_')}: [{word}]")
    elif problem.check == "counts":
        entry = ("sources.toml", f"counts.{problem.where}", f"{problem.where} = {word}")
    elif problem.check == "official":
        entry = ("official.yaml", "facts", f"delete the entry of {problem.where}")
    elif problem.check == "conflicts":
        entry = ("conflicts.yaml", "conflicts", f"delete or correct the entry {problem.where}")
    elif problem.check in ("reference", "edition"):
        entry = (f"{problem.check}.{'yaml' if problem.check == 'reference' else 'toml'}", problem.where, problem.what)
    else:
        entry = (*_OVERLAY, _overlay_entry(problem.where))
    return LeftToDo(problem.check, problem.where, problem.what, *entry)


def of_disagreement(found: Disagreement) -> LeftToDo:
    """Return what settles a place where the two SDKs disagree; until then the contract has Python's reading."""
    readings = f"{{source: Python SDK, says: {json.dumps(found.python)}}}"
    readings += f", {{source: TypeScript SDK, says: {json.dumps(found.typescript)}}}"
    example = (
        f"- {{id: {_name(found.location)}, subject: ..., operations: [], settles: [{json.dumps(found.location)}], "
        f"readings: [{readings}], takes: {json.dumps(found.python)}, why: ...}}"
    )
    what = f"{found.python} in the Python SDK, {found.typescript} in the TypeScript SDK"
    return LeftToDo("sources", found.location, what, "conflicts.yaml", "conflicts", example)


def of_finding(finding: Finding, contract: Contract) -> LeftToDo:
    """Return what settles a finding that `check` has at the simulator of the new contract."""
    operation = contract.operations.get(finding.operation)
    name = finding.location.removeprefix("param:")
    if finding.check in _OF_QUERIES and name != finding.location:
        key = f'operations."{finding.operation}"'
        entry = ("behaviour.toml", key, f'{name.removesuffix("[]")} = {{ field = "path.of.the.field" }}')
    else:
        place = f"/paths/{operation.path.replace('/', '~1')}/{operation.method.lower()}" if operation else "/webhooks"
        entry = (*_OVERLAY, _overlay_entry(f"v1{place}"))
    return LeftToDo(finding.check, f"{finding.operation} {finding.location}", finding.message, *entry)


def _overlay_entry(where: str) -> str:
    """Return an overlay action for a place that `contract verify` names: an API and a JSON pointer."""
    steps = where.partition("/")[2].split("/") if "/" in where else []
    path = "".join(f"['{step.replace('~1', '/').replace('~0', '~')}']" for step in steps if step)
    return f'- {{target: "${path}", description: why, update: {{...}}}}'


def _name(location: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in location).strip("-").lower()[:60]
