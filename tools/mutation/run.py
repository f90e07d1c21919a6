"""Change random lines of the code and see whether a test fails.

    python tools/mutation/run.py [--lines 150] [--seed 1] [--jobs 2] [--near-only] [--json FILE]

Each chosen line gets one small change (a comparison, a constant, a condition, a returned value, a dropped call). The
tests of the nearest folder run first, then all others. A change that no test notices is a survivor: a missing test,
or a change without an effect. Works on copies of the tree; the tree itself is not touched.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "contract", "http", "oracle", "planning", "checks", "run", "history", "diff")
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.FloorDiv: "*", ast.Div: "*"}
NEAR_SECONDS, ALL_SECONDS = 240, 1200


@dataclass(frozen=True)
class Mutant:
    """One change of one line: the text from `start` to `end` (offsets in the file) becomes `text`."""

    file: str
    line: int
    start: int
    end: int
    text: str
    what: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every change that can be made to the file at `path`."""
    source = path.read_text(encoding="utf-8")
    starts = [0]
    for row in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(row))

    def offset(line: int, column: int) -> int:
        row = source[starts[line - 1] :].split("\n", 1)[0]
        return starts[line - 1] + len(row.encode()[:column].decode())

    def change(node: ast.expr | ast.stmt, text: str, what: str) -> Mutant:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
        return Mutant(str(path.relative_to(ROOT)), node.lineno, start, end, text, what)

    def code(node: ast.expr) -> str:
        return ast.get_source_segment(source, node) or ""

    for node in ast.walk(_without_annotations(ast.parse(source))):
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                other = COMPARISONS[type(op)]
                yield change(node, f"({code(left)}) {other} ({code(right)})", f"comparison became {other}")
            case ast.BoolOp(op=operator, values=values):
                word = " or " if isinstance(operator, ast.And) else " and "
                yield change(
                    node, "(" + word.join(f"({code(value)})" for value in values) + ")", f"became{word.rstrip()}"
                )
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield change(node, f"bool({code(operand)})", "not removed")
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in ARITHMETIC:
                sign = ARITHMETIC[type(operation)]
                yield change(node, f"({code(left)}) {sign} ({code(right)})", f"arithmetic became {sign}")
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if code(test) != "TYPE_CHECKING":
                yield change(test, f"(not ({code(test)}))", "condition negated")
            case ast.Constant(value=bool(value)):
                yield change(node, str(not value), "constant flipped")
            case ast.Constant(value=int(value)):
                yield change(node, str(value + 1), "number plus one")
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                yield change(value, "None", "returns None")
            case ast.Expr(value=ast.Call()):
                yield change(node, "pass", "call removed")


def _without_annotations(tree: ast.Module) -> ast.Module:
    """Drop annotations and decorators: a change of these changes nothing that runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns, node.decorator_list = None, []
            for argument in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
                argument.annotation = None
        if isinstance(node, ast.ClassDef):
            node.decorator_list = []
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
    return tree


def chosen(lines: int, seed: int) -> list[Mutant]:
    """Return one mutant for each of `lines` random lines."""
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / "src" / "whopwatch" / package).rglob("*.py")):
            for mutant in mutants(path):
                by_line.setdefault((mutant.file, mutant.line), []).append(mutant)
    generator = random.Random(seed)  # noqa: S311 - a choice that can be repeated
    keys = generator.sample(sorted(by_line), min(lines, len(by_line)))
    return [generator.choice(by_line[key]) for key in keys]


def near(mutant: Mutant) -> list[str]:
    """Return the test folder of the mutant's package."""
    package = Path(mutant.file).parts[2]
    return ["tests/core" if (ROOT / "tests/core").is_dir() else "tests"] if package == "core" else [f"tests/{package}"]


def fails(tree: Path, tests: list[str], seconds: int) -> bool:
    """Return whether any of `tests` fails in the copy of the tree at `tree`; a run that hangs fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environ = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def verdict(mutant: Mutant, tree: Path, near_only: bool) -> str:
    """Return "near", "far" or "survived" for the mutant, applied to the copy of the tree at `tree`."""
    file = tree / mutant.file
    original = file.read_text(encoding="utf-8")
    try:
        file.write_text(original[: mutant.start] + mutant.text + original[mutant.end :], encoding="utf-8")
        if fails(tree, near(mutant), NEAR_SECONDS):
            return "near"
        if not near_only and fails(tree, ["tests"], ALL_SECONDS):
            return "far"
        return "survived"
    finally:
        file.write_text(original, encoding="utf-8")


def copy_of_tree(folder: Path) -> Path:
    """Copy the files that git knows into `folder`."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    for name in filter(None, names.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)  # noqa: S607 - some tests list the tracked files
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)  # noqa: S607
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--near-only", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    waiting: queue.Queue[Mutant] = queue.Queue()
    for mutant in chosen(options.lines, options.seed):
        waiting.put(mutant)
    results: list[dict[str, object]] = []

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            tree = copy_of_tree(Path(folder))
            while True:
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    return
                outcome = verdict(mutant, tree, options.near_only)
                results.append({**asdict(mutant), "outcome": outcome})
                print(f"{outcome:9} {mutant.file}:{mutant.line} {mutant.what}", flush=True)

    threads = [threading.Thread(target=work) for _ in range(options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = {kind: sum(one["outcome"] == kind for one in results) for kind in ("near", "far", "survived")}
    print(f"{len(results)} mutants: {count['near']} killed by the nearest folder, {count['far']} by others, ", end="")
    print(f"{count['survived']} survived")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
