"""The section of the page about the other checks, and its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.detection.other_checks import OtherOutcome, other_checks

TEXT = """## Other checks

Faults of the MCP server's tools, of deliveries, and of what the official SDK parses, each searched for with its own
command (`whopwatch mcp`, `whopwatch webhook listen`, `whopwatch sdk`). `benchmarks/detection/sdk_faults.toml` declares
the faults that a test of the SDK must find: values of another type than the declared one, at one operation drawn at
random, and pagination that shows another list, at every list. To the SDK an absent nullable field is None like a null
one, so a fault at such a field is missed."""


def section(found: Sequence[OtherOutcome]) -> str:
    """Return the section in Markdown; empty without outcomes."""
    if not found:
        return ""
    classes = ["| check | class | faults | caught |", "| --- | --- | --: | --: |"]
    total = [
        "| check | faults | caught | with the right class | findings about other operations "
        "| simulators without faults with a finding | cost (median) | seconds (median) |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    missed = []
    for figures in totals(found).values():
        name = figures["name"]
        classes += [
            f"| {name} | {one} | {row['faults']} | {row['caught']} |" for one, row in figures["classes"].items()
        ]
        tried = f"{figures['faults']} of {figures['declared']}"
        total.append(
            f"| {name} | {tried} "
            f"| {figures['caught']} ({figures['caught'] / max(figures['faults'], 1):.1%}) | {figures['classed']} "
            f"| {figures['elsewhere']} | {figures['false_alarms']} of {figures['clean']} "
            f"| {figures['cost']:.0f} {figures['costs']} | {figures['seconds']:.1f} |"
        )
        missed += [f"`{one}`" for one in figures["missed"]]
    missed_line = f"Missed: {', '.join(missed) or 'none'}."
    return "\n\n".join([TEXT, "\n".join(total), "\n".join(classes), missed_line])


def totals(found: Iterable[OtherOutcome]) -> dict[str, dict[str, Any]]:
    """Return the figures of each check, for JSON."""
    outcomes = list(found)
    return {who: _totals(who, [one for one in outcomes if one.check == who]) for who in other_checks()}


def _totals(who: str, found: Sequence[OtherOutcome]) -> dict[str, Any]:
    check = other_checks()[who]
    faulty, clean = [one for one in found if one.fault], [one for one in found if not one.fault]
    classes: dict[str, dict[str, int]] = {}
    for one in sorted(faulty, key=lambda one: int(one.drift_class[1:])):
        row = classes.setdefault(one.drift_class, {"faults": 0, "caught": 0})
        row["faults"] += 1
        row["caught"] += one.caught
    return {
        "name": check.name,
        "declared": len(check.faults),
        "faults": len(faulty),
        "caught": sum(one.caught for one in faulty),
        "classed": sum(one.classed for one in faulty),
        "elsewhere": sum(one.elsewhere for one in faulty),
        "clean": len(clean),
        "false_alarms": sum(bool(one.elsewhere) for one in clean),
        "cost": median([one.cost for one in faulty] or [0]),
        "costs": check.costs,
        "seconds": round(median([one.seconds for one in faulty] or [0.0]), 2),
        "missed": [f"{one.fault}@{one.operation}" for one in faulty if not one.caught],
        "classes": classes,
    }
