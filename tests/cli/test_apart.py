"""Calls in a process of their own: what comes back, and what is told of one that fails."""

from __future__ import annotations

import operator
import os

import pytest

from whopwatch.cli.apart import apart
from whopwatch.core.errors import TargetError
from whopwatch.prober.mcp import transport_of


def test_the_answer_comes_from_another_process() -> None:
    assert apart(os.getpid) != os.getpid()
    assert apart(transport_of, "https://mcp.example.com/sse") == "sse"


def test_of_an_unexpected_error_the_kind_alone_is_told() -> None:
    with pytest.raises(TargetError) as caught:
        apart(operator.getitem, {}, "something out of an answer")
    assert caught.value.got == "an unexpected KeyError"
    assert "answer" not in str(caught.value)


def test_a_process_that_ends_without_a_word_is_no_endless_wait() -> None:
    with pytest.raises(TargetError, match="without a word") as caught:
        apart(os._exit, 9)
    assert caught.value.got == "its exit code 9"
