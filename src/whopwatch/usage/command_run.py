"""Run the user's own command, such as their tests, at a simulator, and record what it uses of the API."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from whopwatch.config.target import FILE_SUFFIX
from whopwatch.contract import Contract, Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.errors import UsageError
from whopwatch.core.pointers import pointer_steps
from whopwatch.usage.api_index import ApiIndex, Steps
from whopwatch.usage.profile import RUN_OTHER_SDK, RUN_TOO_LARGE, RUN_TOO_LONG, Certainty
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.requests import note_sent
from whopwatch.usage.values import Data

MAX_RUN_SECONDS = 3600.0
MAX_RUN_CALLS = 20_000
MAX_RUN_BYTES = 64 * 2**20
"""Requests of a run, and bytes of their bodies, whose names are recorded; all get a response."""
MAX_ROWS_BYTES = 64 * 2**20
IN_CHILD = Path(__file__).parent / "in_child"
"""The folder that the child's PYTHONPATH starts with."""
LANGUAGE_HEADERS = ("x-stainless-lang", "x-fern-language")
"""How an SDK names its language."""
RAW_HEADER = "x-stainless-raw-response"
"""Sent by a call whose response the SDK does not parse."""
ROWS_VARIABLE = "WHOPWATCH_USAGE_ROWS"
VERSION_VARIABLE = "WHOP_API_VERSION_DATE"


@dataclass(frozen=True)
class CommandResult:
    """How a command ended at the simulator of one contract. `exit_code` is None if it took too long."""

    name: str
    exit_code: int | None
    requests: int

    @property
    def is_passed(self) -> bool:
        """Return whether the command ended with 0."""
        return self.exit_code == 0

    @property
    def words(self) -> str:
        """Return how it ended, in words."""
        ended = f"took more than {MAX_RUN_SECONDS:g} s" if self.exit_code is None else f"exit code {self.exit_code}"
        return f"{'passed' if self.is_passed else 'failed'} ({ended}, {self.requests} requests)"

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {"command": self.name, "exit_code": self.exit_code, "requests": self.requests}


def split_command(text: str) -> list[str]:
    """Return the words of a command. Raise UsageError if it is none, or its program does not exist."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError("The command of --run cannot be read.", where="option --run", got=str(error)) from None
    if not words or shutil.which(words[0]) is None:
        raise UsageError(
            "The command of --run does not exist.",
            where="option --run",
            expected="a program and its arguments, such as 'pytest tests'",
            got=words[0] if words else "nothing",
            hint="no shell reads the command: for pipes and variables use sh -c '...'",
        )
    return words


def run_at_simulator(
    words: list[str],
    contract: Contract,
    *,
    on_call: Callable[[Any], None] | None = None,
    rows: Path | None = None,
    python_path: Sequence[Path] = (),
    folder: Path | None = None,
    output: IO[Any] | int = 2,
) -> CommandResult:
    """Run a command with the address and keys of a new simulator of `contract` in its environment.

    Its output goes to `output`, stderr by default. `python_path` is added to its PYTHONPATH; `folder` is where it
    runs. Its Python processes write what they read into the folder `rows`.
    """
    from whopwatch.simulator import SimulatorOptions, embedded

    with embedded(contract, options=SimulatorOptions(on_call=on_call)) as simulator:
        path = [str(IN_CHILD), *map(str, python_path), *filter(None, [os.environ.get("PYTHONPATH")])]
        environ = {
            **os.environ,
            "WHOP_BASE_URL": simulator.base_url,
            "WHOP_API_KEY": simulator.api_key,
            "WHOP_COMPANY_ID": simulator.company_id,
            "WHOP_WEBHOOK_SECRET": simulator.webhook_secret,
            VERSION_VARIABLE: contract.version or "",
            "PYTHONPATH": os.pathsep.join(path),
            ROWS_VARIABLE: str(rows or ""),
        }
        for variable in ("WHOP_API_KEY", "WHOP_WEBHOOK_SECRET"):
            environ.pop(f"{variable}{FILE_SUFFIX}", None)
        code = _exit_code(words, environ, folder, output)
        return CommandResult(Path(words[0]).name, code, sum(simulator.requests.values()))


def _exit_code(words: list[str], environ: dict[str, str], folder: Path | None, output: IO[Any] | int) -> int | None:
    """Run a command in a process group of its own, which is killed at the end; None if it took too long."""
    with subprocess.Popen(  # noqa: S603
        words, env=environ, cwd=folder, stdout=output, stderr=output, start_new_session=True
    ) as process:
        try:
            return process.wait(MAX_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError, PermissionError):  # no process of the group is left
                os.killpg(process.pid, signal.SIGKILL)


def record_run(words: list[str], contract: Contract, recorder: Recorder) -> CommandResult:
    """Run a command and note the operations that it requests and the fields of SDK models that it reads."""
    server = _Requests(recorder)
    with tempfile.TemporaryDirectory(prefix="whopwatch-") as rows:
        result = run_at_simulator(words, contract, on_call=server.add, rows=Path(rows))
        run = f"run: {result.name}"
        child = _ChildRows(recorder, run)
        is_whole = _add_rows(Path(rows), child)
    server.note(run, child.parsed)
    if not (is_whole and server.is_whole):
        recorder.not_followed(run, 1, RUN_TOO_LARGE)
    if result.exit_code is None:
        recorder.not_followed(run, 1, RUN_TOO_LONG)
    recorder.profile.coverage.runs += 1
    recorder.profile.runs.append(result.to_json())
    for version in server.other_versions:
        recorder.not_followed(
            run, 1, f"requests version {version}, the simulator has {contract.version}: use --contract"
        )
    return result


class _Requests:
    """What the simulator sees of a run: operations, and the names of what is sent."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._seen: dict[tuple[str, str, bytes, bool], Operation] = {}
        self._bytes = 0
        self.is_whole = True
        self.other_versions: list[str] = []

    def add(self, call: Any) -> None:
        """Keep one request of a documented operation."""
        version = call.headers.get(VERSION_HEADER)
        own = self._recorder.index.contract.version
        if version and version != own and version not in self.other_versions and len(self.other_versions) < 5:
            self.other_versions.append(version)
        if call.operation is None:
            return
        language = next(filter(None, map(call.headers.get, LANGUAGE_HEADERS)), "")
        is_parsed = language.lower() == "python" and not call.headers.get(RAW_HEADER)
        key = (call.operation.id, "&".join(sorted(name for name, _ in call.query_pairs)), call.raw_body, is_parsed)
        if key in self._seen:
            return
        if len(self._seen) >= MAX_RUN_CALLS or self._bytes + len(call.raw_body) > MAX_RUN_BYTES:
            self.is_whole = False
            return
        self._bytes += len(call.raw_body)
        self._seen[key] = call.operation

    def note(self, run: str, parsed: set[str]) -> None:
        """Note the operations; what reads a response is known only if the Python SDK parsed it: those in `parsed`."""
        for number, ((id, query, body, is_parsed), operation) in enumerate(self._seen.items(), 1):
            if id not in parsed or not is_parsed:
                names = [name for name in query.split("&") if name]
                self._recorder.operation(id, run, number)
                self._recorder.whole(Data(id), run, number)
                note_sent(self._recorder, operation, names, body.decode("utf-8", "replace"), run, number)


