"""Report class, constant and public function names that `src/` defines more than once, in one module or in several.

    python tools/lint/duplicate_names.py [FOLDER]

A name with one meaning everywhere is listed in ALLOWED with the reason. Exits with 1 if any other name repeats.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ALLOWED = {
    "render": "every report format has one, with the same signature",
    "EXAMPLE": "every command's --help example, printed by the same code",
}


def definitions(path: Path) -> Iterator[str]:
    """Yield the names of classes, module-level constants and public functions that `path` defines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (one.id for one in targets if isinstance(one, ast.Name) and _is_public_constant(one.id))


def _is_public_constant(name: str) -> bool:
    return name.isupper() and not name.startswith("_")


def main(folder: Path) -> int:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for name in sorted(definitions(path)):
            places[name].append(str(path.relative_to(folder)))
    repeated = {name: files for name, files in places.items() if len(files) > 1 and name not in ALLOWED}
    for name, files in sorted(repeated.items()):
        print(f"{name}: {', '.join(files)}")
    print(f"{len(repeated)} names are defined more than once")
    return 1 if repeated else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "src/whopwatch")))
