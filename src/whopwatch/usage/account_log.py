"""Read from the account's own log of requests which operations it uses, with which keys and versions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from whopwatch.config import Target
from whopwatch.contract import Contract, Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version
from whopwatch.core.errors import BudgetExhaustedError, TargetError
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call, Client, Transport
from whopwatch.usage.profile import Certainty
from whopwatch.usage.recorder import Recorder

LOG = "api_logs.list"
MAX_LOG_ROWS = 20_000
"""Rows of the log, newest first, that are read by default."""
LOG_RETRIES = 20
"""Requests that reading the log takes beside one for each page: the list of keys, and retries."""
PLACE = "account log"
_OWN_AGENT = "whopwatch"


def read_account_log(
    target: Target,
    newest: Contract,
    recorder: Recorder,
    transport: Transport | None = None,
    max_rows: int = MAX_LOG_ROWS,
) -> None:
    """Note the operations in the log of the account of `target`, newest first. Only GET requests are sent.

    `newest` is the contract that documents the log. A page that cannot be read, or `max_rows`, ends it: the pages
    before it count. Raise TargetError if the first page cannot be read.
    """
    log, operation = _AccountLog(recorder), newest.operations[LOG]
    pages = -(-max_rows // newest.paging(operation).maximum_size)
    with Client(target, newest, budget=pages + LOG_RETRIES, transport=transport) as client:
        versions = _versions_of_keys(client, newest, target)
        try:
            for number, page in enumerate(_pages(client, operation, target, newest), 1):
                if number > pages:
                    log.end(f"it has more than {max_rows:,} rows: read more with --log-rows")
                    break
                for row in page:
                    log.add(row)
                log.pages = number
        except BudgetExhaustedError as error:
            log.end(error.what)
        except TargetError as error:
            if not log.pages:
                raise
            log.end(f"page {log.pages + 1} cannot be read: {error.got}")
        requests = client.sent
    log.finish(versions, requests)


def _pages(
    client: Client, operation: Operation, target: Target, contract: Contract
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the rows of each page, no more than were requested. Raise TargetError if a page cannot be read."""
    after: str | None = None
    while True:
        call = _page(operation, contract, target, after)
        exchange = client.send(call)
        body = exchange.json if exchange.ok else None
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(rows, list):
            raise TargetError(
                "The log of the account cannot be read.",
                where=f"GET {operation.path}",
                expected="200 and a page",
                got=_problem(exchange),
                hint=_HINTS.get(exchange.status or 0, "repeat it later; --target and --config name the API"),
            )
        yield [row for row in rows[: contract.paging(operation).maximum_size] if isinstance(row, dict)]
        info = body.get("page_info")
        following = info.get("end_cursor") if isinstance(info, dict) and info.get("has_next_page") else None
        if not isinstance(following, str) or following == after:
            return
        after = following


def _page(operation: Operation, contract: Contract, target: Target, after: str | None = None) -> Call:
    """Return the request for the page after a cursor."""
    query = [("first", str(contract.paging(operation).maximum_size))]
    if target.company_id and operation.parameter(contract.account.id_field):
        query.append((contract.account.id_field, target.company_id))
    if after is not None:
        query.append(("after", after))
    headers = ((VERSION_HEADER, contract.version),) if contract.version else ()
    return Call(operation, Purpose.NEXT_PAGE if after else Purpose.LIST, query=tuple(query), headers=headers)


_REFUSED = "the key must be allowed to read the log of requests: create a key with this permission"
_HINTS = {
    401: "the API rejects the key: check WHOP_API_KEY",
    403: _REFUSED,
    404: "the log exists from version 2026-10-15-1 on; check the base URL",
    429: "other requests with this key spend its limit: repeat it later, or use a smaller --rate",
}


def _problem(exchange: Exchange) -> str:
    if exchange.ok:
        return "200 and a body that is no page"
    return f"status {exchange.status}" if exchange.status else f"no response ({exchange.failure or 'unknown reason'})"


def _versions_of_keys(client: Client, contract: Contract, target: Target) -> dict[str, str]:
    """Return the version that each key of the account is pinned to, by the digest of its id; {} if it is not shown."""
    operation = contract.operations.get(contract.behaviour.pins.get("keys", ""))
    exchange = client.send(_page(operation, contract, target)) if operation else None
    body = exchange.json if exchange is not None and exchange.ok else None
    rows = body.get("data") if isinstance(body, dict) else None
    return {
        digest(str(row["id"])): str(row["api_version_date"])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and "id" in row and is_version(str(row.get("api_version_date")))
    }


class _AccountLog:
    """The rows of a log, counted."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._keys: Counter[str] = Counter()
        self._unknown = 0
        self._rows = 0
        self._days: list[date] = []
        self.pages = 0
        self._problem: str | None = None

    def end(self, problem: str) -> None:
        """Note why the rest of the log was not read."""
        self._problem = problem

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row. Requests of whopwatch itself are left out."""
        if str(row.get("user_agent") or "").lower().startswith(_OWN_AGENT):
            return
        self._rows += 1
        with suppress(ValueError):
            self._days.append(date.fromisoformat(str(row.get("created_at"))[:10]))
        if isinstance(row.get("api_key_id"), str):
            self._keys[digest(row["api_key_id"])] += 1
        operation = self._operation(row)
        if operation is None:
            self._unknown += 1
        else:
            self._recorder.profile.use(operation.id, PLACE, Certainty.SEEN)
            # The log says nothing of what is sent and read.
            self._recorder.profile.use_whole(operation.id, "", PLACE)
            self._recorder.profile.use_whole(operation.id, "request", PLACE)

    def _operation(self, row: Mapping[str, Any]) -> Operation | None:
        contract = self._recorder.index.contract
        try:
            path = urlsplit(str(row.get("http_path") or "")).path
        except ValueError:
            path = ""
        api, _, below = path.removeprefix("/api/").partition("/") if path.startswith("/api/") else ("v1", "", path[1:])
        found = contract.match(str(row.get("http_method") or "").upper(), f"/{below}", api)
        return found or contract.operations.get(str(row.get("operation_name")))

    def finish(self, versions: Mapping[str, str], requests: int) -> None:
        """Put what the log says of keys and versions into the profile. `versions` are by the digest of a key."""
        keys = [
            {"key": key, "version": versions.get(key), "requests": count} for key, count in self._keys.most_common(100)
        ]
        self._recorder.profile.account = {
            "rows": self._rows,
            "is_whole": self._problem is None,
            **({"problem": self._problem} if self._problem else {}),
            "from": str(min(self._days)) if self._days else None,
            "to": str(max(self._days)) if self._days else None,
            "unknown_operations": self._unknown,
            "versions": sorted({str(key["version"]) for key in keys if key["version"]}),
            "keys": keys,
            "requests_sent": requests,
        }


def digest(id: str) -> str:
    """Return a digest of the id of a key: the same key has the same digest."""
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:12]
