"""Take one request through the steps of the simulated API.

Each step reads and completes an ApiCall. Each step can be wrapped, for one operation or for all: the wrapper runs
before, after or instead of the step. Faults change the behaviour in this way only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from whopwatch.contract import Operation
from whopwatch.simulator.api.errors import ApiError
from whopwatch.simulator.api.lists import Cursors, ListOrder, PageSlice
from whopwatch.simulator.world.tables import Entity


@dataclass
class ApiCall:
    """One request. Each step adds what later steps need."""

    method: str
    api: str
    path: str
    query_pairs: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    raw_body: bytes
    operation: Operation | None = None
    path_params: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    rows: list[Entity] = field(default_factory=list)
    order: ListOrder | None = None
    cursors: Cursors | None = None
    page: PageSlice | None = None
    total: int = 0
    payload: Any = None
    status: int = 200
    response_headers: dict[str, str] = field(default_factory=dict)
    response: Response | None = None

    @property
    def matched(self) -> Operation:
        """The operation, after the step `route`."""
        assert self.operation is not None
        return self.operation


EMPTY_RESPONSE = object()
"""The payload of a response without a body."""

Step = Callable[[ApiCall], None]
Proceed = Callable[[], None]


@dataclass(frozen=True)
class StepWrapper:
    """Runs `around(call, proceed)` in place of the step `step`, for one operation or (None) for all."""

    step: str
    around: Callable[[ApiCall, Proceed], None]
    operation: str | None = None


class Pipeline:
    """The steps in order, and their wrappers. Of several wrappers of a step the last is outermost.

    `describe` returns the body of an error.
    """

    def __init__(
        self,
        steps: Sequence[tuple[str, Step]],
        wrappers: Sequence[StepWrapper] = (),
        describe: Callable[[ApiCall, ApiError], Any] = lambda _, problem: {"error": {"message": problem.message}},
    ) -> None:
        self._steps = steps
        self._describe = describe
        self._wrappers: tuple[StepWrapper, ...] = ()
        self.wrap(wrappers)

    def wrap(self, wrappers: Sequence[StepWrapper]) -> None:
        """Replace all wrappers for the requests from now on. Raise ValueError for an unknown step."""
        unknown = {wrapper.step for wrapper in wrappers} - {"respond", "offer", *(name for name, _ in self._steps)}
        if unknown:
            raise ValueError(f"no such step: {', '.join(sorted(unknown))}")
        self._wrappers = tuple(wrappers)

    def run(self, call: ApiCall) -> Response:
        """Run all steps and return the response. An ApiError becomes an error response."""
        try:
            for name, step in self._steps:
                self._wrapped(name, step, call)()
                if call.response is not None:
                    return call.response
        except ApiError as problem:
            call.status, call.payload = problem.status, self._describe(call, problem)
        self._wrapped("respond", respond, call)()
        assert call.response is not None
        return call.response

    def step(self, name: str, call: ApiCall) -> None:
        """Run the wrappers of the step `name` around nothing."""
        self._wrapped(name, lambda _: None, call)()

    def _wrapped(self, name: str, step: Step, call: ApiCall) -> Proceed:
        def proceed() -> None:
            step(call)

        run: Proceed = proceed
        for wrapper in self._wrappers:
            if wrapper.step == name and wrapper.operation in (None, call.operation and call.operation.id):
                run = _around(wrapper, call, run)
        return run


def _around(wrapper: StepWrapper, call: ApiCall, inner: Proceed) -> Proceed:
    return lambda: wrapper.around(call, inner)


def respond(call: ApiCall) -> None:
    """Write the payload as the response; EMPTY_RESPONSE as an empty one."""
    if call.payload is EMPTY_RESPONSE:
        call.response = Response(b"", call.status, call.response_headers)
        return
    body = json.dumps(call.payload, separators=(",", ":"), ensure_ascii=False).encode()
    call.response = Response(body, call.status, call.response_headers, "application/json; charset=utf-8")
