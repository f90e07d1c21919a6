"""Whether a key is really asked for: requests that succeeded, once more without one and with a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

from whopwatch.client import Call
from whopwatch.exchange import Purpose
from whopwatch.plan.known import Experiment, Known

OPERATIONS = 3
"""Operations tried in one run; which ones depends on the seed."""


def try_keys(known: Known) -> Iterator[Experiment]:
    """A few of the operations that answered and are not known to be public."""
    successes = [known.success(operation) for operation in known.reads() if not operation.is_public]
    answered = [call for call, _ in filter(None, successes)]
    answered.sort(key=lambda call: crc32(f"{known.seed}:{call.operation.id}".encode()))
    for call in answered[:OPERATIONS]:
        yield without_valid_key(call)


def without_valid_key(call: Call) -> Experiment:
    """`call` again, first without a key, then with one that cannot be valid."""
    yield replace(call, purpose=Purpose.NO_KEY, credential="none")
    yield replace(call, purpose=Purpose.WRONG_KEY, credential="wrong")
