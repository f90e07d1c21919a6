"""Faults in how an operation answers: whether at all, with which status, headers and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from starlette.responses import Response

from whopwatch.simulator.faults.changes import where_possible
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed, respond
from whopwatch.simulator.problem import ApiError, not_found

HTML = b"<!doctype html><html><body><h1>Something went wrong</h1></body></html>"
EMPTY_LIST = {
    "data": [],
    "page_info": {"end_cursor": None, "start_cursor": None, "has_next_page": False, "has_previous_page": False},
}
WORDS = {402: "payment_required", 405: "method_not_allowed", 410: "gone", 501: "not_implemented", 503: "unavailable"}


class RefusalError(ApiError):
    """An error that the simulated API itself never answers with."""

    def envelope(self, api: str) -> dict[str, Any]:
        """As ApiError's, with a type for any status."""
        if self.status in WORDS and api != "v2":
            return {"error": {"type": WORDS[self.status], "message": self.message, "code": None, "param": None}}
        return super().envelope(api)


def refuse(
    place: Place,
    *,
    status: int,
    every: int = 1,
    after: int = 0,
    headers: Mapping[str, str] | None = None,
    html: bool = False,
    before: str = "limit",
) -> Plan | None:
    """Answer with an error before anything is done: always, every so manieth time, or from a number of times on.

    `before` names the step that is not come to any more: `authenticate` to refuse whoever asks.
    """
    asked = count()

    def refused(call: Call, proceed: Proceed) -> None:
        number = next(asked)
        if number < after or number % every != every - 1:
            proceed()
        elif html:
            call.response = Response(HTML, status, media_type="text/html")
        else:
            call.response_headers |= headers or {}
            raise RefusalError(status, "The request was not carried out.")

    return around(before, refused, "status")


def status(place: Place, *, status: int, empty: bool = False, rare: bool = False) -> Plan | None:
    """Another status on success answers; `empty` without their body, `rare` for one object in a hundred."""
    ids = place.rare_ids if rare else frozenset()

    def changed(call: Call, proceed: Proceed) -> None:
        if call.status >= 400 or (rare and not ids.intersection(call.path_params.values())):
            proceed()
            return
        call.status = status
        if status >= 400:
            call.payload = RefusalError(status, "Something went wrong.").envelope(call.api)
        proceed()
        if empty:
            call.response = Response(status_code=status, headers=call.response_headers)

    return around("respond", changed, "status")


def moved(place: Place) -> Plan | None:
    """Answer on another documented path alone, not on the one that the contract takes."""
    if not place.operation.alternate_paths:
        return None
    taken = place.operation.path.count("/")

    def elsewhere(call: Call, proceed: Proceed) -> None:
        if call.path.strip("/").count("/") + 1 == taken and _fits(place.operation.path, call.path):
            raise not_found("path")
        proceed()

    return around("limit", elsewhere, "status")


def _fits(template: str, path: str) -> bool:
    pairs = zip(template.strip("/").split("/"), path.strip("/").split("/"), strict=True)
    return all(part.startswith("{") or part == given for part, given in pairs)


def redirect(place: Place, *, status: int, to: str) -> Plan:
    """Send the client elsewhere. In `to`, `{path}` stands for the path asked for."""

    def sent_away(call: Call, proceed: Proceed) -> None:
        target = to.replace("{path}", f"/api/{call.api}{call.path}")
        call.response = Response(status_code=status, headers={"location": target})

    return around("limit", sent_away, "status")


def header(place: Place, *, name: str, value: str | None = None, on: str = "success") -> Plan:
    """Set a header, or with no value drop it; `on` is `success`, `error` or `any`."""

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        assert call.response is not None
        if on in ("any", "error" if call.status >= 400 else "success"):
            if value is not None:
                call.response.headers[name] = value
            elif name in call.response.headers:
                del call.response.headers[name]

    return around("respond", changed, f"header:{name.lower()}")


def _without(*names: str) -> Callable[[dict[str, Any]], Any]:
    return lambda error: {"error": {name: value for name, value in error.items() if name not in names}}


