"""One request through the simulated API, step by step.

A step reads and completes a Call. Each step can be wrapped for one operation or for all: a wrapper runs before,
after or instead of the step. That is the one place where behaviour is changed from outside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from whopwatch.contract import Operation
from whopwatch.simulator.paging import Cursors, Listing, Page
from whopwatch.simulator.problem import ApiError
from whopwatch.simulator.world import Entity


@dataclass
class Call:
    """One request on its way. Every step adds what the later ones need."""

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
    listing: Listing | None = None
    cursors: Cursors | None = None
    page: Page | None = None
    payload: Any = None
    status: int = 200
    response_headers: dict[str, str] = field(default_factory=dict)
    response: Response | None = None

    @property
    def matched(self) -> Operation:
        """The operation, once the routing step has found it."""
        assert self.operation is not None
        return self.operation


Step = Callable[[Call], None]
Proceed = Callable[[], None]


@dataclass(frozen=True)
class Wrapper:
    """Changes the step called `step`: `around(call, proceed)` runs in its place. None stands for every operation."""

    step: str
    around: Callable[[Call, Proceed], None]
    operation: str | None = None


class Pipeline:
    """The named steps in their order, with wrappers around them. Of several around one step the last is outermost."""

    def __init__(self, steps: Sequence[tuple[str, Step]], wrappers: Sequence[Wrapper] = ()) -> None:
        self._steps = steps
        self._wrappers: tuple[Wrapper, ...] = ()
        self.wrap(wrappers)

    def wrap(self, wrappers: Sequence[Wrapper]) -> None:
        """Replace all wrappers, at once for the requests from now on. Raises ValueError for an unknown step."""
        unknown = {wrapper.step for wrapper in wrappers} - {"respond", "offer", *(name for name, _ in self._steps)}
        if unknown:
            raise ValueError(f"no such step: {', '.join(sorted(unknown))}")
        self._wrappers = tuple(wrappers)

    def run(self, call: Call) -> Response:
        """The response to a call. A ApiError raised by a step becomes its error envelope."""
        try:
            for name, step in self._steps:
                self._wrapped(name, step, call)()
                if call.response is not None:
                    return call.response
        except ApiError as problem:
            call.status, call.payload = problem.status, problem.envelope(call.api)
        self._wrapped("respond", respond, call)()
        assert call.response is not None
        return call.response

    def step(self, name: str, call: Call) -> None:
        """A step of its own that does nothing but what its wrappers do."""
        self._wrapped(name, lambda _: None, call)()

    def _wrapped(self, name: str, step: Step, call: Call) -> Proceed:
        def proceed() -> None:
            step(call)

        run: Proceed = proceed
        for wrapper in self._wrappers:
            if wrapper.step == name and wrapper.operation in (None, call.operation and call.operation.id):
                run = _around(wrapper, call, run)
        return run


def _around(wrapper: Wrapper, call: Call, inner: Proceed) -> Proceed:
    return lambda: wrapper.around(call, inner)


def respond(call: Call) -> None:
    """Serialize the payload into the response."""
    body = json.dumps(call.payload, separators=(",", ":"), ensure_ascii=False).encode()
    call.response = Response(body, call.status, call.response_headers, "application/json; charset=utf-8")
