"""Which operation a method and a path belong to."""

from __future__ import annotations

from urllib.parse import unquote

from whopwatch.contract import Contract, Operation


class Routes:
    """The paths of a contract, alternates included, by API version, method and number of segments."""

    def __init__(self, contract: Contract) -> None:
        self._by_shape: dict[tuple[str, str, int, str], list[tuple[list[str], Operation]]] = {}
        for operation in contract.operations.values():
            for template in (operation.path, *operation.alternate_paths):
                segments = template.strip("/").split("/")
                key = (operation.api, operation.method, len(segments), segments[0])
                self._by_shape.setdefault(key, []).append((segments, operation))

    def find(self, api: str, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation and its path parameters, decoded; None where no documented path is meant."""
        segments = path.strip("/").split("/")
        candidates = self._by_shape.get((api, method, len(segments), segments[0]), [])
        for template, operation in sorted(candidates, key=lambda entry: sum("{" in part for part in entry[0])):
            pairs = list(zip(template, segments, strict=True))
            if all(part.startswith("{") or part == given for part, given in pairs):
                return operation, {part[1:-1]: unquote(given) for part, given in pairs if part.startswith("{")}
        return None
