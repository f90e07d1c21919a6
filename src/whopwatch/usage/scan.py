"""Read files and folders within bounds, and make the usage profile of them."""

from __future__ import annotations

import gc
import io
import os
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema_tree import SchemaNode
from whopwatch.core.errors import UsageError
from whopwatch.har import read
from whopwatch.usage import syntax as s
from whopwatch.usage.api_index import ApiIndex, Steps
from whopwatch.usage.follow import follow
from whopwatch.usage.profile import Coverage, Profile
from whopwatch.usage.python_code import read_python
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.requests import note_sent
from whopwatch.usage.values import Data

MAX_SOURCE_FILES = 50_000
MAX_SOURCE_BYTES = 2 * 2**20
MAX_TOTAL_BYTES = 200 * 2**20
MAX_LINE_CHARACTERS = 20_000
"""Characters of one line: a longer one is generated code."""
MAX_FILE_LINES = 50_000
"""Lines of one file: a longer one is generated code."""
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

NAMES_ONLY = "only paths and names were read: the uses are guesses"
MAX_STRINGS = 20_000
MAX_GUESSED_STEPS = 5
_STRING = re.compile(r"[\"'`]((?:https?://|/)[^\"'`\s]{1,300})[\"'`]")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|#\{[^}]*\}|\{[^}]*\}|%[sdv]|:\w+|\$\w+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

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
    if text.count("\n") > MAX_FILE_LINES:
        coverage.skip(shown, f"more than {MAX_FILE_LINES} lines: generated code")
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


# Recordings, and code of which only names are read


def read_recording(path: Path, shown: str, recorder: Recorder) -> None:
    """Note the operations in the recording `path`. Which fields its client read is not known: any may be used."""
    try:
        archive = read(path)
    except UsageError as error:
        recorder.profile.coverage.skip(shown, error.got or "cannot be read")
        return
    recorder.profile.coverage.recordings += 1
    own_base = archive.facts.base_url if archive.facts else None
    for number, entry in enumerate(archive.entries, 1):
        try:
            address = urlsplit(entry.url)
        except ValueError:
            continue
        text = f"{address.scheme}://{address.netloc}{address.path}"
        if own_base and text.startswith(f"{own_base}/"):
            text = f"https://api.whop.com/api/v1{text.removeprefix(own_base)}"
        operation, is_certain, _ = recorder.index.match_address(entry.method, (text,))
        if operation is None or not is_certain:
            continue
        recorder.call(shown, number)
        recorder.operation(operation.id, shown, number)
        note_sent(recorder, operation, [name for name, _ in parse_qsl(address.query)], entry.sent, shown, number)
        recorder.whole(Data(operation.id), shown, number)


def read_other_code(text: str, shown: str, recorder: Recorder) -> None:
    """Note as guesses the operations whose paths the strings of a file have, and their fields that it names."""
    index = recorder.index
    words: dict[str, int] = {}
    found: dict[str, Operation] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in _WORD.findall(line):
            words.setdefault(_plain(word), number)
        for match in _STRING.finditer(line):
            if len(found) >= MAX_STRINGS:
                return
            for operation in _operations(index, match[1]):
                recorder.operation(operation.id, shown, number, is_guess=True)
                found[operation.id] = operation
    for event in index.contract.events:
        if event in text:
            first = text[: text.index(event)].count("\n") + 1
            recorder.operation(f"webhook:{event}", shown, first, is_guess=True)
            _note_fields(recorder, f"webhook:{event}", index.node(f"webhook:{event}", ()), words, shown)
    for id, operation in found.items():
        above: Steps = ("data", "*") if operation.is_list else ()
        _note_fields(recorder, id, index.node(id, above), words, shown, above)
        for parameter in operation.in_("query"):
            if line_of := words.get(_plain(parameter.name.removesuffix("[]"))):
                recorder.location(id, f"param:{parameter.name}", shown, line_of, is_guess=True)
        body = index.body(operation)
        for name in body.fields if body else ():
            if line_of := words.get(_plain(name)):
                recorder.location(id, f"body:/{name}", shown, line_of, is_guess=True)


def _plain(name: str) -> str:
    """Return a name without case and underscores: `createdAt`, `CreatedAt` and `created_at` are the same."""
    return name.replace("_", "").lower()


def _operations(index: ApiIndex, address: str) -> Iterator[Operation]:
    """Yield the operations of an address, whatever the method is."""
    path = _PLACEHOLDER.sub("x", address.partition("?")[0])
    for method in _METHODS:
        operation, _, _ = index.match_address(method, (path,))
        if operation is not None:
            yield operation


def _note_fields(
    recorder: Recorder, owner: str, node: SchemaNode | None, words: dict[str, int], shown: str, above: Steps = ()
) -> None:
    """Note the fields whose names the file has; a field below one that it does not name is not looked for."""
    if node is None or len(above) > MAX_GUESSED_STEPS:
        return
    for name, below in node.fields.items():
        line = words.get(_plain(name))
        if line is not None:
            steps = (*above, name)
            recorder.field(owner, steps, shown, line, is_guess=True)
            inner, where = (below.items, (*steps, "*")) if below.items is not None else (below, steps)
            _note_fields(recorder, owner, inner, words, shown, where)
