"""Shards: every probe in exactly one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prober.support import CONTRACT, probe
from whopwatch.config.shard import Shard
from whopwatch.core.errors import UsageError

PROBES = [probe(operation.id) for operation in CONTRACT.reads]


@given(st.integers(1, 100), st.randoms())
def test_every_probe_is_in_exactly_one_shard(count: int, random: object) -> None:
    mixed = PROBES[:]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    shards = [Shard(index, count).of(mixed) for index in range(count)]
    assert sorted(each.id for shard in shards for each in shard) == sorted(each.id for each in PROBES)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("text", ["", "1", "1/", "/3", "3/3", "-1/3", "0/0", "1/2/3", "a/b", "0/9999", "¹/3"])
def test_an_invalid_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="shard is invalid"):
        Shard.parse(text)


def test_a_shard() -> None:
    assert Shard.parse("2/3") == Shard(2, 3)
