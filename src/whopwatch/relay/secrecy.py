"""Keep secrets of this process from a foreign program that runs as the same user."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Collection, MutableMapping
from contextlib import suppress

_SECRET_NAME = re.compile(r"(?:^|_)(?:API)?(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_PR_SET_DUMPABLE = 4


def take_secrets(environ: MutableMapping[str, str] = os.environ, also: Collection[str] = ()) -> dict[str, str]:
    """Return a copy of `environ`, and remove its secrets from the environment of this process.

    Secret is a variable whose name says so, and the ones in `also`.

    Call it before a foreign program starts. On Linux other processes of the same user can no longer read the memory of
    this process, nor the environment that it was started with.
    """
    copy = dict(environ)
    secret = [name for name in copy if name in also or _SECRET_NAME.search(name)]
    for name in secret:
        del environ[name]
    _forbid_reading()
    _erase_initial_environment([copy[name] for name in secret])
    return copy


def _forbid_reading() -> None:
    """Make /proc/PID/mem and /proc/PID/environ of this process unreadable; no effect outside Linux."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _erase_initial_environment(values: list[str]) -> None:
    """Overwrite `values` in the environment block that the kernel shows as /proc/PID/environ, also to root."""
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        # Fields 50 and 51 of proc(5), counted from the third one.
        start, end = int(fields[47]), int(fields[48])
        block = ctypes.string_at(start, end - start)
        for value in values:
            encoded = value.encode("utf-8", "surrogateescape")
            at = block.find(b"=" + encoded + b"\0")
            if encoded and at >= 0:
                ctypes.memset(start + at + 1, ord("*"), len(encoded))
