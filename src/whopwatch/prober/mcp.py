"""Scheduled checks of an MCP server, on a thread of their own and within the same budget as the probes.

The check itself is passed in, because it needs a library that not every installation has.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec

from whopwatch.config import SIMULATOR, Target
from whopwatch.config.target import refuse_unencrypted
from whopwatch.core.errors import ConfigError, TargetError
from whopwatch.core.report import Report
from whopwatch.metrics import McpMetrics
from whopwatch.prober.client import RequestBudget
from whopwatch.prober.settings import McpOptions

McpCheck = Callable[[str, McpOptions, int], tuple[Report, int]]
"""`check(url, options, number)` returns the report of the check of that number, and the count of listed tools.

It raises TargetError if the server opens no session.
"""
SIMULATOR_MCP_PATH = "/mcp"
BUDGET_NAME = "mcp"
_LOG = logging.getLogger("whopwatch.prober")


def has_mcp_library() -> bool:
    """Return whether the `mcp` package is installed."""
    return find_spec("mcp") is not None


def mcp_url(options: McpOptions | None, target: Target) -> str | None:
    """Return the URL of the MCP server to check: the configured one, else the simulator's own; None for none.

    Raise ConfigError if a URL is configured and the library is missing, UsageError if the key of the target would be
    sent to it unencrypted.
    """
    if options is None:
        return None
    if options.url and not has_mcp_library():
        raise ConfigError(
            "Checking an MCP server needs the mcp extra, which is not installed.",
            where="key mcp.url",
            hint="pip install 'whopwatch[mcp]', or remove the key",
        )
    if options.url:
        if target.api_key:
            refuse_unencrypted(options.url, "key mcp.url", "use https, or remove the key mcp.url")
        return options.url
    is_simulator = target.name == SIMULATOR and has_mcp_library()
    return target.base_url.removesuffix("/api/v1") + SIMULATOR_MCP_PATH if is_simulator else None


class McpChecker:
    """Check a server at an interval until stopped; pause while there is no URL.

    `wall` is in seconds since the epoch, `clock` monotonic.
    """

    def __init__(
        self,
        check: McpCheck,
        budget: RequestBudget,
        metrics: McpMetrics,
        *,
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._check, self._budget, self._metrics = check, budget, metrics
        self._clock, self._wall = clock, wall
        self._options = McpOptions()
        self._url: str | None = None
        self._number = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="mcp", daemon=True)

    def configure(self, url: str | None, options: McpOptions | None) -> None:
        """Check `url` from now on; no server if it is None."""
        with self._changed:
            if url is None:
                self._metrics.clear()
            else:
                self._metrics.declare(transport_of(url))
            self._url, self._options = url, options or McpOptions()
            self._changed.notify_all()

    def start(self) -> None:
        """Start with the first check."""
        self._thread.start()

    def stop(self) -> None:
        """Start no further check. Do not wait for an active one, which may take minutes."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def check_once(self) -> None:
        """Check the server once and export the result. Failures of the server are part of the result."""
        url, options = self._url, self._options
        if url is None:
            return
        transport = transport_of(url)
        if self._budget_refusal(options.requests):
            self._metrics.record_skipped(transport)
            return
        begun = self._clock()
        try:
            report, tools = self._check(url, options, self._number)
        except TargetError as error:
            _LOG.warning("The MCP server could not be checked: %s", error.got)
            self._metrics.record_no_session(transport, seconds=self._clock() - begun, at=self._wall())
            return
        finally:
            self._number += 1
        seconds = self._clock() - begun
        self._metrics.record_check(transport, tools=tools, findings=report.findings, seconds=seconds, at=self._wall())

    def _budget_refusal(self, requests: int) -> str | None:
        return next((reason for _ in range(requests) if (reason := self._budget.take(BUDGET_NAME))), None)

    def _loop(self) -> None:
        while not self._stopping:
            try:
                self.check_once()
            except Exception as error:
                # The message of a foreign error may quote a response, so only its type is logged.
                _LOG.error("The check of the MCP server failed with an unexpected %s.", type(error).__name__)
            with self._changed:
                if not self._stopping:
                    self._changed.wait(self._options.interval)


def transport_of(url: str) -> str:
    """Return `sse` or `streamable-http`, which the URL's path decides."""
    return "sse" if url.partition("?")[0].rstrip("/").endswith("/sse") else "streamable-http"
