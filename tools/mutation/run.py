"""Change random lines of the code and see whether a test fails.

    python tools/mutation/run.py --map [TESTS ...]     run the quick tests once, note which test reaches which line
    python tools/mutation/run.py [--lines 150] [--seed 1] [--near-only] [--only FILE:LINE ...] [--json FILE]

docs/development/mutation.md explains it. The tree itself is not changed: a copy is.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Set
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from itertools import accumulate
from pathlib import Path

import coverage
import hypothesis
import pytest

ROOT = Path(__file__).parents[2]
MAP = ROOT / "build" / "mutation"
PACKAGES = ("core", "contract", "http", "oracle", "planning", "checks", "run", "history", "diff")
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.FloorDiv: "*", ast.Div: "*"}
# This process has loaded libraries that pytest wants to load itself; the warning about it is no failed test.
PYTEST = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning")
# A run of the tests may take this many times what it took for the map, and so many seconds more; beyond, it hangs.
PATIENCE, STARTING_SECONDS = 4, 30
MEMORY = 8 << 30
# What most tests load, besides the plugins of pytest.
LIBRARIES = ("httpx", "jinja2", "jsonschema_rs", "rich.console", "starlette.applications", "uvicorn", "yaml")


@dataclass(frozen=True)
class Mutant:
    """One change: the text from `start` to `end` (bytes of the file) becomes `text`."""

    file: str
    line: int
    last_line: int
    start: int
    end: int
    text: str
    what: str

    def apply(self, source: bytes) -> bytes:
        """Return the changed content of the file."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every change that can be made to the file at `path`."""
    source = path.read_bytes()
    starts = [0, *accumulate(map(len, source.splitlines(keepends=True)))]
    for node, text, what in changes(ast.parse(source)):
        last, column = node.end_lineno or node.lineno, node.end_col_offset or 0
        start, end = starts[node.lineno - 1] + node.col_offset, starts[last - 1] + column
        yield Mutant(str(path.relative_to(ROOT)), node.lineno, last, start, end, text, what)


def changes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    """Yield changes of the code: the node to replace, the new text, and what that is in words."""
    # A change of an annotation or a decorator has no effect; parts of an f-string have no exact place in Python 3.11.
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        parts = [getattr(node, name, None) for name in ("annotation", "returns")] + getattr(node, "decorator_list", [])
        parts += node.values if isinstance(node, ast.JoinedStr) else []
        left_out |= {inner for part in parts if part for inner in ast.walk(part)}
    for node in ast.walk(tree):
        match node:
            case _ if node in left_out:
                continue
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                yield node, _joined(left, COMPARISONS[type(op)], right), f"comparison became {COMPARISONS[type(op)]}"
            case ast.BoolOp(op=ast.And(), values=values):
                yield node, _joined(values[0], "or", *values[1:]), "became or"
            case ast.BoolOp(op=ast.Or(), values=values):
                yield node, _joined(values[0], "and", *values[1:]), "became and"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield node, f"bool({ast.unparse(operand)})", "not removed"
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in ARITHMETIC:
                sign = ARITHMETIC[type(operation)]
                yield node, _joined(left, sign, right), f"arithmetic became {sign}"
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                if ast.unparse(test) != "TYPE_CHECKING":
                    yield test, f"(not ({ast.unparse(test)}))", "condition negated"
            case ast.Constant(value=bool(value)):
                yield node, str(not value), "constant flipped"
            case ast.Constant(value=int(value)):
                yield node, str(value + 1), "number plus one"
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                yield value, "None", "returns None"
            case ast.Expr(value=ast.Call()):
                yield node, "pass", "call removed"


def _joined(first: ast.expr, word: str, *others: ast.expr) -> str:
    return f"({f' {word} '.join(f'({ast.unparse(one)})' for one in (first, *others))})"


def chosen(lines: int, seed: int, only: list[str]) -> list[Mutant]:
    """Return one mutant for each of `lines` random lines, or every mutant of the lines `only`."""
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / "src" / "whopwatch" / package).rglob("*.py")):
            for mutant in mutants(path):
                by_line.setdefault((mutant.file, mutant.line), []).append(mutant)
    if only:
        return [mutant for (file, line), found in by_line.items() if f"{file}:{line}" in only for mutant in found]
    generator = random.Random(seed)  # noqa: S311 - a choice that can be repeated
    return [generator.choice(by_line[key]) for key in generator.sample(sorted(by_line), lines)]


