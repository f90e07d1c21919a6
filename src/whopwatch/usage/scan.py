"""Read files and folders within bounds, and make the usage profile of them."""

from __future__ import annotations

import gc
import io
import os
import tokenize
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.usage import syntax as s
from whopwatch.usage.api_index import ApiIndex
from whopwatch.usage.follow import follow
from whopwatch.usage.other_code import NAMES_ONLY, read_other_code
from whopwatch.usage.profile import Coverage, Profile
from whopwatch.usage.python_code import read_python
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.recordings import read_recording

MAX_SOURCE_FILES = 50_000
MAX_SOURCE_BYTES = 2 * 2**20
MAX_TOTAL_BYTES = 200 * 2**20
MAX_LINE_CHARACTERS = 20_000
"""Characters of one line: a longer one is generated code."""
MAX_FOLDER_LEVELS = 40
"""Folders within folders."""
IGNORED_FOLDERS = frozenset(
    {"node_modules", "__pycache__", "site-packages", "venv", "dist", "build", "target", "vendor", "coverage"}
)
PYTHON = (".py", ".pyw")
TYPESCRIPT = (".ts", ".mts", ".cts")
JAVASCRIPT = (".js", ".mjs", ".cjs", ".jsx", ".tsx")
RECORDING = (".har",)
OTHER_CODE = (
    *(".go", ".rb", ".php", ".java", ".kt", ".cs", ".rs", ".swift", ".dart", ".ex", ".exs", ".vue", ".svelte"),
    *(".astro", ".ipynb", ".scala", ".sh", ".lua"),
)
"""Code of which only paths and names are read, if it names Whop."""

Reader = Callable[[str], list[s.Node]]


def scan(sources: Sequence[Path], contract: Contract, more: Sequence[Callable[[Recorder], object]] = ()) -> Profile:
    """Return the profile of files, folders and recordings; each of `more` adds to it.

    Raise UsageError for a source that does not exist.
    """
    recorder = Recorder(ApiIndex(contract))
    coverage = recorder.profile.coverage
    modules: list[s.SourceFile] = []
    left = MAX_TOTAL_BYTES
    for path in _files(sources, coverage):
        shown = _shown(path)
        if path.suffix.lower() in RECORDING:
            read_recording(path, shown, recorder)
            continue
        text = _text(path, shown, coverage, left)
        if text is None:
            continue
        left -= len(text)
        module = _module(path, shown, text, recorder)
        if module is not None:
            modules.append(module)
    with _without_collection():
        follow(modules, recorder.index, recorder)
    for add in more:
        add(recorder)
    return recorder.finish()


@contextmanager
def _without_collection() -> Iterator[None]:
    """Disable the garbage collector: it takes a fifth of the time, and the objects are used until the end."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def _files(sources: Sequence[Path], coverage: Coverage) -> Iterator[Path]:
    """Yield the files to read, each once; links are noted and not followed."""
    count = 0
    seen: set[Path] = set()
    for source in sources:
        if not source.exists():
            raise UsageError(f"There is no file or folder {str(source)!r}.", expected="source code or a HAR file")
        for path in [source] if source.is_file() else _below(source, coverage):
            if path in seen:
                continue
            seen.add(path)
            if path.is_symlink():
                coverage.skip(_shown(path), "a symbolic link")
                continue
            count += 1
            if count > MAX_SOURCE_FILES:
                coverage.skip(_shown(path), f"more than {MAX_SOURCE_FILES} files")
                return
            yield path


def _below(folder: Path, coverage: Coverage) -> Iterator[Path]:
    suffixes = (*PYTHON, *TYPESCRIPT, *JAVASCRIPT, *RECORDING, *OTHER_CODE)
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if name not in IGNORED_FOLDERS and not name.startswith("."))
        for name in [one for one in folders if (here / one).is_symlink()]:
            coverage.skip(_shown(here / name), "a symbolic link")
        if len(here.relative_to(folder).parts) >= MAX_FOLDER_LEVELS:
            coverage.skip(_shown(here), f"more than {MAX_FOLDER_LEVELS} folders within folders")
            folders.clear()
        yield from (here / name for name in sorted(files) if name.lower().endswith(suffixes))


def _text(path: Path, shown: str, coverage: Coverage, left: int) -> str | None:
    """Return the text of a file; None if it is not read, which is noted."""
    try:
        if not path.is_file():
            coverage.skip(shown, "not a regular file")
            return None
        with path.open("rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        coverage.skip(shown, error.strerror or "cannot be read")
        return None
    if len(data) > MAX_SOURCE_BYTES:
        coverage.skip(shown, f"larger than {MAX_SOURCE_BYTES >> 20} MiB")
        return None
    if len(data) > left:
        coverage.skip(shown, f"the sources have more than {MAX_TOTAL_BYTES >> 20} MiB")
        return None
    try:
        text = data.decode(_encoding(path, data))
    except (LookupError, SyntaxError, ValueError):
        coverage.skip(shown, "the encoding is unknown, or the bytes do not fit it")
        return None
    if any(len(line) > MAX_LINE_CHARACTERS for line in text.splitlines()):
        coverage.skip(shown, f"a line has more than {MAX_LINE_CHARACTERS} characters: generated code")
        return None
    return text


def _encoding(path: Path, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if path.suffix.lower() in PYTHON:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    return "utf-8-sig"


def _module(path: Path, shown: str, text: str, recorder: Recorder) -> s.SourceFile | None:
    coverage = recorder.profile.coverage
    reader = _reader(path)
    if reader is None and path.suffix.lower() in OTHER_CODE and "whop" not in text.lower():
        return None
    if reader is None:
        # What it uses beyond the guesses is not known, so the file also counts as one that was not read.
        coverage.skip(shown, NAMES_ONLY)
        read_other_code(text, shown, recorder)
        return None
    try:
        body = reader(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        coverage.skip(shown, f"cannot be parsed: {type(error).__name__}{line}")
        return None
    coverage.files += 1
    coverage.lines += text.count("\n") + 1
    is_index = path.stem in ("__init__", "index")
    return s.SourceFile(shown, body, path.parent.name if is_index else path.stem)


def _reader(path: Path) -> Reader | None:
    suffix = path.suffix.lower()
    if suffix in PYTHON:
        return read_python
    if suffix not in (*TYPESCRIPT, *JAVASCRIPT):
        return None
    # Imported only if needed: its parser is an extra.
    from whopwatch.usage.script_code import read_javascript, read_typescript

    return read_typescript if suffix in TYPESCRIPT else read_javascript


def _shown(path: Path) -> str:
    """Return a path as the profile has it: relative to the working folder where it is below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix() if not path.is_symlink() else path.as_posix()
    except (ValueError, OSError):
        return path.as_posix()
