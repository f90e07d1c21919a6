"""Write the exchanges of a run as an archive without keys and without values of responses."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from whopwatch import __version__
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Phases, rate_policies
from whopwatch.core.finding import Finding
from whopwatch.core.redaction import shape_of
from whopwatch.core.strict_json import MAX_BODY_LEVELS, MAX_BODY_VALUES, BodyProblem
from whopwatch.har.pseudonyms import Pseudonymizer, vocabulary_of
from whopwatch.har.read import EXTENSION_KEY, Facts, match_path

_READ_BY_CHECKS = frozenset(header for check in CHECKS for header in check.headers)
KEPT_HEADERS = (_READ_BY_CHECKS | {"content-encoding", "retry-after"}) - {"date"}
"""Response headers that are recorded because a check reads them, each as `shown_header` shows it.

The value of a header without a grammar is replaced by a placeholder, as a string of a body is. Not `date`, because
timestamps in bodies are replaced and cannot be compared with it.
"""
_GRAMMARS = {
    "api-version-date": re.compile(r"\d{4}-\d\d-\d\d(-\d{1,3})?", re.ASCII),
    "content-encoding": re.compile(r"(?i:gzip|x-gzip|deflate|br|zstd|identity)"),
    "ratelimit-limit": re.compile(r"\d{1,12}", re.ASCII),
    "ratelimit-remaining": re.compile(r"\d{1,12}", re.ASCII),
    "retry-after": re.compile(r"\d{1,6}", re.ASCII),
    "x-ratelimit-limit": re.compile(r"\d{1,12}", re.ASCII),
    "x-ratelimit-remaining": re.compile(r"\d{1,12}", re.ASCII),
}
_HEADERS_WITH_GRAMMAR = {
    *_GRAMMARS,
    *("content-type", "deprecation", "link", "ratelimit-policy", "sunset", "warning"),
}
_DATE = re.compile(r"@\d{1,12}|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
_WARNING = re.compile(r"\s*299(?!\d)")
_MEDIA_TYPE = re.compile(r"\s*([A-Za-z0-9.+-]{1,40}/[A-Za-z0-9.+-]{1,60})\s*(?:;|\Z)", re.ASCII)
_CHARSET = re.compile(r"charset=[\"' ]?([A-Za-z0-9-]{1,20})", re.IGNORECASE | re.ASCII)

UNREADABLE = {
    BodyProblem.EMPTY: b"",
    BodyProblem.NOT_UTF8: b"\xff",
    BodyProblem.NOT_JSON: b"not JSON",
    BodyProblem.NOT_A_NUMBER: b"NaN",
    BodyProblem.DUPLICATE_KEY: b'{"a": 1, "a": 1}',
    BodyProblem.TOO_MANY_VALUES: b"[" + b"0," * MAX_BODY_VALUES + b"0]",
    BodyProblem.TOO_DEEP: b"[" * (MAX_BODY_LEVELS + 1) + b"]" * (MAX_BODY_LEVELS + 1),
}
"""Replacements for a body that is not JSON: another body with the same problem."""

_ENUM_VALUE = re.compile(r'"(\w{1,130})"', re.ASCII)
_COMMENT = "Values of responses are placeholders; see whopwatch's docs/howto/recordings.md."


def write(contract: Contract, exchanges: Sequence[Exchange], facts: Facts, findings: Iterable[Finding] = ()) -> str:
    """Return the archive of `exchanges` as JSON text.

    Names of fields and undocumented enum values stay if `findings`, which the report of the run shows, have them.
    """
    shown = tuple(findings)
    names = {token for finding in shown for token in finding.location.split("/")}
    enums = {value for one in shown if one.check == "schema" for value in _ENUM_VALUE.findall(one.observed)}
    vocabulary = vocabulary_of(contract)
    pseudonymizer = Pseudonymizer(
        replace(vocabulary, values=vocabulary.values | enums),
        (value for exchange in exchanges for value in _values(exchange)),
        (text for exchange in exchanges for text in _sought(contract, exchange)),
        names,
    )
    archive = {
        "log": {
            "version": "1.2",
            "creator": {"name": "whopwatch", "version": __version__},
            "comment": _COMMENT,
            "pages": [],
            "entries": [_entry(contract.operations[e.operation], e, facts, pseudonymizer) for e in exchanges],
            EXTENSION_KEY: {"schema": 1, **asdict(facts)},
        }
    }
    return json.dumps(archive, indent=1) + "\n"


def _values(exchange: Exchange) -> Iterator[Any]:
    yield exchange.json
    yield exchange.request_body
    yield from exchange.path_params.values()
    yield from (text for name, text in exchange.query if not _is_size(name))
    yield from (text for name, text in exchange.headers if name in KEPT_HEADERS - _HEADERS_WITH_GRAMMAR)


def _sought(contract: Contract, exchange: Exchange) -> Iterator[str]:
    filters = contract.behaviour.filters
    yield from (text for name, text in exchange.query if filters.get(name, {}).get("test") == "contains")


def _is_size(name: str) -> bool:
    return name in ("first", "last")


def _entry(operation: Operation, exchange: Exchange, facts: Facts, pseudonymizer: Pseudonymizer) -> dict[str, Any]:
    query = tuple((name, text if _is_size(name) else pseudonymizer.text(text)) for name, text in exchange.query)
    return {
        "startedDateTime": datetime.fromtimestamp(exchange.started_at, UTC).isoformat(timespec="milliseconds"),
        "time": _milliseconds(exchange.phases.total),
        "request": {
            "method": exchange.method,
            "url": _url(operation, exchange, query, facts, pseudonymizer),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [{"name": name, "value": value} for name, value in query],
            "headersSize": -1,
            "bodySize": -1,
            **_post_data(exchange, pseudonymizer),
        },
        "response": _response(exchange, pseudonymizer),
        "cache": {},
        "timings": _timings(exchange.phases),
        EXTENSION_KEY: {
            "purpose": exchange.purpose,
            "credential": exchange.credential,
            "attempt": exchange.attempt,
            "failure": exchange.failure,
        },
    }


def _post_data(exchange: Exchange, pseudonymizer: Pseudonymizer) -> dict[str, Any]:
    if exchange.request_body is None:
        return {}
    text = json.dumps(pseudonymizer.value(exchange.request_body), separators=(",", ":"))
    return {"postData": {"mimeType": "application/json", "text": text}}


def _url(
    operation: Operation,
    exchange: Exchange,
    query: tuple[tuple[str, str], ...],
    facts: Facts,
    pseudonymizer: Pseudonymizer,
) -> str:
    base = facts.base_url if operation.api == "v1" else facts.v2_base_url
    template, values = match_path(operation, exchange.url.partition("?")[0].removeprefix(base))
    path = operation.fill({name: quote(pseudonymizer.text(text), safe="") for name, text in values.items()}, template)
    return f"{base}{path}?{urlencode(query, quote_via=quote)}" if query else base + path


def _response(exchange: Exchange, pseudonymizer: Pseudonymizer) -> dict[str, Any]:
    value, problem = exchange.parsed
    body = UNREADABLE[problem] if problem else json.dumps(pseudonymizer.value(value), separators=(",", ":")).encode()
    is_text = problem is not BodyProblem.NOT_UTF8
    media_type = shown_header("content-type", exchange.header("content-type") or "") or "x-unknown"
    content: dict[str, Any] = {"size": len(body), "mimeType": media_type}
    content |= {"text": body.decode()} if is_text else {"text": base64.b64encode(body).decode(), "encoding": "base64"}
    return {
        "status": exchange.status or 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": name, "value": shown} for name, shown in _headers(exchange, pseudonymizer)],
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }


def _headers(exchange: Exchange, pseudonymizer: Pseudonymizer) -> Iterator[tuple[str, str]]:
    for name, value in exchange.headers:
        if name not in KEPT_HEADERS:
            continue
        shown = shown_header(name, value) if name in _HEADERS_WITH_GRAMMAR else pseudonymizer.text(value)
        if shown is not None:
            yield name, shown


def shown_header(name: str, value: str) -> str | None:
    """Return what checks read of a header's value, as its grammar has it; None if that is nothing."""
    if name == "content-type":
        return _shown_media_type(value)
    if name == "warning":
        return f'{value.strip()[:3]} - "..."' if _WARNING.match(value) else '199 - "..."'
    if name == "link":
        return 'rel="successor-version"' if "successor-version" in value.lower() else None
    if name == "ratelimit-policy":
        return ", ".join(f"{requests};w={seconds}" for requests, seconds in rate_policies(value)) or "unknown"
    if name in ("deprecation", "sunset"):
        return value if _DATE.fullmatch(value) else "true"
    return value if _GRAMMARS[name].fullmatch(value) else "unknown"