ERRORS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "no-message": _without("message"),
    "no-type": _without("type"),
    "message-null": lambda error: {"error": {**error, "message": None}},
    "message-list": lambda error: {"error": {**error, "message": [error.get("message")]}},
    "flat": lambda error: {"message": error.get("message"), "status": 400},
    "text": lambda error: {"error": error.get("message")},
    "list": lambda error: {"errors": [error]},
    "in-array": lambda error: [{"error": error}],
    "empty-object": lambda error: {},
    "problem": lambda error: {"type": "about:blank", "title": error.get("message"), "status": 400},
    "code-number": lambda error: {"error": {**error, "code": 1001}},
}
"""Other forms of the error envelope, out of its `error` object."""


def error_form(place: Place, *, form: str, at: str = "/error") -> Plan:
    """Put every error into another form: a key of ERRORS, or `html` or `empty` for no JSON at all."""

    def changed(call: Call, proceed: Proceed) -> None:
        if call.status >= 400 and form in ERRORS:
            call.payload = where_possible(lambda payload: ERRORS[form](payload["error"]), call.payload)
        proceed()
        if call.status >= 400 and form not in ERRORS:
            body, media = (HTML, "text/html") if form == "html" else (b"", "application/json")
            call.response = Response(body, call.status, media_type=media)

    return around("respond", changed, at)


def error_status(
    place: Place, *, of: int, status: int, when: str = "any", step: str = "act", empty_list: bool = False
) -> Plan | None:
    """Another status where the API would answer `of`. `step` is the one that finds the mistake.

    `when` narrows it down to a kind of mistake, a key of MISTAKES. A status below 400 answers as if all were well:
    null, or with `empty_list` a page without items.
    """
    is_meant = MISTAKES[when]
    if not POSSIBLE.get(when, _always)(place):
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            if problem.status != of or not is_meant(call, problem):
                raise
            if status >= 400:
                raise RefusalError(status, problem.message, code=problem.code, param=problem.param) from None
            call.status, call.payload = status, EMPTY_LIST if empty_list else None
            respond(call)

    is_of_a_parameter = place.operation.is_list and step != "authenticate"
    return around(step, changed, None if is_of_a_parameter else "status")


def _always(place: Place) -> bool:
    return True


def _has(name: str) -> Callable[[Place], bool]:
    return lambda place: place.operation.parameter(name) is not None


MISTAKES: Mapping[str, Callable[[Call, ApiError], bool]] = {
    "any": lambda call, problem: True,
    "no-key": lambda call, problem: "authorization" not in call.headers,
    "wrong-key": lambda call, problem: "authorization" in call.headers,
    "missing": lambda call, problem: problem.code == "parameter_missing",
    "invalid": lambda call, problem: problem.code == "parameter_invalid",
    "size": lambda call, problem: problem.param in ("first", "last"),
    "cursor": lambda call, problem: problem.param in ("after", "before"),
    "filter": lambda call, problem: (
        problem.code == "parameter_invalid" and problem.param not in ("first", "last", "after", "before")
    ),
    "known-form": lambda call, problem: _is_wellformed(call),
    "odd-form": lambda call, problem: not _is_wellformed(call),
}
"""Kinds of mistakes of a request."""

POSSIBLE: Mapping[str, Callable[[Place], bool]] = {
    "missing": lambda place: bool(place.operation.required_query),
    "size": _has("first"),
    "cursor": _has("after"),
    "filter": lambda place: place.operation.is_list,
    "known-form": lambda place: bool(place.operation.path.count("{")),
    "odd-form": lambda place: bool(place.operation.path.count("{")),
}
"""Where a kind of mistake can be made at all; everywhere if it is not listed."""


def _is_wellformed(call: Call) -> bool:
    """Whether the ids in the path look like ids."""
    return all(value.replace("_", "").isalnum() and len(value) > 8 for value in call.path_params.values())


STEPS: Table = {
    "refuse": refuse,
    "status": status,
    "redirect": redirect,
    "moved": moved,
    "header": header,
    "error-form": error_form,
    "error-status": error_status,
}
