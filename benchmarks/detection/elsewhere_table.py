"""The section of the page about faults that others than a check tell of, and its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.detection.witnesses import witnesses

if TYPE_CHECKING:
    from benchmarks.detection.elsewhere import Outcome

TEXT = """## What other witnesses tell

Faults of the MCP server's tools, of deliveries, and of what the official SDK makes of answers, each looked for by the
command that is for it (`whopwatch mcp`, `whopwatch webhook listen`, `whopwatch sdk`). What the SDK is to tell of is
declared in `benchmarks/detection/sdk_faults.toml`: values that are not of the type it declares, at one operation drawn
at random, and walks that show something else than the list, at every list. A field that may be null and does not come
at all is None to the SDK either way: where a fault is placed at such a field, it is missed."""


def section(found: Sequence[Outcome]) -> str:
    """The section in Markdown; empty where nobody was asked."""
    if not found:
        return ""
    classes = ["| who | class | faults | caught |", "| --- | --- | --: | --: |"]
    total = [
        "| who | faults | caught | of the right class | findings that accuse somebody else "
        "| faithful simulators accused | cost (median) | seconds (median) |",
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
    told = f"Missed: {', '.join(missed) or 'none'}."
    return "\n\n".join([TEXT, "\n".join(total), "\n".join(classes), told])


def totals(found: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """The figures of each witness, for machines."""
    outcomes = list(found)
    return {who: _totals(who, [one for one in outcomes if one.witness == who]) for who in witnesses()}


def _totals(who: str, found: Sequence[Outcome]) -> dict[str, Any]:
    witness = witnesses()[who]
    faulty, clean = [one for one in found if one.fault], [one for one in found if not one.fault]
    classes: dict[str, dict[str, int]] = {}
    for one in sorted(faulty, key=lambda one: int(one.drift_class[1:])):
        row = classes.setdefault(one.drift_class, {"faults": 0, "caught": 0})
        row["faults"] += 1
        row["caught"] += one.caught
    return {
        "name": witness.name,
        "declared": len(witness.faults),
        "faults": len(faulty),
        "caught": sum(one.caught for one in faulty),
        "classed": sum(one.classed for one in faulty),
        "elsewhere": sum(one.elsewhere for one in faulty),
        "clean": len(clean),
        "false_alarms": sum(bool(one.elsewhere) for one in clean),
        "cost": median([one.cost for one in faulty] or [0]),
        "costs": witness.costs,
        "seconds": round(median([one.seconds for one in faulty] or [0.0]), 2),
        "missed": [f"{one.fault}@{one.operation}" for one in faulty if not one.caught],
        "classes": classes,
    }
