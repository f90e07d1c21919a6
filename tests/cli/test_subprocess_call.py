"""Calls in a process of their own: the result, and the error of a call that fails."""

from __future__ import annotations

import operator
import os
import subprocess
import time
from typing import Any

import pytest

from whopwatch.cli._support.subprocess_call import call_in_subprocess
from whopwatch.core.errors import TargetError
from whopwatch.prober.mcp import transport_of


def test_the_answer_comes_from_another_process() -> None:
    assert call_in_subprocess(os.getpid) != os.getpid()
    assert call_in_subprocess(transport_of, "https://mcp.example.com/sse") == "sse"


def test_an_unexpected_error_is_reported_by_its_type_only() -> None:
    with pytest.raises(TargetError) as caught:
        call_in_subprocess(operator.getitem, {}, "something out of an answer")
    assert caught.value.got == "an unexpected KeyError"
    assert "answer" not in str(caught.value)


def test_a_process_that_ends_without_a_word_is_no_endless_wait() -> None:
    with pytest.raises(TargetError, match="without a result") as caught:
        call_in_subprocess(os._exit, 9)
    assert caught.value.got == "exit code 9"


def test_ctrl_c_ends_the_child_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal may reach the parent alone; a child that goes on would still send requests."""
    children = []

    class Interrupted(subprocess.Popen[bytes]):
        def communicate(self, *_: Any, **__: Any) -> tuple[bytes, bytes]:
            children.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        call_in_subprocess(time.sleep, 3600)
    assert [child.returncode is not None for child in children] == [True]
