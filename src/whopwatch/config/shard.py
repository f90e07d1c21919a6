"""Split work between processes that do not communicate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from whopwatch.core.errors import UsageError, quoted_input


class HasId(Protocol):
    """A piece of work with an id to sort by."""

    @property
    def id(self) -> str: ...


_Piece = TypeVar("_Piece", bound=HasId)


@dataclass(frozen=True, slots=True)
class Shard:
    """The part of one process: every `count`-th piece, starting at `index`, which counts from 0."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that `I/N` names, I from 0. Raise UsageError for anything else."""
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(index) < int(count) <= 1000):
            raise UsageError(
                "The shard is invalid.",
                where="option --shard",
                expected="I/N with I from 0 to N-1, such as 0/3",
                got=quoted_input(text),
            )
        return cls(int(index), int(count))

    def of(self, pieces: Iterable[_Piece]) -> tuple[_Piece, ...]:
        """Return the part of this shard. Places in the sorted list spread more evenly than a hash."""
        return tuple(sorted(pieces, key=lambda piece: piece.id)[self.index :: self.count])
