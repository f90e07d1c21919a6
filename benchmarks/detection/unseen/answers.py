"""Unseen faults of whole responses: envelopes, media types, statuses, headers, errors, access."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.detection.unseen.fields import on_success
from benchmarks.detection.unseen.front import Answer, Ask, Twist, Upstream
from benchmarks.detection.unseen.place import Build, Place, Planted, Unseen

Rework = Callable[[Answer], Answer]


def _anywhere(twist: Twist, location: str | None = None) -> Build:
    return lambda place: Planted(twist, location)


def _lists(twist: Twist, location: str | None = None) -> Build:
    return lambda place: Planted(twist, location) if place.operation.is_list else None


def _of_success(rework: Rework) -> Twist:
    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        return rework(answer) if answer.ok else answer

    return twist


def _of_error(rework: Rework, *statuses: int) -> Twist:
    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        wanted = answer.status in statuses if statuses else answer.status >= 400
        return rework(answer) if wanted else answer

    return twist


def _status(status: int) -> Rework:
    return lambda answer: replace(answer, status=status)


def _headers(**headers: str) -> Rework:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: answer.with_headers(named)


def _problem(answer: Answer) -> Answer:
    value = {"type": "about:blank", "title": "Something is wrong", "status": answer.status}
    return answer.with_value(value).with_headers({"content-type": "application/problem+json"})


def _error_field(change: Callable[[dict[str, Any]], None]) -> Rework:
    def rework(answer: Answer) -> Answer:
        value = answer.value
        change(value["error"])
        return answer.with_value(value)

    return rework


def _failure(status: int) -> Rework:
    kind = "internal_server_error" if status >= 500 else "bad_request"
    return lambda answer: answer.with_value({"error": {"type": kind, "message": "Something went wrong."}}, status)


def _lines(answer: Answer) -> Answer:
    body = "".join(json.dumps(item) + "\n" for item in answer.value["data"]).encode()
    return replace(answer, body=body).with_headers({"content-type": "application/x-ndjson"})


def _nodes(value: Any) -> Any:
    return {**value, "data": [{"node": item} for item in value["data"]]}


def _flag_as_text(value: Any) -> Any:
    info = value["page_info"]
    return {**value, "page_info": {**info, "has_next_page": str(info["has_next_page"]).lower()}}


def _info_in_camel_case(value: Any) -> Any:
    return {"data": value["data"], "pageInfo": value["page_info"]}


def _enveloped(place: Place) -> Planted | None:
    schema = place.operation.success.schema or {}
    plain = place.contract.resolve(schema).get("properties", {})
    return Planted(on_success(lambda value: {"data": value})) if plain and not place.operation.is_list else None


def _now_and_then(place: Place) -> Planted:
    """Every third response is an outage, in the documented envelope."""
    count = iter(range(10**9))

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        return _failure(503)(answer) if next(count) % 3 == 2 and answer.ok else answer

    return Planted(twist)


def _throttled(place: Place) -> Planted:
    """The limit is two requests; after that every other one gets 429."""
    count = iter(range(10**9))

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer, number = await upstream(ask), next(count)
        if number < 2 or number % 2:
            return answer
        error = {"error": {"type": "rate_limit_exceeded", "message": "Too many requests."}}
        return answer.with_value(error, 429).with_headers({"retry-after": "1"})

    return Planted(twist)


async def _to_slash(ask: Ask, upstream: Upstream) -> Answer:
    answer = await upstream(replace(ask, path=ask.path.rstrip("/")))
    if ask.path.endswith("/"):
        return answer
    there = f"/api/v1{ask.path}/?" + "&".join(f"{name}={value}" for name, value in ask.query)
    return replace(answer, status=308, body=b"").with_headers({"location": there})


def _with_key(place: Place, wanted: Callable[[str | None], bool]) -> Twist:
    """Requests with `wanted` as their `Authorization` are treated as if they had a valid key."""

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        if not wanted(ask.header("authorization")):
            return await upstream(ask)
        others = tuple(pair for pair in ask.headers if pair[0] != "authorization")
        return await upstream(replace(ask, headers=(*others, ("authorization", f"Bearer {place.key}"))))

    return twist


def _any_key(place: Place) -> Planted | None:
    return None if place.operation.is_public else Planted(_with_key(place, lambda sent: sent is not None))


def _no_key(place: Place) -> Planted | None:
    return None if place.operation.is_public else Planted(_with_key(place, lambda sent: sent is None))


def _refused_otherwise(rework: Rework) -> Build:
    def build(place: Place) -> Planted | None:
        return None if place.operation.is_public else Planted(_of_error(rework, 401))

    return build


def _login(answer: Answer) -> Answer:
    return replace(answer, status=302, body=b"").with_headers({"location": "/login", "content-type": "text/html"})


def _by_id(rework: Rework) -> Build:
    def build(place: Place) -> Planted | None:
        wanted = "{" in place.operation.path and not place.operation.is_list
        return Planted(_of_error(rework, 404)) if wanted else None

    return build


def _without_required(rework: Callable[[Ask, Answer], Answer]) -> Build:
    """The response of a list to a request without a required parameter."""

    def build(place: Place) -> Planted | None:
        required = [parameter.name for parameter in place.operation.required_query]
        if not required or not place.operation.is_list:
            return None

        async def twist(ask: Ask, upstream: Upstream) -> Answer:
            answer = await upstream(ask)
            lacking = answer.status == 400 and any(ask.get(name) is None for name in required)
            return rework(ask, answer) if lacking else answer

        return Planted(twist)

    return build


_NOTHING = {
    "data": [],
    "page_info": {"end_cursor": None, "start_cursor": None, "has_next_page": False, "has_previous_page": False},
}

ANSWERS = (
    Unseen("nodes", ("D5", "D7", "D19"), "each item sits in an object of its own", _lists(on_success(_nodes))),
    Unseen(
        "page-info-in-camel-case",
        ("D5",),
        "page_info is called pageInfo",
        _lists(on_success(_info_in_camel_case), "/page_info"),
    ),
    Unseen(
        "flag-as-text",
        ("D7",),
        "has_next_page becomes a string",
        _lists(on_success(_flag_as_text), "/page_info/has_next_page"),
    ),
    Unseen("enveloped", ("D5", "D7", "D18", "D19"), "a single object sits in data", _enveloped),
    Unseen(
        "vendor-media-type",
        ("D16",),
        "JSON under another name",
        _anywhere(_of_success(_headers(content_type="application/vnd.api+json"))),
    ),
    Unseen(
        "utf-16",
        ("D12", "D16"),
        "bodies are UTF-16",
        _anywhere(_of_success(lambda answer: replace(answer, body=answer.body.decode().encode("utf-16")))),
    ),
    Unseen("json-lines", ("D16",), "a list comes as one line an item", _lists(_of_success(_lines))),
    Unseen(
        "claims-brotli",
        ("D12", "D16", "D22"),
        "a plain body claims to be compressed",
        _anywhere(_of_success(_headers(content_encoding="br"))),
    ),
    Unseen("partial-content", ("D14",), "success is 206", _anywhere(_of_success(_status(206)), "status")),
    Unseen("retired", ("D1",), "410 for whatever is asked", _anywhere(_of_success(_failure(410)))),
    Unseen("not-implemented", ("D1", "D14", "D15"), "501 for whatever is asked", _anywhere(_of_success(_failure(501)))),
    Unseen(
        "forbidden-method", ("D1", "D14", "D15"), "405 for whatever is asked", _anywhere(_of_success(_failure(405)))
    ),
    Unseen("slash", ("D22",), "a redirect to the same path with a slash", _anywhere(_to_slash)),
    Unseen(
        "sunset-announced",
        ("D21",),
        "a Sunset header",
        _anywhere(_of_success(_headers(sunset="Sat, 31 Jul 2027 23:59:59 GMT"))),
    ),
    Unseen(
        "deprecated-since",
        ("D21",),
        "a Deprecation header of RFC 9745",
        _anywhere(_of_success(_headers(deprecation="@1767225600"))),
    ),
    Unseen("now-and-then", ("D14", "D15", "D22"), "every third answer is a 503", _now_and_then),
    Unseen("throttled", ("D22",), "the rate limit is a few requests", _throttled),
    Unseen("problem-details", ("D15", "D16"), "errors are problem details", _anywhere(_of_error(_problem))),
    Unseen(
        "list-of-errors",
        ("D15",),
        "errors come as a list",
        _anywhere(_of_error(lambda answer: answer.with_value({"errors": [answer.value["error"]]}))),
    ),
    Unseen(
        "error-without-message",
        ("D15",),
        "errors have no message",
        _anywhere(_of_error(_error_field(lambda error: error.pop("message")))),
    ),
    Unseen(
        "error-type-as-number",
        ("D15",),
        "the type of an error is a number",
        _anywhere(_of_error(_error_field(lambda error: error.update(type=40)))),
    ),
    Unseen(
        "error-in-plain-text",
        ("D15", "D16"),
        "errors are plain text",
        _anywhere(_of_error(lambda answer: replace(answer, body=b"No.").with_headers({"content-type": "text/plain"}))),
    ),
    Unseen(
        "unknown-id-is-200",
        ("D5", "D7", "D14", "D15", "D20"),
        "200 and {} for an unknown id",
        _by_id(lambda answer: answer.with_value({}, 200)),
    ),
    Unseen("unknown-id-is-500", ("D15",), "500 for an unknown id", _by_id(_failure(500))),
    Unseen("any-key", ("D17",), "every key is taken", _any_key),
    Unseen("no-key", ("D17",), "requests without a key are answered", _no_key),
    Unseen(
        "unauthorized-is-400", ("D15", "D17"), "400 where a key is missing or wrong", _refused_otherwise(_failure(400))
    ),
    Unseen(
        "to-the-login",
        ("D15", "D17", "D22"),
        "a redirect to a login page where a key is missing or wrong",
        _refused_otherwise(_login),
    ),
    Unseen(
        "missing-parameter-is-500",
        ("D15",),
        "500 where a required parameter is missing",
        _without_required(lambda _, answer: _failure(500)(answer)),
    ),
    Unseen(
        "missing-parameter-is-empty",
        ("D4", "D15", "D20"),
        "an empty list where a required parameter is missing",
        _without_required(lambda _, answer: answer.with_value(_NOTHING, 200)),
    ),
)
"""Faults of whole responses."""
