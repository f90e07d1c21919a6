"""Memory of a process that is to stay small for months."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

# Parameters of glibc's mallopt(3).
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 128 * 2**10


def give_back_early() -> None:
    """Make glibc return large pieces at once and keep one arena for all threads; nothing where it is no glibc.

    By default every thread that allocates gets an arena of its own, and what one scrape or one large answer took
    stays with the process.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_ARENA_MAX, 1)


_ANSWERS_WORTH = 20_000
"""Objects made before the collector looks for circles: those of a few answers, which leave none behind."""


def settle() -> None:
    """To be called when everything that stays was made: the collector looks at none of it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ANSWERS_WORTH, 10, 10)
    give_back()


GIVE_BACK_SECONDS = 60.0
"""How often: between answers of all sizes, free pages pile up by half a MiB a minute."""


def give_back() -> None:
    """Return free memory to the system, from the middle of the heap too; nothing where it is no glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