class ChosenTests:
    """A pytest plugin: run only some tests: the fastest files first, and of each file the fastest tests."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.seconds]
        costs: dict[Path, float] = defaultdict(float)
        for item in items:
            costs[item.path] += self.seconds[item.nodeid]
        items.sort(key=lambda item: (costs[item.path], item.path, self.seconds[item.nodeid]))


class TestMap:
    """Which tests reach a line, and how long each takes: of all tests that passed when the map was drawn.

    A pytest plugin that draws the map while the tests run.
    """

    def __init__(self) -> None:
        MAP.mkdir(parents=True, exist_ok=True)
        file = str(MAP / "lines.sqlite")
        self.lines = coverage.CoverageData(file)
        self.lines.read()
        self.measured = coverage.Coverage(data_file=file, config_file=False, include=["src/whopwatch/*"], branch=False)
        self.measured.set_option("run:relative_files", True)
        self.times = MAP / "seconds.json"
        known: dict[str, float] = json.loads(self.times.read_text()) if self.times.is_file() else {}
        self.seconds = {test: known[test] for test in known if (ROOT / test.partition("::")[0]).is_file()}

    def draw(self, paths: list[str]) -> int:
        """Run the quick tests of `paths` and save what they reach, beside what is known of other tests."""
        self.measured.load()
        self.measured.start()
        code = pytest.main([*PYTEST, *paths], plugins=[self])
        self.measured.stop()
        self.measured.save()
        self.times.write_text(json.dumps(self.seconds))
        return int(code)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, object, object]:
        self.measured.switch_context(collector.nodeid)
        try:
            return (yield)
        finally:
            self.measured.switch_context("between tests")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.measured.switch_context(item.nodeid)
        self.seconds[item.nodeid] = -time.process_time()
        try:
            return (yield)
        finally:
            self.measured.switch_context("between tests")
            if item.nodeid in self.seconds:
                self.seconds[item.nodeid] += time.process_time()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.seconds.pop(report.nodeid, None)

    def beside(self, mutant: Mutant) -> set[str]:
        """Return the tests in the folder of the mutant's package."""
        folder = f"tests/{Path(mutant.file).parts[2]}/"
        return {test for test in self.seconds if test.startswith(folder)}

    def reaching(self, mutant: Mutant) -> tuple[set[str], set[str]]:
        """Return the tests that reach a line of the mutant, and those that reach any line of its file.

        A line that runs once, when its module is loaded or in what many tests share, is reached by one test or none.
        """
        contexts = self.lines.contexts_by_lineno(mutant.file)
        of_lines = {test for line in range(mutant.line, mutant.last_line + 1) for test in contexts.get(line, ())}
        of_file = set().union(*contexts.values())
        # A test file reaches a line while it is loaded, too.
        whole = {test for test in self.seconds if test.partition("::")[0] in of_file}
        return of_lines & self.seconds.keys(), whole | of_file & self.seconds.keys()


def enter(tree: Path) -> None:
    """Prepare this process and its forks: they import the code of `tree`, and have loaded what is not tested here."""
    for plugin in entry_points(group="pytest11"):
        if not plugin.value.startswith("whopwatch"):
            plugin.load()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    os.chdir(tree)
    sys.path[:0] = [str(tree / "src"), str(tree)]
    os.environ["PYTHONPATH"] = f"{tree / 'src'}{os.pathsep}{tree}"
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutation")


def fails(tests: Set[str], test_map: TestMap) -> bool:
    """Return whether one of `tests` fails, in a fork of this process. A run that takes too long fails."""
    times = {test: test_map.seconds[test] for test in tests}
    seconds = STARTING_SECONDS + int(PATIENCE * sum(times.values()))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silent, stream)
            code = int(
                pytest.main([*PYTEST, "-x", *{test.partition("::")[0] for test in tests}], plugins=[ChosenTests(times)])
            )
        finally:
            os._exit(code)
    # A test that waits uses no CPU time, and other processes may slow it down.
    end = time.monotonic() + 4 * seconds
    done, status = 0, 1
    while not done and time.monotonic() < end:
        time.sleep(0.05)
        done, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not done:
        os.waitpid(child, 0)
    return not done or os.waitstatus_to_exitcode(status) not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def outcome(mutant: Mutant, file: Path, test_map: TestMap, near_only: bool) -> str:
    """Return "near", "far" or "survived" for the mutant, applied to `file`."""
    beside = test_map.beside(mutant)
    of_lines, of_file = test_map.reaching(mutant)
    steps = [
        ("near", beside & of_lines),
        ("near", beside & of_file - of_lines),
        ("far", (of_lines or of_file) - beside),
    ]
    original = file.read_bytes()
    file.write_bytes(mutant.apply(original))
    try:
        for name, tests in steps[: 2 if near_only else 3]:
            if tests and fails(tests, test_map):
                return name
        return "survived"
    finally:
        file.write_bytes(original)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--map", nargs="*", metavar="TESTS")
    parser.add_argument("--lines", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--near-only", action="store_true")
    parser.add_argument("--only", nargs="+", default=[], metavar="FILE:LINE")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    test_map = TestMap()
    if options.map is not None:
        enter(ROOT)
        return test_map.draw(options.map or ["tests"])
    todo = chosen(options.lines, options.seed, options.only)
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", ".*cache*", "build", "node_modules"))
        subprocess.run("git init -q && git add -A", shell=True, cwd=tree, check=True)  # noqa: S602, S607 - tests list the files
        enter(tree)
        for beside in {frozenset(test_map.beside(mutant)) for mutant in todo}:
            if not beside or fails(beside, test_map):
                sys.exit("error: tests fail without a change, or are not in the map. Draw it with --map.")
        # Bytecode of a changed file could outlive the change.
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for mutant in todo:
            end = outcome(mutant, tree / mutant.file, test_map, options.near_only)
            results.append({**asdict(mutant), "outcome": end})
            print(f"{end:9} {mutant.file}:{mutant.line} {mutant.what}", flush=True)
            if options.json:
                options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    count = {kind: sum(one["outcome"] == kind for one in results) for kind in ("near", "far", "survived")}
    print(f"{len(results)} mutants: {count['near']} killed by the nearest folder, {count['far']} by others, ", end="")
    print(f"{count['survived']} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