def _shown_media_type(value: str) -> str:
    """Return a media type whose parts are words, and its charset; other parameters are left out."""
    parts = _MEDIA_TYPE.match(value)
    if not value.strip():
        return ""
    if parts is None or any(shape_of(word) for word in re.split("[.+/]", parts[1])):
        return "application/x-unknown"
    charset = _CHARSET.search(value)
    return parts[1] + (f"; charset={charset[1]}" if charset and shape_of(charset[1].replace("-", "")) is None else "")


def _timings(phases: Phases) -> dict[str, float]:
    """Return the timings as HAR has them: milliseconds, -1 for a phase that did not happen, `connect` with TLS."""
    parts = (phases.dns, phases.connect, phases.tls, phases.ttfb, phases.transfer)
    rest = phases.total - sum(part for part in parts if part is not None)
    return {
        "blocked": _milliseconds(max(rest, 0.0)),
        "dns": _milliseconds(phases.dns),
        "connect": -1 if phases.connect is None else _milliseconds(phases.connect + (phases.tls or 0)),
        "ssl": _milliseconds(phases.tls),
        "send": 0,
        "wait": _milliseconds(phases.ttfb or 0.0),
        "receive": _milliseconds(phases.transfer or 0.0),
    }


def _milliseconds(seconds: float | None) -> float:
    return -1 if seconds is None else round(seconds * 1000, 3)
