"""The ids a run has seen so far: what later requests take their parameters from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

LIMIT = 64
"""Ids kept for each resource. More would not be asked for within any sensible budget."""
MAX_TRIES = 24
"""Parents tried before an empty list is accepted as such, ids before a missing object is."""

_USABLE = re.compile(r"[A-Za-z0-9_~:@+=.-]{1,128}")


def is_usable(id: str) -> bool:
    """Whether an id that a target gave can be put into a path as it is: short, printable, and no way up or down."""
    return _USABLE.fullmatch(id) is not None and id.strip(".") != ""


class IdPool:
    """Ids by resource, deterministic: the same seed and the same answers give the same candidates."""

    def __init__(self, seed: int = 0, limit: int = LIMIT) -> None:
        self._seed = seed
        self._limit = limit
        self._pinned: dict[str, str] = {}
        self._ids: dict[str, dict[str, int]] = {}
        self._shows: dict[str, int] = {}
        self._resources: dict[str, str] = {}
        self._ranked: dict[tuple[str, bool], list[str]] = {}

    def pin(self, resource: str, id: str) -> None:
        """Make `id` the only candidate of `resource`: the company that the key belongs to."""
        self._pinned[resource] = id
        self._resources[id] = resource

    def prefer(self, resource: str, id: str) -> None:
        """Put `id` before everything that will be seen: one that the user named."""
        self._rank(resource, id, 0)

    def add(self, resource: str, id: str, *, own: bool = False, shows: int = 0) -> None:
        """Remember `id`; `own` means that the resource itself answered it, rather than a mention elsewhere.

        `shows` is how much its object was seen to hold.
        """
        ids = self._ids.get(resource, {})
        rank = 1 if own else 2
        if rank < ids.get(id, 3) and (id in ids or len(ids) < self._limit):
            self._shows[id] = shows
            self._rank(resource, id, rank)

    def candidates(self, resource: str, *, ends: bool = False) -> Sequence[str]:
        """The ids worth trying, the best first: named by the user, then own ones, then mentioned ones.

        Among those the ones whose objects show most come first.
        With `ends` the newest and the oldest come before those between them: they differ most in what belongs to them.
        """
        if resource in self._pinned:
            return [self._pinned[resource]]
        if (resource, ends) not in self._ranked:
            ids = self._ids.get(resource, {})
            alike = [[id for id in ids if ids[id] == rank] for rank in (0, 1, 2)]
            ranked = [self._by_ends(group) if ends else self._by_seed(group) for group in alike]
            self._ranked[resource, ends] = [id for group in ranked for id in group]
        return self._ranked[resource, ends]

    def _by_seed(self, ids: list[str]) -> list[str]:
        return sorted(ids, key=lambda id: (-self._shows.get(id, 0), crc32(f"{self._seed}:{id}".encode()), id))

    def _by_ends(self, ids: list[str]) -> list[str]:
        places = {id: min(place, len(ids) - 1 - place) for place, id in enumerate(ids)}
        return sorted(self._by_seed(ids), key=lambda id: places[id])

    def resource_of(self, id: str) -> str | None:
        """The resource that `id` was seen as an id of."""
        return self._resources.get(id)

    def _rank(self, resource: str, id: str, rank: int) -> None:
        ids = self._ids.setdefault(resource, {})
        ids.pop(id, None)
        ids[id] = rank
        self._resources[id] = resource
        self._ranked.pop((resource, False), None)
        self._ranked.pop((resource, True), None)
