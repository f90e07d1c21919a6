"""Start, measure and end other processes."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

AS_DEPLOYED = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
"""The environment that the container file and the systemd unit of the prober set."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Resources of a process: CPU seconds so far; memory in MiB, threads and open files now."""

    cpu: float
    rss: float
    threads: int
    files: int


def usage(pid: int) -> Usage:
    """Return the resources of the process `pid`, from /proc."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    return Usage(
        cpu=_cpu_seconds(pid),
        rss=int(status["VmRSS"].split()[0]) / 1024,
        threads=int(status["Threads"]),
        files=len(os.listdir(f"/proc/{pid}/fd")),
    )


def _cpu_seconds(pid: int) -> float:
    """Return the CPU of all threads of the process `pid`, user and system, from its clock: /proc counts in 10 ms."""
    clock = ctypes.c_int()
    failed = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if failed:
        raise OSError(failed, os.strerror(failed))
    return time.clock_gettime(clock.value)


@contextmanager
def module(name: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `python -m name` as deployed, and yield the process and the first line it prints. End it with SIGTERM."""
    command = [sys.executable, "-m", name, *arguments]
    with running(command, stdout=subprocess.PIPE, environ=AS_DEPLOYED) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


@contextmanager
def running(
    command: list[str],
    stdout: int | None = None,
    environ: Mapping[str, str] | None = None,
    stderr: int | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run `command` while the context is open, with `environ` added to the environment."""
    whole = {**os.environ, **(environ or {})}
    process = subprocess.Popen(command, stdout=stdout, stderr=stderr, text=True, env=whole)  # noqa: S603 (the benchmarks' own commands)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def wait_for(holds: object, seconds: float = 20.0) -> None:
    """Return when `holds()` is true. Raises TimeoutError after `seconds`."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
