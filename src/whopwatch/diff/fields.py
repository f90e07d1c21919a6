"""The rules for the fields of an object: there or not, required or not, deprecated or not."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.diff.change import Change
from whopwatch.diff.model import Property, Shape
from whopwatch.diff.words import in_words


def escape(name: str) -> str:
    """A name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def necessity(old: bool, new: bool) -> Change:
    """D3 or D4."""
    words = {True: "required", False: "optional"}
    return Change("D3" if new else "D4", "tightened" if new else "loosened", "", words[old], words[new])


def deprecation(is_new: bool) -> Change:
    """D21."""
    return (
        Change("D21", "added", "", "not deprecated", "deprecated")
        if is_new
        else Change("D21", "removed", "", "deprecated", "not deprecated")
    )


def nullness(old: Property, new: Property) -> Iterator[Change]:
    """D9 where one source knows that a value always comes, and the other that it may be null or absent."""
    certain, open_one = (True, False), (None, None)
    before, after = (old.required, old.shape.nullable), (new.required, new.shape.nullable)
    if before == certain and after == open_one:
        yield Change("D9", "widened", "", in_words(old.shape), f"{in_words(new.shape)}, null or absent", False)
    elif before == open_one and after == certain:
        yield Change("D9", "narrowed", "", f"{in_words(old.shape)}, null or absent", in_words(new.shape), False)


def removed(item: Property) -> Change:
    """D5 or D6."""
    need = "required" if item.required else "optional"
    facts = (f"/{escape(item.name)}", f"{need}, {in_words(item.shape)}", "absent")
    return Change("D5" if item.required else "D6", "removed", *facts, is_certain=item.required is not None)


def added(item: Property) -> Change:
    """D2 or D19."""
    need = "required" if item.required else "optional"
    facts = (f"/{escape(item.name)}", "absent", f"{need}, {in_words(item.shape)}")
    return Change("D2" if item.required else "D19", "added", *facts, is_certain=item.required is not None)


def free(shape: Shape) -> str:
    """What an object is called by what is known of its fields."""
    return "an object with free keys" if shape.properties is None else f"an object of {len(shape.properties)} fields"
