"""Run whopwatch at a hostile API: one forked process for each run, so that its memory and its output are its own."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote, quote_plus
from urllib.request import urlopen

from tests.e2e.hostile.behaviours import KEY, PERSONAL
from tests.e2e.hostile.server import NAMES
from whopwatch.cli import main
from whopwatch.contract.loader import DEFAULT_VERSION

OPERATIONS = "products.list,payments.list,users.retrieve"
OWN_MIB = 100
"""MiB of a process that has imported whopwatch and loaded a contract."""
MAX_MIB = 250
MAX_TIME = 8
"""Seconds of `--max-time`."""
WALL_TIME = 90.0
"""Seconds after which a run hangs, on a busy machine, too."""
REPORTS = ("json", "html", "junit", "markdown", "sarif")
INVISIBLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
COMMANDS = ("check", "drift", "once", "probe")
PROBES = """\
[defaults]
timeout = "2s"
interval = "1h"

[[probes]]
operations = ["products.list", "payments.list"]
"""


@dataclass(frozen=True)
class Run:
    """One run: its exit code, wall time in seconds, peak memory in MiB, and whatever it wrote, by name."""

    behaviour: str
    command: str
    code: int
    seconds: float
    mib: float
    outputs: dict[str, bytes]

    def mistakes(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        expected = {0} if self.command == "probe" else {1, 3}
        if self.code not in expected:
            yield f"exit code {self.code}: {self.outputs.get('stderr', b'')[-300:]!r}"
        if self.seconds >= WALL_TIME:
            yield f"took {self.seconds:.0f} s"
        if self.mib > MAX_MIB:
            yield f"took {self.mib:.0f} MiB"
        for name, content in self.outputs.items():
            if b"Traceback (most recent" in content or b"bug in whopwatch" in content:
                yield f"an error inside whopwatch in {name}: {content[-300:]!r}"
            yield from (f"{name} shows {what}" for what in shown_secrets(content))
            if not name.endswith(".sqlite") and INVISIBLE.search(content.decode("utf-8", "replace")):
                yield f"{name} has characters that change what a terminal shows"
            for line in content.splitlines() if name in ("stdout", "stderr") else ():
                if line.lstrip().startswith((b"::", b"##[")):
                    yield f"{name} has a workflow command: {line[:60]!r}"


def shown_secrets(content: bytes, planted: Sequence[str] = (KEY, *PERSONAL)) -> Iterator[str]:
    """Yield which `planted` values `content` has, and how they are written there."""
    lowered = content.lower()
    joined = b"".join(lowered.split())
    for value in planted:
        for how, written in writings(value).items():
            if written.lower() in lowered or b"".join(written.lower().split()) in joined:
                yield f"{value[:8]}... ({how})"


def writings(value: str) -> dict[str, bytes]:
    """Return the ways to write a value; of Base64 the part that depends on the value alone."""
    data = value.encode()
    ways = {
        "plain": value,
        "escaped": "".join(f"\\u{ord(one):04x}" for one in value),
        "URL": quote(value, safe=""),
        "URL, every character": "".join(f"%{ord(one):02X}" for one in value),
        "URL, punctuation": quote(value, safe="").replace("_", "%5F"),
        "form": quote_plus(value),
        "HTML": html.escape(value),
        "HTML, every character": "".join(f"&#{ord(one)};" for one in value),
        "hexadecimal": data.hex(),
        "reversed": value[::-1],
    }
    for before in range(3):
        own = slice((8 * before + 5) // 6, 8 * (before + len(data)) // 6)
        ways[f"Base64 at {before}"] = base64.b64encode(bytes(before) + data).decode()[own]
        ways[f"Base64 for URLs at {before}"] = base64.urlsafe_b64encode(bytes(before) + data).decode()[own]
    return {how: written.encode() for how, written in ways.items() if how == "plain" or written != value}


@contextlib.contextmanager
def hostile_api(edition: str = DEFAULT_VERSION) -> Iterator[tuple[int, str]]:
    """Run the server of `edition` in a process of its own; yield its port and the id of the company."""
    command = [sys.executable, "-m", "tests.e2e.hostile.server", edition]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        port, company = json.loads(server.stdout.readline())
        try:
            yield port, company
        finally:
            server.kill()


def run(port: int, company: str, behaviour: str, command: str, folder: Path, edition: str = DEFAULT_VERSION) -> Run:
    """Run `command` at `behaviour` in a forked process, in the empty `folder`."""
    url = f"http://127.0.0.1:{port}/{NAMES.index(behaviour)}/api/v1"
    folder.mkdir(parents=True)
    begun = time.monotonic()
    inherited = _inherited_mib()
    child = os.fork()
    if child == 0:
        _run_in_child(folder, [*_arguments(command, url), "--contract", edition], company)
    if command == "probe":
        _read_pages(folder, child)
    status, usage = _wait(child, begun + WALL_TIME)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files.pop("probes.toml", None)
    mib = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10) - inherited
    return Run(behaviour, command, os.waitstatus_to_exitcode(status), time.monotonic() - begun, mib, files)


def _inherited_mib() -> float:
    """Return the memory of this process beyond that of whopwatch itself: other tests of the session left it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # no Linux
        return 0.0
    return max(0.0, pages * os.sysconf("SC_PAGE_SIZE") / 2**20 - OWN_MIB)


def _arguments(command: str, url: str) -> Sequence[str]:
    bounds = ("--max-time", str(MAX_TIME))
    if command in ("check", "drift"):
        files = [part for kind in REPORTS for part in (f"--{kind}", f"report.{kind}")] if command == "check" else []
        own = ("--record", "run.har") if command == "check" else ("--baseline", "baseline.sqlite")
        return (command, "--target", url, "--only", OPERATIONS, "--budget", "9", *own, *files, *bounds)
    if command == "once":
        return ("probe", "--once", "--target", url, "--config", "probes.toml", "--json", "report.json", *bounds)
    return ("probe", "--target", url, "--config", "probes.toml", "--listen", "127.0.0.1:0")


def _run_in_child(folder: Path, arguments: Sequence[str], company: str) -> None:
    """Run the command line in this process, with its output in files. Never returns."""
    code = 70
    try:
        os.chdir(folder)
        Path("probes.toml").write_text(PROBES, encoding="utf-8")
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(file, descriptor)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]
        os.environ.update(WHOP_API_KEY=KEY, WHOP_COMPANY_ID=company)
        code = main(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _wait(child: int, deadline: float) -> tuple[int, resource.struct_rusage]:
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return status, usage
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(0.02)


def _read_pages(folder: Path, child: int) -> None:
    """Save the pages of the prober `child`, and stop it."""
    deadline = time.monotonic() + WALL_TIME / 2
    address = None
    while address is None and time.monotonic() < deadline:
        time.sleep(0.1)
        stderr = folder / "stderr"
        words = stderr.read_text(errors="replace").split() if stderr.exists() else []
        address = next((word.removesuffix("/metrics") for word in words if word.endswith("/metrics")), None)
    pages = ("/probe?target=products.list&debug=true", "/history", "/metrics", "/")
    for number, page in enumerate(pages if address else ()):
        with contextlib.suppress(OSError, URLError), urlopen(f"{address}{page}", timeout=20) as response:
            (folder / f"page{number}").write_bytes(response.read())
    os.kill(child, signal.SIGTERM)
