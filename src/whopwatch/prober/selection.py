"""The operations that a table of probes.toml selects, and the maintenance windows that apply to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from whopwatch.config import decode
from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import ConfigError, did_you_mean

SELECTOR_READERS: dict[str, decode.Reader] = {
    "gets": decode.boolean,
    "operations": decode.strings,
    "resources": decode.strings,
    "tags": decode.strings,
    "except": decode.strings,
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Selector:
    """Select operations by id, resource or tag, or all GETs of v1 (`gets`).

    `excluded` holds operations and resources to leave out. `where` is the place in the file, for error messages.
    """

    gets: bool = False
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    where: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the selector selects nothing."""
        return not (self.gets or self.operations or self.resources or self.tags)

    def select(self, contract: Contract) -> list[Operation]:
        """Return the selected operations in the contract's order.

        Raises ConfigError for an unknown name and for a write operation.
        """
        self._refuse_unknown_names(contract)
        return [operation for operation in contract.operations.values() if self._selects(operation)]

    def _selects(self, operation: Operation) -> bool:
        if operation.id in self.excluded or operation.resource in self.excluded:
            return False
        if operation.id in self.operations:
            return True
        return (
            operation.is_read
            and operation.api == "v1"
            and (self.gets or operation.resource in self.resources or not set(self.tags).isdisjoint(_tags(operation)))
        )

    def _refuse_unknown_names(self, contract: Contract) -> None:
        every = contract.operations.values()
        self._refuse("operation", self.operations, contract.operations)
        self._refuse("resource", self.resources, contract.resources)
        self._refuse("tag", self.tags, {tag for operation in every for tag in _tags(operation)})
        self._refuse("operation or resource", self.excluded, {*contract.operations, *contract.resources})
        for id in self.operations:
            if not contract.operations[id].is_read:
                raise ConfigError(
                    f"{id} is a write operation. Probes send GET requests only.",
                    where=self.where,
                    expected="operations that are GET requests",
                    got=f"{contract.operations[id].method} {contract.operations[id].path}",
                )

    def _refuse(self, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
        known = tuple(known)
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"The contract has no {kind} {name!r}.",
                    where=self.where,
                    hint=did_you_mean(name, known) or "`whopwatch contract show` lists them",
                )


def _tags(operation: Operation) -> tuple[str, ...]:
    return tuple(operation.raw.get("tags", ()))


def selector_from(settings: Mapping[str, Any], where: str, *, may_be_empty: bool = False) -> Selector:
    """Return the selector of a table whose values were read.

    Raises ConfigError if it selects nothing and `may_be_empty` is false.
    """
    selector = Selector(
        gets=settings.get("gets", False),
        operations=settings.get("operations", ()),
        resources=settings.get("resources", ()),
        tags=settings.get("tags", ()),
        excluded=settings.get("except", ()),
        where=where,
    )
    if selector.is_empty and not may_be_empty:
        raise ConfigError(
            "The table selects no operation.",
            where=where,
            expected="gets = true, or operations, resources or tags",
            got="none of them",
        )
    return selector


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A period, in UTC, in which failures raise no alert. Probing continues.

    Either from `begins` to `ends` once, or for `duration` from `start` (time since midnight) on `weekdays` (0 is
    Monday). An empty selector applies to every operation.
    """

    name: str
    selector: Selector
    begins: datetime | None = None
    ends: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    start: timedelta = timedelta()
    duration: timedelta = timedelta()

    def is_active(self, now: datetime) -> bool:
        """Return whether `now`, with a time zone, is in the window: start included, end excluded."""
        now = now.astimezone(UTC)
        if self.begins and self.ends:
            return self.begins <= now < self.ends
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        # A window that began on an earlier day may still be open.
        days_back = range(int(self.duration / timedelta(days=1)) + 2)
        starts = (midnight - timedelta(days=back) + self.start for back in days_back)
        return any(start.weekday() in self.weekdays and start <= now < start + self.duration for start in starts)


def read_window(value: Any, where: str) -> MaintenanceWindow:
    """Return the window of one `[[maintenance]]` table. Raises ConfigError for an invalid one."""
    settings = decode.decode_table(
        value,
        {
            "name": decode.string,
            "from": _read_moment,
            "until": _read_moment,
            "weekdays": _read_weekdays,
            "start": _read_time_of_day,
            "duration": decode.duration_seconds,
            **SELECTOR_READERS,
        },
        where,
    )
    given = settings.keys() & {"from", "until", "weekdays", "start", "duration"}
    name, selector = settings.get("name", "maintenance"), selector_from(settings, where, may_be_empty=True)
    if given == {"from", "until"}:
        begins, ends = settings["from"], settings["until"]
        if begins >= ends:
            raise ConfigError("The maintenance window ends before it begins.", where=where, expected="from < until")
        return MaintenanceWindow(name, selector, begins=begins, ends=ends)
    if given >= {"start", "duration"} and not given & {"from", "until"}:
        duration = timedelta(seconds=settings["duration"])
        if duration > _WEEK:
            raise ConfigError("The maintenance window is longer than a week.", where=where, expected="at most 7d")
        weekdays = settings.get("weekdays", frozenset(range(7)))
        return MaintenanceWindow(name, selector, weekdays=weekdays, start=settings["start"], duration=duration)
    raise ConfigError(
        "A maintenance window needs exactly one kind of time.",
        where=where,
        expected="from and until, or start and duration (and weekdays)",
        got=", ".join(sorted(given)) or "neither",
    )


def _read_moment(value: Any, where: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise decode.invalid_setting(where, "a date and time with its zone, such as 2026-01-31T02:00:00Z", value)
    return value.astimezone(UTC)


def _read_weekdays(value: Any, where: str) -> frozenset[int]:
    day = decode.choice(*WEEKDAYS)
    return frozenset(WEEKDAYS.index(day(name, where)) for name in decode.strings(value, where))


def _read_time_of_day(value: Any, where: str) -> timedelta:
    match = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise decode.invalid_setting(where, 'a time of day in UTC such as "02:30"', value)
    return timedelta(hours=int(match[1]), minutes=int(match[2]))
