"""A set of small numbers in few bytes: sorted, each as the distance to the one before, in LEB128."""

from __future__ import annotations

from collections.abc import Iterable


def packed(numbers: Iterable[int]) -> bytes:
    """The bytes that stand for a set of numbers, each 0 or greater."""
    found, last = bytearray(), 0
    for number in sorted(set(numbers)):
        distance, last = number - last, number
        while distance > 0x7F:
            found.append(distance & 0x7F | 0x80)
            distance >>= 7
        found.append(distance)
    return bytes(found)


def unpacked(data: bytes) -> frozenset[int]:
    """The numbers that `data` stands for."""
    numbers, number, distance, shift = set(), 0, 0, 0
    for byte in data:
        distance |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += distance
            numbers.add(number)
            distance = shift = 0
    return frozenset(numbers)