class _ChildRows:
    """What the file in the child noted, as uses."""

    def __init__(self, recorder: Recorder, run: str) -> None:
        self._index = recorder.index
        self._recorder = recorder
        self._run = run
        self.parsed: set[str] = set()

    def add(self, kind: str, method: str, address: str, location: str, file: str, line: int) -> None:
        """Note one row. A name that the contract does not have is left out."""
        if kind == "limit":
            self._recorder.not_followed(self._run, 1, RUN_TOO_LARGE)
        elif kind == "unknown":
            self._recorder.not_followed(f"{self._run}, {method}", 1, RUN_OTHER_SDK)
        owner = self._owner(method, address)
        if owner is None:
            return
        place = f"{file}:{line}" if file else self._run
        profile = self._recorder.profile
        self.parsed.add(owner)
        if kind == "call":
            profile.use(owner, place, Certainty.SEEN)
            if file:
                self._recorder.call(file, line)
        elif kind == "field" and self._is_field(owner, location):
            profile.use_field(owner, location, place, Certainty.SEEN)
        elif kind == "whole":
            profile.use_whole(owner, location, place)
        elif kind == "sent" and owner in self._index.contract.operations:
            documented = sent_location(self._index, self._index.contract.operations[owner], location)
            if documented:
                profile.use_field(owner, documented, place, Certainty.SEEN)

    def _owner(self, method: str, address: str) -> str | None:
        if method == "webhook":
            return f"webhook:{address}" if address in self._index.contract.events else None
        try:
            path = urlsplit(address).path
        except ValueError:
            return None
        api, _, below = path.removeprefix("/api/").partition("/")
        operation = self._index.contract.match(method, f"/{below}", api) if path.startswith("/api/") else None
        return operation.id if operation else None

    def _is_field(self, owner: str, location: str) -> bool:
        steps = location_steps(location)
        return bool(steps) and self._index.has_field(owner, steps)


def location_steps(location: str) -> Steps:
    """Return the steps of a location such as `/data/*/title`."""
    return tuple(pointer_steps(location))


def sent_location(index: ApiIndex, operation: Operation, location: str) -> str | None:
    """Return the documented location of what is sent at `param:NAME` or `body:/A/B`, None if there is none."""
    kind, _, name = location.partition(":")
    if kind == "param":
        parameter = operation.parameter(name) or operation.parameter(f"{name}[]")
        return f"param:{parameter.name}" if parameter and parameter.location != "header" else None
    node = index.body(operation)
    for step in location_steps(name):
        if node is None:
            return None
        node = node.items if step == "*" else node.fields.get(step)
    return location if node is not None and not location.endswith("*") else None


def _add_rows(folder: Path, child: _ChildRows) -> bool:
    """Add the well-formed rows of all processes; return whether these are all of them."""
    left = MAX_ROWS_BYTES
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            data = file.read(left + 1)
        for line in data[:left].splitlines():
            try:
                kind, method, address, location, place, number = json.loads(line)
            except (ValueError, TypeError, RecursionError):
                continue
            if all(isinstance(one, str) for one in (kind, method, address, location, place)):
                child.add(kind, method, address, location, place, number if isinstance(number, int) else 0)
        left -= len(data)
        if left < 0:
            return False
    return True


def describe_run(words: list[str]) -> str:
    """Return the sentence that says that a command of the user is executed."""
    return f"Running your command at a simulator: {shlex.join(words)}"
