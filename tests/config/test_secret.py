"""A key shows itself only where it is asked to."""

from __future__ import annotations

import copy
import pickle
import traceback
from dataclasses import replace

import pytest

from whopwatch.config import Secret, Target

TEXT = "apik_very_secret"
TARGET = Target("t", "http://127.0.0.1/api/v1", "http://127.0.0.1/api/v2", Secret(TEXT))


@pytest.mark.parametrize(
    "shown",
    [
        repr(TARGET),
        str(TARGET.api_key),
        f"{TARGET.api_key} {TARGET.api_key!r} {TARGET.api_key:>10}",
        "%s %r" % (TARGET.api_key, TARGET),  # noqa: UP031  # the old way must not leak either
        repr(replace(TARGET, name="u")),
    ],
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


def test_a_traceback_with_locals_does_not_show_it() -> None:
    def fails(target: Target) -> None:
        raise RuntimeError(f"at {target}")

    try:
        fails(TARGET)
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "target = Target(" in shown
    assert shown.count(TEXT) == 0


@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy])
def test_it_is_not_copied_out_of_the_process(way: object) -> None:
    with pytest.raises(TypeError, match="secret"):
        way(TARGET.api_key)  # type: ignore[operator]


def test_it_can_be_compared_and_revealed() -> None:
    assert Secret(TEXT).reveal() == TEXT
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("another")
    assert hash(Secret(TEXT)) == hash(Secret(TEXT))
    assert len({Secret(TEXT), Secret(TEXT)}) == 1
