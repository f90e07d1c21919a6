"""Faults outside the catalogue, derived only from the drift classes and the invariants of a paginated list.

They keep the score honest: a rule written for the catalogue of the simulator instead of for the API misses them. None
of them uses the simulator's own fault injection: a proxy in front of it changes requests and responses.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.detection.unseen.answers import ANSWERS
from benchmarks.detection.unseen.drifts import DRIFTS
from benchmarks.detection.unseen.fields import FIELDS
from benchmarks.detection.unseen.front import Front
from benchmarks.detection.unseen.lists import LISTS
from benchmarks.detection.unseen.objects import OBJECTS
from benchmarks.detection.unseen.place import Place, Planted, Unseen

UNSEEN: Mapping[str, Unseen] = {fault.name: fault for fault in (*FIELDS, *ANSWERS, *LISTS, *OBJECTS, *DRIFTS)}

__all__ = ["UNSEEN", "Front", "Place", "Planted", "Unseen"]
