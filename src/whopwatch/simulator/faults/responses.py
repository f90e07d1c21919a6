"""Faults in responses: status, headers, errors, bytes that are not JSON, and responses that are late or incomplete."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from whopwatch.simulator.api.errors import ApiError, error_body, not_found
from whopwatch.simulator.api.pipeline import ApiCall, Proceed, respond
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.faults.fields import where_possible

HTML_BODY = b"<!doctype html><html><body><h1>Something went wrong</h1></body></html>"
EMPTY_LIST = {
    "data": [],
    "page_info": {"end_cursor": None, "start_cursor": None, "has_next_page": False, "has_previous_page": False},
}
NESTED_ARRAYS = 400


def _inserted(what: bytes) -> Callable[[bytes], bytes]:
    """Return a change that inserts `what` as the first member of the document."""
    return lambda body: body.replace(b"{", b"{" + what + (b"," if body[1:2] != b"}" else b""), 1)


def _twice(body: bytes) -> bytes:
    """Repeat the first key of the document."""
    value = json.loads(body)
    if not isinstance(value, dict) or not value:
        return body
    return _inserted(json.dumps(next(iter(value))).encode() + b":null")(body)


BODY_BYTES: Mapping[str, Callable[[bytes], bytes]] = {
    "html": lambda body: HTML_BODY,
    "empty": lambda body: b"",
    "half": lambda body: body[: len(body) // 2],
    "trailing": lambda body: body + b"\n<!-- served by cache-7 -->",
    "twice": lambda body: body + body,
    "jsonp": lambda body: b"callback(" + body + b");",
    "guarded": lambda body: b")]}',\n" + body,
    "bom": lambda body: b"\xef\xbb\xbf" + body,
    "utf-16": lambda body: body.decode().encode("utf-16"),
    "latin-1": lambda body: (body.decode() + "\u00a0é").encode("latin-1", "replace"),
    "bad-utf-8": _inserted(b'"note":"\xff\xfe"'),
    "nan": _inserted(b'"ratio":NaN'),
    "infinity": _inserted(b'"ratio":-Infinity'),
    "key-twice": _twice,
    "deep": _inserted(b'"tree":' + b"[" * NESTED_ARRAYS + b"]" * NESTED_ARRAYS),
    "single-quotes": lambda body: body.replace(b'"', b"'"),
    "lines": lambda body: b"\n".join(body.split(b"},")),
}
"""Other bytes instead of a JSON document."""


def change_bytes(
    context: FaultContext, *, form: str, media_type: str = "application/json; charset=utf-8"
) -> FaultPlan | None:
    """Change the bytes of success responses: `form` is a key of BODY_BYTES."""
    if context.view is None:
        return None
    change = setting_of(BODY_BYTES, "form", form)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.status < 300 and call.response is not None:
            body = where_possible(change, bytes(call.response.body))
            call.response = Response(body, call.status, {**call.response_headers, "content-type": media_type})

    return around("respond", changed, "header:content-type" if "json" not in media_type else "")


DRIP_PIECES = 10
"""Parts in which a slow body is sent."""


class SlowResponse(Response):
    """A response that begins `wait` seconds late and takes `drip` seconds for its body."""

    def __init__(self, inner: Response, wait: float = 0.0, drip: float = 0.0) -> None:
        super().__init__(bytes(inner.body), inner.status_code, dict(inner.headers))
        self._wait, self._drip = wait, drip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response slowly."""
        await anyio.sleep(self._wait)
        if not self._drip:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body, size = bytes(self.body), max(1, len(self.body) // DRIP_PIECES)
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await anyio.sleep(self._drip / DRIP_PIECES)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class TruncatedResponse(Response):
    """A response that ends after `share` of the announced length."""

    def __init__(self, inner: Response, share: float) -> None:
        super().__init__(bytes(inner.body), inner.status_code, dict(inner.headers))
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first part only: the server then closes the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        part = bytes(self.body)[: int(len(self.body) * self._share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})


def delay_response(context: FaultContext, *, wait: float = 0.0, drip: float = 0.0, every: int = 1) -> FaultPlan:
    """Wait `wait` seconds before the response, or take `drip` seconds for its body; for every `every`th request."""
    requests = count(1)

    def delayed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if next(requests) % every == 0 and call.response is not None:
            call.response = SlowResponse(call.response, wait, drip)

    return around("respond", delayed, "latency")


def truncate_response(context: FaultContext, *, share: float, every: int = 1) -> FaultPlan:
    """Close the connection after `share` of the body, for every `every`th request."""
    requests = count(1)

    def broken(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if next(requests) % every == 0 and call.response is not None:
            call.response = TruncatedResponse(call.response, share)

    return around("respond", broken, "")


def claim_encoding(context: FaultContext, *, name: str, form: str) -> FaultPlan:
    """Announce the content encoding `name` for a body that is `plain`, or `broken` or `cut` gzip."""
    forms: Mapping[str, Callable[[bytes], bytes]] = {
        "plain": lambda body: body,
        "broken": lambda body: gzip.compress(body, mtime=0)[:10] + b"\x00" * 40,
        "cut": lambda body: gzip.compress(body, mtime=0)[:-20],
    }

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.status < 300 and call.response is not None:
            headers: dict[str, Any] = {**call.response_headers, "content-encoding": name}
            body = forms[form](bytes(call.response.body))
            call.response = Response(body, call.status, headers, "application/json; charset=utf-8")

    return around("respond", changed, "header:content-encoding")


WIRE_FAULTS: FaultSteps = {
    "document": change_bytes,
    "slow": delay_response,
    "cut": truncate_response,
    "encoded": claim_encoding,
}


def reject_request(
    context: FaultContext,
    *,
    status: int,
    every: int = 1,
    after: int = 0,
    headers: Mapping[str, str] | None = None,
    html: bool = False,
    before: str = "limit",
) -> FaultPlan | None:
    """Reject requests before they are executed: all, every `every`th, or those after the first `after`.

    `before` is the first step that is left out: `authenticate` rejects every key.
    """
    requests = count()

    def rejecting(call: ApiCall, proceed: Proceed) -> None:
        number = next(requests)
        if number < after or number % every != every - 1:
            proceed()
        elif html:
            call.response = Response(HTML_BODY, status, media_type="text/html")
        else:
            call.response_headers |= headers or {}
            raise ApiError(status, "The request was not executed.")

    return around(before, rejecting, "status")


def change_status(context: FaultContext, *, status: int, empty: bool = False, rare: bool = False) -> FaultPlan | None:
    """Change the status of success responses; `empty` removes the body, `rare` affects one object in a hundred."""
    ids = context.rare_ids if rare else frozenset()

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if call.status >= 400 or (rare and not ids.intersection(call.path_params.values())):
            proceed()
            return
        call.status = status
        if status >= 400:
            call.payload = error_body(context.contract, context.operation, ApiError(status, "Something went wrong."))
        proceed()
        if empty:
            call.response = Response(status_code=status, headers=call.response_headers)

    return around("respond", changed, "status")


def move_path(context: FaultContext) -> FaultPlan | None:
    """Answer on another documented path only, not on the contract's own."""
    if not context.operation.alternate_paths:
        return None
    taken = context.operation.path.count("/")

    def elsewhere(call: ApiCall, proceed: Proceed) -> None:
        if call.path.strip("/").count("/") + 1 == taken and _fits(context.operation.path, call.path):
            raise not_found("path")
        proceed()

    return around("limit", elsewhere, "status")


def _fits(template: str, path: str) -> bool:
    pairs = zip(template.strip("/").split("/"), path.strip("/").split("/"), strict=True)
    return all(part.startswith("{") or part == given for part, given in pairs)


def redirect_request(context: FaultContext, *, status: int, to: str) -> FaultPlan:
    """Redirect the client. In `to`, `{path}` is the requested path."""

    def sent_away(call: ApiCall, proceed: Proceed) -> None:
        target = to.replace("{path}", f"/api/{call.api}{call.path}")
        call.response = Response(status_code=status, headers={"location": target})

    return around("limit", sent_away, "status")


def change_header(context: FaultContext, *, name: str, value: str | None = None, on: str = "success") -> FaultPlan:
    """Set a header, or remove it if `value` is None. `on` is `success`, `error` or `any`."""

    def changed(call: ApiCall, proceed: Proceed) -> None:
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


ERROR_FORMS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
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
"""Other forms of the error envelope, made from its `error` object."""


def change_error_form(context: FaultContext, *, form: str, at: str = "/error") -> FaultPlan:
    """Change the form of errors: `form` is a key of ERROR_FORMS, or `html` or `empty` for a body that is not JSON."""

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if call.status >= 400 and form in ERROR_FORMS:
            call.payload = where_possible(lambda payload: ERROR_FORMS[form](payload["error"]), call.payload)
        proceed()
        if call.status >= 400 and form not in ERROR_FORMS:
            body, media = (HTML_BODY, "text/html") if form == "html" else (b"", "application/json")
            call.response = Response(body, call.status, media_type=media)

    return around("respond", changed, at)


def change_error_status(
    context: FaultContext, *, of: int, status: int, when: str = "any", step: str = "act", empty_list: bool = False
) -> FaultPlan | None:
    """Change the error status `of`. `step` is the step that rejects the request.

    `when` restricts the fault to one kind of invalid request, a key of REJECTED_REQUESTS. A status below 400 is a
    success with null as its body, or with `empty_list` a page without items.
    """
    is_affected = setting_of(REJECTED_REQUESTS, "when", when)
    if not POSSIBLE_AT.get(when, _always)(context):
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            if problem.status != of or not is_affected(call, problem):
                raise
            if status >= 400:
                raise ApiError(status, problem.message, code=problem.code, param=problem.param) from None
            call.status, call.payload = status, EMPTY_LIST if empty_list else None
            respond(call)

    is_of_a_parameter = context.operation.is_list and step != "authenticate"
    return around(step, changed, None if is_of_a_parameter else "status")


def _always(context: FaultContext) -> bool:
    return True


def _has(name: str) -> Callable[[FaultContext], bool]:
    return lambda context: context.operation.parameter(name) is not None


REJECTED_REQUESTS: Mapping[str, Callable[[ApiCall, ApiError], bool]] = {
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
"""Kinds of invalid requests."""

POSSIBLE_AT: Mapping[str, Callable[[FaultContext], bool]] = {
    "missing": lambda context: bool(context.operation.required_query),
    "size": _has("first"),
    "cursor": _has("after"),
    "filter": lambda context: context.operation.is_list,
    "known-form": lambda context: bool(context.operation.path.count("{")),
    "odd-form": lambda context: bool(context.operation.path.count("{")),
}
"""Where a kind of invalid request is possible; everywhere if it is not listed."""


def _is_wellformed(call: ApiCall) -> bool:
    """Check that the ids in the path have the form of ids."""
    return all(value.replace("_", "").isalnum() and len(value) > 8 for value in call.path_params.values())


ANSWER_FAULTS: FaultSteps = {
    "refuse": reject_request,
    "status": change_status,
    "redirect": redirect_request,
    "moved": move_path,
    "header": change_header,
    "error-form": change_error_form,
    "error-status": change_error_status,
}
