"""The usage profile: operations and fields that code or recordings use, how surely, and where."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from whopwatch import __version__
from whopwatch.core.documents import read_bounded
from whopwatch.core.errors import UsageError

MAX_PLACES = 50
"""Places that are listed for one operation or field."""
MAX_LISTED = 500
"""Places that could not be followed, and skipped files, that are listed; all are counted."""
MAX_PROFILE_BYTES = 64 * 2**20
FILE = "usage.json"
COMPUTED_NAME = "the name of an SDK method is computed"
TOO_COMPLEX = "the code is too complex to follow to its end"
LOST_CLIENT = "the client is passed to code that was not followed"
TOO_DEEP = "the code is nested too deeply"
BROKEN_CODE = "a syntax error: code near it was not read"
LOST_EVENT = "a webhook event is passed to code that was not followed"
RUN_TOO_LARGE = "the run recorded more than the limit: what it used beyond that is not known"
RUN_TOO_LONG = "the run took too long: what it would have used is not known"
RUN_OTHER_SDK = "this module of the SDK is not known: what is read of its models is not recorded"
ANY_OPERATION = frozenset(
    {COMPUTED_NAME, TOO_COMPLEX, TOO_DEEP, BROKEN_CODE, LOST_CLIENT, RUN_TOO_LARGE, RUN_TOO_LONG, RUN_OTHER_SDK}
)
"""Why code was not followed, or a run not recorded, if it may use any operation and field."""


class Certainty(StrEnum):
    """`seen`: the code shows it. `guessed`: a name or an address suggests it."""

    SEEN = "seen"
    GUESSED = "guessed"


@dataclass
class Use:
    """That something is used: how surely, and where (`src/app.py:12`)."""

    certainty: Certainty = Certainty.GUESSED
    places: list[str] = field(default_factory=list)

    def add(self, place: str, certainty: Certainty) -> None:
        """Add one place; one that is seen makes the use seen."""
        if certainty is Certainty.SEEN:
            self.certainty = Certainty.SEEN
        if place not in self.places and len(self.places) < MAX_PLACES:
            self.places.append(place)

    def to_json(self) -> dict[str, Any]:
        """Return the use as the profile has it."""
        return {"certainty": str(self.certainty), "places": sorted(self.places, key=place_order)}


@dataclass
class OperationUse(Use):
    """The use of an operation or event.

    `fields` maps locations, as findings have them (`/data/*/title`, `param:status`, `body:/title`), to their uses.
    `read_whole` maps locations to where the data leaves the code that was followed: any field below may be used.
    `walks` has the places at which the code walks through all pages of a list, where the SDK requests the next one.
    """

    fields: dict[str, Use] = field(default_factory=dict)
    read_whole: dict[str, Use] = field(default_factory=dict)
    walks: Use = field(default_factory=Use)


@dataclass
class Coverage:
    """How much of the sources could be followed. A call is one of the SDK or of a documented path."""

    files: int = 0
    lines: int = 0
    recordings: int = 0
    runs: int = 0
    calls: int = 0
    calls_followed: int = 0
    not_followed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    skipped_total: int = 0

    def skip(self, file: str, reason: str) -> None:
        """Note a file that was not read."""
        self.skipped_total += 1
        if len(self.skipped) < MAX_LISTED:
            self.skipped.append((file, reason))

    def to_json(self) -> dict[str, Any]:
        """Return the coverage as the profile has it."""
        return {
            "files": self.files,
            "lines": self.lines,
            "recordings": self.recordings,
            "runs": self.runs,
            "calls": self.calls,
            "calls_followed": self.calls_followed,
            "not_followed": [{"place": place, "reason": reason} for place, reason in self.not_followed],
            "skipped": self.skipped_total,
            "skipped_files": [{"file": file, "reason": reason} for file, reason in self.skipped],
        }


@dataclass
class Profile:
    """What is used, by operation id (`payments.list`, `webhook:payment.succeeded`).

    `sdk_parts` are parts of the SDK itself that the code uses, such as `client` or `page`, and `requests` without it.
    `runs` says how the commands of --run ended. `account` is what the account's own log says, without the operations.
    `unhandled` maps operation, location and place of branches without a default to the documented enum values that
    none of them handles. It is not part of the file.
    """

    contract: str | None
    operations: dict[str, OperationUse] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    sdk_parts: dict[str, Use] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    account: dict[str, Any] | None = None
    unhandled: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)

    def use(self, operation: str, place: str, certainty: Certainty) -> OperationUse:
        """Add a use of an operation."""
        found = self.operations.setdefault(operation, OperationUse())
        found.add(place, certainty)
        return found

    def use_field(self, operation: str, location: str, place: str, certainty: Certainty) -> None:
        """Add a use of a field or parameter of an operation that is used."""
        found = self.operations.setdefault(operation, OperationUse())
        found.fields.setdefault(location, Use()).add(place, certainty)

    def use_whole(self, operation: str, location: str, place: str) -> None:
        """Add a place where everything below `location` may be used."""
        found = self.operations.setdefault(operation, OperationUse())
        found.read_whole.setdefault(location, Use()).add(place, Certainty.GUESSED)

    def use_pages(self, operation: str, place: str, certainty: Certainty) -> None:
        """Add a place where the pages of a list are walked through."""
        self.operations.setdefault(operation, OperationUse()).walks.add(place, certainty)

    def to_json(self) -> dict[str, Any]:
        """Return the profile, schema 1, in an order that is the same for the same sources."""
        return {
            "schema": 1,
            "tool": "whopwatch",
            "kind": "usage",
            "version": __version__,
            "contract": self.contract,
            "coverage": self.coverage.to_json(),
            **({"runs": self.runs} if self.runs else {}),
            "sdk_parts": [{"part": name, **use.to_json()} for name, use in sorted(self.sdk_parts.items())],
            **({"account": self.account} if self.account else {}),
            "operations": [
                {
                    "id": id,
                    **found.to_json(),
                    "fields": [{"location": name, **use.to_json()} for name, use in sorted(found.fields.items())],
                    "read_whole": [
                        {"location": name, **use.to_json()} for name, use in sorted(found.read_whole.items())
                    ],
                    **({"walks_pages": found.walks.to_json()} if found.walks.places else {}),
                }
                for id, found in sorted(self.operations.items())
            ],
        }


def place_order(place: str) -> tuple[str, int]:
    """Return what places are sorted by: the file, then the line as a number."""
    file, _, line = place.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (place, 0)


def read_profile(path: Path) -> Profile:
    """Return the profile in a file. Raise UsageError if it cannot be read or is none."""
    try:
        return _profile(json.loads(read_bounded(path, MAX_PROFILE_BYTES)))
    except OSError as error:
        got = error.strerror or "an error"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        got = "something else"
    raise UsageError(
        "The usage profile cannot be read.",
        where=str(path),
        expected="a file that `whopwatch usage` wrote",
        got=got,
        hint="write it again: whopwatch usage src -o usage.json",
    )


def _profile(stored: Any) -> Profile:
    if stored["schema"] != 1 or stored["kind"] != "usage":
        raise ValueError("no usage profile")
    profile = Profile(stored["contract"])
    coverage = stored["coverage"]
    for name in ("files", "lines", "recordings", "calls", "calls_followed"):
        setattr(profile.coverage, name, int(coverage[name]))
    profile.coverage.runs = int(coverage.get("runs", 0))
    profile.runs = list(stored.get("runs", ()))
    profile.account = stored.get("account")
    profile.coverage.not_followed = [(str(one["place"]), str(one["reason"])) for one in coverage["not_followed"]]
    profile.coverage.skipped = [(str(one["file"]), str(one["reason"])) for one in coverage["skipped_files"]]
    profile.coverage.skipped_total = int(coverage["skipped"])
    profile.sdk_parts = {str(row["part"]): _use(row) for row in stored.get("sdk_parts", ())}
    for row in stored["operations"]:
        use = _use(row)
        profile.operations[str(row["id"])] = OperationUse(
            use.certainty,
            use.places,
            _uses(row["fields"]),
            _uses(row["read_whole"]),
            _use(row["walks_pages"]) if "walks_pages" in row else Use(),
        )
    return profile


def _uses(rows: Iterable[Any]) -> dict[str, Use]:
    return {str(row["location"]): _use(row) for row in rows}


def _use(row: Any) -> Use:
    return Use(Certainty(row["certainty"]), [str(place) for place in row["places"]][:MAX_PLACES])
