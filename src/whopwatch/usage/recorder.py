"""Collect what code uses, and make the profile of it once every file is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from whopwatch.usage.api_index import ANY_EVENT, MODEL, ApiIndex, Steps, pointer
from whopwatch.usage.profile import ANY_OPERATION, LOST_EVENT, MAX_LISTED, TOO_COMPLEX, Certainty, Profile, Use
from whopwatch.usage.values import MAX_UNKNOWN_STEPS, Data, Unknown

MAX_UNKNOWN_READS = 200_000
"""Reads of unknown values that are remembered, in case they turn out to be a webhook payload."""
MAX_EVENT_VALUES = 20_000
"""Values of unknown origin that are events, or within one."""


class Recorder:
    """Collects uses. Reads of an event or a model count for the events and operations that the code uses."""

    def __init__(self, index: ApiIndex) -> None:
        self.profile = Profile(index.contract.version)
        self.index = index
        self._calls: dict[tuple[str, int], str | None] = {}
        self._pending: dict[tuple[str, Steps, str], bool] = {}
        self._pending_whole: dict[tuple[str, Steps, str], None] = {}
        self._reads: dict[int, dict[tuple[Steps, str], None]] = {}
        self._reads_count = 0
        self._event_roots: dict[tuple[int, Steps], None] = {}
        self._given: dict[int, set[tuple[int, Steps]]] = {}
        self._explained: set[tuple[str, str]] = set()
        self._notes: dict[tuple[str, str], None] = {}
        self._returned: dict[int, tuple[tuple[Data, ...], str, int]] = {}
        self._called: set[int] = set()
        self._cut: set[int] = set()
        self._handled: dict[tuple[str, Steps, str], set[str]] = {}

    def operation(self, id: str, path: str, line: int, *, is_guess: bool = False) -> None:
        """Note the use of an operation or event."""
        self.profile.use(id, f"{path}:{line}", Certainty.GUESSED if is_guess else Certainty.SEEN)

    def call(self, path: str, line: int, problem: str | None = None) -> None:
        """Note a call of the API; `problem` says why it could not be followed."""
        self._calls[(path, line)] = self._calls.get((path, line)) or problem

    def sdk_part(self, part: str, path: str, line: int) -> None:
        """Note that a part of the SDK itself is used."""
        self.profile.sdk_parts.setdefault(part, Use()).add(f"{path}:{line}", Certainty.SEEN)

    def not_followed(self, path: str, line: int, reason: str) -> None:
        """Note a place that could not be followed."""
        self._notes[(f"{path}:{line}", reason)] = None

    def field(self, owner: str, steps: Steps, path: str, line: int, *, is_guess: bool) -> None:
        """Note that a field is read."""
        if owner == ANY_EVENT or owner.startswith(MODEL):
            self._pending[(owner, steps, f"{path}:{line}")] = is_guess
        else:
            self._explained.add((f"{path}:{line}", steps[-1]))
            self._use_field(owner, pointer(steps), f"{path}:{line}", is_guess=is_guess)

    def location(self, owner: str, location: str, path: str, line: int, *, is_guess: bool) -> None:
        """Note that a parameter or a field of a request body is sent."""
        self._use_field(owner, location, f"{path}:{line}", is_guess=is_guess)

    def whole(self, value: Data, path: str, line: int) -> None:
        """Note that data leaves the code that is followed, if it has fields."""
        if value.owner == ANY_EVENT:
            self.not_followed(path, line, LOST_EVENT)
            return
        node = self.index.node(value.owner, value.steps)
        if node is None or not (node.fields or (node.items and node.items.fields)):
            return
        if value.owner.startswith(MODEL):
            self._pending_whole[(value.owner, value.steps, f"{path}:{line}")] = None
        else:
            self.profile.use_whole(value.owner, pointer(value.steps), f"{path}:{line}")

    def returned(self, function: int, values: tuple[Data, ...], path: str, line: int) -> None:
        """Note what a function returns, in case nothing in the scanned code calls it."""
        self._returned[function] = values, path, line

    def called(self, function: int, *, is_followed: bool) -> None:
        """Note a call of a function; if it was not followed, nothing is known of what becomes of its result."""
        (self._called if is_followed else self._cut).add(function)

    def handled(self, value: Data, texts: Iterable[str], path: str, line: int) -> None:
        """Note the enum values that the branches from `line` on handle; they have no default."""
        self._handled.setdefault((value.owner, value.steps, f"{path}:{line}"), set()).update(texts)

    def pages(self, value: Data, path: str, line: int) -> None:
        """Note that the code walks through the pages of a list: the SDK requests them one after the other."""
        operation = self.index.contract.operations.get(value.owner)
        if operation is not None and operation.is_list and not value.steps:
            certainty = Certainty.GUESSED if value.is_guess else Certainty.SEEN
            self.profile.use_pages(value.owner, f"{path}:{line}", certainty)

    def whole_request(self, operation: str, path: str, line: int) -> None:
        """Note that a request is sent whose fields are not known."""
        self.profile.use_whole(operation, "request", f"{path}:{line}")

    def unknown_read(self, root: int, steps: Steps, path: str, line: int) -> None:
        """Note an access to a value of unknown origin."""
        if self._reads_count < MAX_UNKNOWN_READS:
            self._reads_count += 1
            self._reads.setdefault(root, {})[(steps, f"{path}:{line}")] = None
        else:
            self.not_followed(path, 1, TOO_COMPLEX)

    def event_root(self, root: int, steps: Steps) -> None:
        """Note that an unknown value is a webhook payload: its type is compared with the name of an event."""
        self._event_roots[(root, steps)] = None

    def given(self, unknown: Mapping[int, Iterable[Unknown]]) -> None:
        """Note which values of unknown origin the parameters of a function get."""
        for parameter, values in unknown.items():
            self._given.setdefault(parameter, set()).update((one.root, one.steps) for one in values)

    def _events_within(self) -> Iterator[tuple[int, Steps, Steps]]:
        """Yield the values of unknown origin that are in an event: the origin, the steps, the place in the event.

        What a function compares makes each of its arguments an event. An event is one in each function that gets it.
        """
        todo = list(self._event_roots)
        events = dict.fromkeys(todo)
        while todo and len(events) < MAX_EVENT_VALUES:
            root, steps = todo.pop()
            for origin, above in self._given.get(root, ()):
                event = origin, (*above, *steps)
                if event not in events and len(event[1]) <= MAX_UNKNOWN_STEPS:
                    events[event] = None
                    todo.append(event)
        getters: dict[int, list[tuple[Steps, int]]] = {}
        for parameter, values in self._given.items():
            for origin, above in values:
                getters.setdefault(origin, []).append((above, parameter))
        within: list[tuple[int, Steps, Steps]] = [(root, steps, ()) for root, steps in events]
        found = dict.fromkeys(within)
        while within and len(found) < MAX_EVENT_VALUES:
            root, steps, place = within.pop()
            for above, parameter in getters.get(root, ()):
                if above[: len(steps)] == steps:
                    inner: tuple[int, Steps, Steps] = (parameter, (), (*place, *above[len(steps) :]))
                elif steps[: len(above)] == above:
                    inner = parameter, steps[len(above) :], place
                else:
                    continue
                if inner not in found and len(inner[2]) <= MAX_UNKNOWN_STEPS:
                    found[inner] = None
                    within.append(inner)
        yield from found

    def finish(self) -> Profile:
        """Return the profile."""
        for function, (values, path, line) in self._returned.items():
            if function not in self._called or function in self._cut:
                for value in values:
                    self.whole(value, path, line)
        for root, base, within in self._events_within():
            for steps, place in self._reads.get(root, {}):
                if steps[: len(base)] == base and len(steps) > len(base):
                    self._pending.setdefault((ANY_EVENT, (*within, *steps[len(base) :]), place), False)
        for (owner, steps, place), is_guess in self._pending.items():
            for id, prefix, is_used in list(self._owners(owner)):
                # The name of a model alone shows no operation if data that was followed is read at the same place.
                if not is_used and (place, steps[-1]) in self._explained:
                    continue
                if self.index.has_field(id, (*prefix, *steps)):
                    if not is_used:
                        self.profile.use(id, place, Certainty.GUESSED)
                    self._use_field(id, pointer((*prefix, *steps)), place, is_guess=is_guess or not is_used)
        for owner, steps, place in self._pending_whole:
            for id, prefix, is_used in list(self._owners(owner)):
                if is_used:
                    self.profile.use_whole(id, pointer((*prefix, *steps)), place)
        for (owner, steps, place), texts in self._handled.items():
            owners = list(self._owners(owner)) if owner.startswith((MODEL, ANY_EVENT)) else [(owner, (), True)]
            for id, prefix, is_used in owners:
                node = self.index.node(id, (*prefix, *steps))
                missing = tuple(str(one) for one in node.known_values if str(one) not in texts) if node else ()
                if is_used and missing:
                    self.profile.unhandled[(id, pointer((*prefix, *steps)), place)] = missing
        coverage = self.profile.coverage
        coverage.calls = len(self._calls)
        coverage.calls_followed = sum(problem is None for problem in self._calls.values())
        problems = {(f"{path}:{line}", text): None for (path, line), text in self._calls.items() if text}
        # What decides about impacts is kept where not all is listed.
        notes = sorted({**problems, **self._notes}, key=lambda note: note[1] not in ANY_OPERATION | {LOST_EVENT})
        coverage.not_followed = sorted(notes[:MAX_LISTED])
        return self.profile

    def _owners(self, owner: str) -> Iterator[tuple[str, Steps, bool]]:
        """Yield the operations and events that data of `owner` can come from, and whether the code uses them."""
        used = self.profile.operations
        if owner == ANY_EVENT:
            yield from ((id, (), True) for id in used if id.startswith("webhook:"))
            return
        found = self.index.models[owner.removeprefix(MODEL)]
        own = [(id, steps, True) for id, steps in found if id in used and not id.startswith("webhook:")]
        yield from own or [(id, steps, False) for id, steps in found if not id.startswith("webhook:")][:5]

    def _use_field(self, owner: str, location: str, place: str, *, is_guess: bool) -> None:
        self.profile.use_field(owner, location, place, Certainty.GUESSED if is_guess else Certainty.SEEN)
