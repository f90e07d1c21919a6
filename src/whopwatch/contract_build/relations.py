"""What the name of a field says of the resource that its value identifies.

Only names that leave no doubt are read here; every other relation is declared in `overlay.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable


def singular(resource: str) -> str:
    """`companies` as `company`, `promo_codes` as `promo_code`."""
    if resource.endswith("ies"):
        return resource[:-3] + "y"
    return resource.removesuffix("s")


class Relations:
    """Finds the resource behind a field, among the resources of one API."""

    def __init__(self, resources: Iterable[str]) -> None:
        self._by_word = {singular(name): name for name in resources}
        self._by_word |= {name: name for name in self._by_word.values()}

    def of_field(self, name: str, owner: str | None) -> str | None:
        """Return the resource that the value of a field identifies, if its name says so.

        `owner` is the resource of the object that holds the field, which its `id` belongs to.
        """
        if name == "id":
            return owner
        for suffix in ("_id", "_ids"):
            if name.endswith(suffix):
                return self._by_word.get(name.removesuffix(suffix))
        return None

    def of_object(self, name: str) -> str | None:
        """Return the resource that a nested object is a part of, if the name of its property says so."""
        return self._by_word.get(name)

    def of_path(self, path: str, parameter: str) -> str | None:
        """Return the resource that a path parameter identifies."""
        return self.of_field(parameter, self._by_word.get(path.split("/")[1]))
