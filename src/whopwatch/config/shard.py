"""Work shared out over several processes that know nothing of each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from whopwatch.core.errors import UsageError


class Named(Protocol):
    """Something with a name to sort by."""

    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of the work is this process's: every `count`-th piece, from `index` (counted from 0)."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that `I/N` names, I from 0. Raises UsageError for anything else."""
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(index) < int(count) <= 1000):
            raise UsageError(
                "There is no such shard.",
                where="option --shard",
                expected="I/N with I from 0 to N-1, such as 0/3",
                got=repr(text[:20]),
            )
        return cls(int(index), int(count))

    def of(self, pieces: Iterable[N]) -> tuple[N, ...]:
        """This shard's part. By place in the sorted list, which spreads more evenly than any hash."""
        return tuple(sorted(pieces, key=lambda piece: piece.id)[self.index :: self.count])
