"""Recognize requests: the arguments of SDK calls, and calls of HTTP clients to documented paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from whopwatch.contract import Operation
from whopwatch.contract.schema_tree import SchemaNode
from whopwatch.core.strict_json import nests_deeper_than
from whopwatch.usage.api_index import ApiIndex, Steps, pointer
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.values import Http, HttpResponse, Items, RecordValue, String, Values, WrittenName

Named = list[tuple[str, Values]]
MAX_SENT_LEVELS = 60
MAX_SENT_CHARACTERS = 2**20
_QUERY_NAME = re.compile(r"(?:^|&)([A-Za-z_]\w*(?:\[\])?)=")
_OPTIONS = frozenset({"extra_headers", "extra_query", "extra_body", "timeout", "idempotency_key"})
_BASES = ("base_url", "baseURL", "prefixUrl", "baseUrl")


class RequestReader:
    """Notes operations and what is sent to them."""

    def __init__(self, index: ApiIndex, recorder: Recorder) -> None:
        self._index = index
        self._recorder = recorder

    def sdk_arguments(self, operation: Operation, arguments: list[Values], named: Named, path: str, line: int) -> None:
        """Note the parameters and body fields of an SDK call: keyword arguments, or records."""
        given = [pair for pair in named if pair[0] not in _OPTIONS and pair[0] != "**"]
        records = [*arguments[:3], *(values for name, values in named if name == "**")]
        given += [pair for values in records for pair in _fields(values)]
        spread = [values for name, values in named if name == "**"]
        if any(not _is_known(values) for values in (*spread, *arguments[len(list(operation.in_("path"))) :][:1])):
            self._recorder.whole_request(operation.id, path, line)
        for name, values in given:
            self._sent(operation, name, values, path, line)

    def _sent(self, operation: Operation, name: str, values: Values, path: str, line: int) -> None:
        path, line = name.place if isinstance(name, WrittenName) else (path, line)
        parameter = operation.parameter(name) or operation.parameter(f"{name}[]")
        if parameter is not None and parameter.location != "header":
            self._recorder.location(operation.id, f"param:{parameter.name}", path, line, is_guess=False)
            return
        body = self._index.body(operation)
        if body is not None:
            self._sent_below(operation, body, (), name, values, path, line)

    def _sent_below(
        self, operation: Operation, node: SchemaNode, above: Steps, name: str, values: Values, path: str, line: int
    ) -> None:
        below = node.fields.get(name)
        if below is None or len(above) > 8:
            return
        path, line = name.place if isinstance(name, WrittenName) else (path, line)
        steps = (*above, name)
        self._recorder.location(operation.id, f"body:{pointer(steps)}", path, line, is_guess=False)
        for value in values:
            rows = value.items if isinstance(value, Items) and below.items else ((value,),)
            inner = below.items if isinstance(value, Items) and below.items else below
            where = (*steps, "*") if inner is not below else steps
            for row in rows:
                for key, part in _fields(row):
                    if inner is not None:
                        self._sent_below(operation, inner, where, key, part, path, line)

    def client(self, value: Http, arguments: list[Values], named: Named) -> Values:
        """Return the HTTP client that a constructor makes, with its base address."""
        options = dict(named)
        for values in arguments[:2]:
            options.update(_fields(values))
        bases = [values for name, values in options.items() if name in _BASES]
        bases += arguments[:1]
        text = next((one for values in bases for one in values if isinstance(one, String)), None)
        return (Http(text.parts if text else value.base),)

    def http(
        self, client: Http, arguments: list[Values], named: Named, path: str, line: int, *, is_sure: bool | None
    ) -> Values:
        """Note a request of an HTTP client and return its response; () if the address is not one of the API.

        `is_sure` is False for a client of unknown kind, None for a function of unknown kind: then only an address with
        the API's host counts.
        """
        options = dict(named)
        for values in (options.pop("**", ()), *arguments):
            options.update(_fields(values))
        method = client.method or "GET"
        texts = [_text(values) for values in arguments]
        if method == "*" and texts and texts[0] and len(texts[0].parts) == 1 and isinstance(texts[0].parts[0], str):
            method, texts = texts[0].parts[0], texts[1:]
        address = texts[0] if texts and texts[0] else _text(options.get("url", ()))
        stated = _text(options.get("method", ()))
        if stated and isinstance(stated.parts[0], str):
            method = stated.parts[0]
        if address is None or method == "*":
            return ()
        return self._noted(client, address, method, options, (path, line), arguments[1:], is_sure=is_sure)

    def _noted(
        self,
        client: Http,
        address: String,
        method: str,
        options: dict[str, Values],
        place: tuple[str, int],
        rest: list[Values],
        *,
        is_sure: bool | None,
    ) -> Values:
        parts = address.parts
        if client.base and client.base != (None,) and not str(parts[0] or "").startswith("http"):
            base = client.base
            if isinstance(base[-1], str):
                base = (*base[:-1], base[-1].rstrip("/"))
            parts = (*base, "/" if not str(parts[0] or "").startswith("/") else "", *parts)
        operation, is_certain, query = self._index.match_address(method, parts)
        if operation is None or (is_sure is None and not is_certain):
            if is_certain:
                self._recorder.call(*place, "the address is not documented")
            return ()
        is_guess = not is_certain
        self._recorder.call(*place)
        self._recorder.operation(operation.id, *place, is_guess=is_guess)
        self._recorder.sdk_part("requests", *place)
        written = {part: part for part in parts if isinstance(part, WrittenName)}
        names = [written.get(name, name) for name in _QUERY_NAME.findall(query)]
        self._sent_raw(operation, options, names, place, rest)
        return (HttpResponse(operation.id, is_guess),)

    def _sent_raw(
        self,
        operation: Operation,
        options: dict[str, Values],
        names: list[str],
        place: tuple[str, int],
        rest: list[Values],
    ) -> None:
        """Note the query and body of a request, whatever its client calls them. `names` are those in its address."""
        sent: Named = [(name, ()) for name in names]
        for key in ("params", "searchParams", "json", "data", "body", "content"):
            sent += _fields(options.get(key, ()))
            if key in options and not _is_known(options[key]):
                self._recorder.whole_request(operation.id, *place)
        if operation.body is not None:
            sent += [pair for values in rest for pair in _fields(values)]
        for name, values in sent:
            self._sent(operation, name, values, *place)


def _fields(values: Values) -> Iterator[tuple[str, Values]]:
    for value in values:
        if isinstance(value, RecordValue):
            yield from ((name, part) for name, part in value.fields if name not in (None, "**"))


def _is_known(values: Values) -> bool:
    """Return whether all names in a record are known."""
    return any(
        isinstance(one, RecordValue) and all(name not in (None, "**") for name, _ in one.fields) for one in values
    )


def _text(values: Values) -> String | None:
    return next((value for value in values if isinstance(value, String)), None)


def note_sent(
    recorder: Recorder, operation: Operation, query: list[str], body: str | None, shown: str, number: int
) -> None:
    """Note the documented parameters and body fields of one request."""
    names: list[tuple[str, Values]] = [(name, ()) for name in query]
    names += [(name, part) for record in _body(body) for name, part in record.fields if name]
    RequestReader(recorder.index, recorder).sdk_arguments(operation, [], names, shown, number)


def _body(sent: str | None) -> tuple[RecordValue, ...]:
    """Return the names of the fields of a request body; no value is kept."""
    if not sent or len(sent) > MAX_SENT_CHARACTERS:
        return ()
    try:
        data = sent.encode("utf-8", "surrogatepass")
        return _names(json.loads(sent)) if not nests_deeper_than(MAX_SENT_LEVELS, data) else ()
    except (ValueError, RecursionError):
        return ()


def _names(value: object) -> tuple[RecordValue, ...]:
    if isinstance(value, dict):
        return (RecordValue(tuple((str(name), _names(part)) for name, part in value.items())),)
    return ()
