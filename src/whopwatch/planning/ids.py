"""The ids that a run has seen, and the values that it can send for required parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from zlib import crc32

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.behaviour import query_text

IDS_PER_RESOURCE = 64
"""Ids kept for each resource. No sensible budget can request more of them."""
MAX_CANDIDATES = 40
"""Ids of each parameter that are combined with those of the others."""
MAX_TRIES = 24
"""Parents tried before an empty list is accepted as empty, and ids tried before a 404 is accepted."""
RANGE_DAYS = 30
"""The days between the two dates of a range that an operation requires."""


class IdPool:
    """The ids seen so far by resource. The same seed and the same responses give the same candidates."""

    def __init__(self, seed: int = 0, limit: int = IDS_PER_RESOURCE) -> None:
        self._seed = seed
        self._limit = limit
        self._pinned: dict[str, str] = {}
        self._first_seen_first: set[str] = set()
        self._ids: dict[str, dict[str, int]] = {}  # by resource: 0 named by the user, 1 its own, 2 mentioned
        self._shows: dict[str, int] = {}
        self._resources: dict[str, str] = {}
        self._ranked: dict[tuple[str, bool], list[str]] = {}

    def pin(self, resource: str, id: str) -> None:
        """Make `id` the only candidate of `resource`: the company that the key belongs to."""
        self._pinned[resource] = id
        self._resources[id] = resource

    def take_first(self, resource: str) -> None:
        """Try the ids of `resource` in the order seen, whatever the seed: every run checks the same company."""
        self._first_seen_first.add(resource)

    def prefer(self, resource: str, id: str) -> None:
        """Put `id`, which the user named, before every id of a response."""
        self._rank(resource, id, 0)

    def add(self, resource: str, id: str, *, own: bool = False, shows: int = 0) -> None:
        """Add `id`; `own` says that the resource itself returned it, instead of another resource mentioning it.

        `shows` measures how many fields of its object have a value.
        """
        ids = self._ids.get(resource, {})
        rank = 1 if own else 2
        if rank < ids.get(id, 3) and (id in ids or len(ids) < self._limit):
            self._shows[id] = shows
            self._rank(resource, id, rank)

    def candidates(self, resource: str, *, ends: bool = False) -> Sequence[str]:
        """Return the ids to try, the best first: named by the user, then own ids, then mentioned ids.

        Within each group, objects with most fields come first. With `ends`, the newest and the oldest come before
        those between them: they differ most in what belongs to them.
        """
        if resource in self._pinned:
            return [self._pinned[resource]]
        if (resource, ends) not in self._ranked:
            ids = self._ids.get(resource, {})
            alike = [[id for id in ids if ids[id] == rank] for rank in (0, 1, 2)]
            if resource in self._first_seen_first:
                ranked = alike
            else:
                ranked = [self._by_ends(group) if ends else self._by_seed(group) for group in alike]
            self._ranked[resource, ends] = [id for group in ranked for id in group]
        return self._ranked[resource, ends]

    def _by_seed(self, ids: list[str]) -> list[str]:
        return sorted(ids, key=lambda id: (-self._shows.get(id, 0), crc32(f"{self._seed}:{id}".encode()), id))

    def _by_ends(self, ids: list[str]) -> list[str]:
        places = {id: min(place, len(ids) - 1 - place) for place, id in enumerate(ids)}
        return sorted(self._by_seed(ids), key=lambda id: places[id])

    def resource_of(self, id: str) -> str | None:
        """Return the resource whose id this is, None if it was not seen."""
        return self._resources.get(id)

    def _rank(self, resource: str, id: str, rank: int) -> None:
        ids = self._ids.setdefault(resource, {})
        ids.pop(id, None)
        ids[id] = rank
        self._resources[id] = resource
        self._ranked.pop((resource, False), None)
        self._ranked.pop((resource, True), None)


ParameterValues = Mapping[str, str]
"""Values by the name of their parameter."""


@dataclass(frozen=True, slots=True)
class RequiredParameter:
    """A required parameter, and what can be sent for it.

    `resources` are the resources whose ids it takes, the likeliest first. A parameter that takes no id has `values`
    instead: see `documented_samples`. `is_parent` says that the parameter selects whose list is requested.
    """

    parameter: Parameter
    resources: tuple[str, ...]
    is_parent: bool = False
    values: tuple[str, ...] = ()

    def candidates(self, pool: IdPool) -> Sequence[str]:
        """Return what can be sent; of ids, the best of each resource before the second best of any."""
        if not self.resources:
            return self.values
        if len(self.resources) == 1:
            return pool.candidates(self.resources[0], ends=self.is_parent)
        ranked = [pool.candidates(resource, ends=self.is_parent) for resource in self.resources]
        longest = max(map(len, ranked))
        return [ids[place] for place in range(longest) for ids in ranked if place < len(ids)]


def required_parameters(contract: Contract, operation: Operation) -> tuple[RequiredParameter, ...]:
    """Return what every request of `operation` has to name, path parameters first."""
    return tuple(
        RequiredParameter(
            parameter, parameter.resources, operation.is_list, documented_samples(contract, operation, parameter)
        )
        for parameter in operation.needed
    )


def documented_samples(contract: Contract, operation: Operation, parameter: Parameter) -> tuple[str, ...]:
    """Return values of a parameter that the contract documents: examples, the default, enum values, or a date.

    Of the dates that an operation requires, the first is RANGE_DAYS before the others. Empty for a parameter that
    takes an id, or any other value that nothing documents: a guess would be a wrong request.
    """
    if parameter.resource:
        return ()
    schema = contract.resolve(parameter.schema, operation.api)
    stated = (*parameter.examples, *((schema["default"],) if schema.get("default") is not None else ()))
    if stated:
        return tuple(dict.fromkeys(map(query_text, stated)))
    if values := contract.documented_values(operation, parameter):
        return values
    if schema.get("format") in ("date", "date-time"):
        return (_sample_date(contract, operation, parameter),)
    return (query_text(schema.get("minimum", 1)),) if schema.get("type") in ("integer", "number") else ()


def _sample_date(contract: Contract, operation: Operation, parameter: Parameter) -> str:
    """Return the start or the end of a range that ends on the day of the edition, so that a plan can be repeated."""
    formats = {one.name: contract.resolve(one.schema, operation.api).get("format") for one in operation.needed}
    dates = [name for name, format in formats.items() if format in ("date", "date-time")]
    day = contract.edition.date
    end = date.fromisoformat(day) if day else datetime.now(UTC).date()
    start = end - timedelta(days=RANGE_DAYS)
    chosen = start if len(dates) > 1 and parameter.name == dates[0] else end
    return f"{chosen}T00:00:00Z" if formats[parameter.name] == "date-time" else str(chosen)


def value_combinations(required: Sequence[RequiredParameter], pool: IdPool) -> Iterator[ParameterValues]:
    """Yield values for all of `required`, the best first, from at most MAX_CANDIDATES for each."""
    candidates = [one.candidates(pool)[:MAX_CANDIDATES] for one in required]
    for values in product(*candidates):
        yield {one.parameter.name: value for one, value in zip(required, values, strict=True)}


def without_candidates(required: Sequence[RequiredParameter], pool: IdPool) -> tuple[RequiredParameter, ...]:
    """Return the parameters for which no id was seen."""
    return tuple(one for one in required if not one.candidates(pool))
