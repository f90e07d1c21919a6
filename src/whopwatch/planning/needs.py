"""What a request of an operation cannot do without, and the values seen so far that could fill it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from whopwatch.contract import Operation, Parameter
from whopwatch.planning.ids import IdPool

Filling = Mapping[str, str]
"""Values by parameter name."""


@dataclass(frozen=True, slots=True)
class Need:
    """A required parameter and the resources whose ids it takes, the likeliest first; none where that is unknown.

    `is_parent` is whether a list is asked for by it.
    """

    parameter: Parameter
    resources: tuple[str, ...]
    is_parent: bool = False

    def candidates(self, pool: IdPool) -> Sequence[str]:
        """Ids that could be sent, the best of each resource before the second best of any."""
        if len(self.resources) == 1:
            return pool.candidates(self.resources[0], ends=self.is_parent)
        ranked = [pool.candidates(resource, ends=self.is_parent) for resource in self.resources]
        longest = max(map(len, ranked), default=0)
        return [ids[place] for place in range(longest) for ids in ranked if place < len(ids)]


def needs(operation: Operation) -> tuple[Need, ...]:
    """What every request of `operation` has to name, path parameters first."""
    return tuple(
        Need(parameter, sources(parameter), operation.is_list)
        for parameter in (*operation.in_("path"), *operation.required_query)
    )


def sources(parameter: Parameter) -> tuple[str, ...]:
    """The resources whose ids `parameter` takes."""
    alternatives = parameter.schema.get("x-resource-alternatives", ())
    return (parameter.resource, *alternatives) if parameter.resource else ()


def fillings(wanted: Sequence[Need], pool: IdPool, width: int = 40) -> Iterator[Filling]:
    """Values for all of `wanted`, at most `width` candidates a parameter; the best first."""
    candidates = [need.candidates(pool)[:width] for need in wanted]
    for values in product(*candidates):
        yield {need.parameter.name: value for need, value in zip(wanted, values, strict=True)}


def missing(wanted: Sequence[Need], pool: IdPool) -> tuple[Need, ...]:
    """Those of `wanted` that nothing seen so far can fill."""
    return tuple(need for need in wanted if not need.candidates(pool))
