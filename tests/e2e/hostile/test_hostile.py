"""whopwatch at a hostile API: it reports what it saw, within bounds, and keeps keys and personal values to itself.

`python -m benchmarks.hostile --product` runs the whole catalogue; here it is a sample.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.hostile import runner
from tests.e2e.hostile.behaviours import EMAIL, ENCODINGS, KEY
from tests.e2e.hostile.server import NAMES
from whopwatch.contract import load

pytestmark = pytest.mark.thorough

SEED = 16
ALWAYS = (
    ("check", "an amount of 309 digits"),
    ("check", "300 fields called as e-mail addresses"),
    ("drift", "the key in Base64 of the header"),
    ("once", "switching protocols"),
    ("once", "a page of pages"),
    ("once", "a request id that is a card"),
    ("probe", "the key split by names"),
)


def sample(count: int) -> list[tuple[str, str]]:
    """Return random runs, without the ones that wait for a silent or slow server."""
    quick = [name for name in NAMES if not name.startswith(("is silent", "drips", "asks for time", "a limit"))]
    chosen = random.Random(SEED)  # noqa: S311 - a sample is no secret
    return [(runner.COMMANDS[place % 4], name) for place, name in enumerate(chosen.sample(quick, count))]


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[int, str]]:
    load()  # before the forks, which share it
    with runner.hostile_api() as address:
        yield address


@pytest.mark.parametrize(("command", "behaviour"), [*ALWAYS, *sample(4)])
def test_a_hostile_api_is_reported_within_bounds(
    api: tuple[int, str], tmp_path: Path, command: str, behaviour: str
) -> None:
    result = runner.run(*api, behaviour, command, tmp_path / "run")
    assert list(result.mistakes()) == []
    assert result.outputs["page0" if command == "probe" else "stdout"]


def test_the_catalogue_is_large_and_each_behaviour_has_one_name() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 150


@pytest.mark.parametrize("write", ENCODINGS.values(), ids=ENCODINGS)
def test_a_planted_key_would_be_found(write: Callable[[str], str]) -> None:
    assert list(runner.shown_secrets(f"a {write(KEY)} b".encode()))


def test_a_mistake_is_seen() -> None:
    content = f"Traceback (most recent call last)\n::add-mask::x\n{EMAIL}".encode()
    bad = runner.Run("x", "check", 0, 1000.0, 900.0, {"stdout": content})
    assert [mistake.split()[0] for mistake in bad.mistakes()] == ["exit", "took", "took", "an", "stdout", "stdout"]
