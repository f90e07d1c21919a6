"""Rounds of looking at an MCP server, beside the probes: on their own thread, out of the same budget.

How one looks is given from outside, as it takes a library that not everybody has.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec

from whopwatch.config import SIMULATOR, Target
from whopwatch.core.errors import ConfigError, TargetError
from whopwatch.core.report import Report
from whopwatch.metrics import McpMetrics
from whopwatch.prober.budget import Budget
from whopwatch.prober.settings import McpTerms

Look = Callable[[str, McpTerms, int], tuple[Report, int]]
"""`look(url, terms, number)`: what is found in the round of that number, and how many tools were listed.

Raises TargetError where the server gives no session.
"""
SIMULATED = "/mcp"
COUNTED_FOR = "mcp"
_LOG = logging.getLogger("whopwatch.prober")


def has_library() -> bool:
    """Whether the library `mcp` is installed."""
    return find_spec("mcp") is not None


def address_of(terms: McpTerms | None, target: Target) -> str | None:
    """The server that is to be looked at: the one that is named, or else the simulator's own; None for none.

    Raises ConfigError for one that is named where the library is missing.
    """
    if terms is None:
        return None
    if terms.url and not has_library():
        raise ConfigError(
            "An MCP server is to be probed, and the library for that is missing.",
            where="key mcp.url",
            expected="whopwatch installed with its extra mcp",
            hint="pip install 'whopwatch[mcp]' where it is installed, or take the key out",
        )
    if terms.url:
        return terms.url
    is_simulated = target.name == SIMULATOR and has_library()
    return target.base_url.removesuffix("/api/v1") + SIMULATED if is_simulated else None


class McpRounds:
    """Looks at a server every so often until it is stopped; at none while it has no address.

    `wall` is in seconds since the epoch, `clock` monotonic.
    """

    def __init__(
        self,
        look: Look,
        budget: Budget,
        metrics: McpMetrics,
        *,
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._look, self._budget, self._metrics = look, budget, metrics
        self._clock, self._wall = clock, wall
        self._terms = McpTerms()
        self._url: str | None = None
        self._number = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="mcp", daemon=True)

    def change(self, url: str | None, terms: McpTerms | None) -> None:
        """Look at `url` from now on, at none where that is None."""
        with self._changed:
            if url is None:
                self._metrics.forget()
            else:
                self._metrics.declare(transport_of(url))
            self._url, self._terms = url, terms or McpTerms()
            self._changed.notify_all()

    def start(self) -> None:
        """Begin with the first round."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no further round; one that is under way is not waited for, as it may take minutes."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def round(self) -> None:
        """Look at the server once and export what came of it. Whatever the server does ends in the metrics."""
        url, terms = self._url, self._terms
        if url is None:
            return
        transport = transport_of(url)
        if self._refusal(terms.requests):
            self._metrics.skipped(transport)
            return
        begun = self._clock()
        try:
            report, tools = self._look(url, terms, self._number)
        except TargetError as error:
            _LOG.warning("The MCP server could not be looked at: %s", error.got)
            self._metrics.refused(transport, seconds=self._clock() - begun, at=self._wall())
            return
        finally:
            self._number += 1
        seconds = self._clock() - begun
        self._metrics.looked(transport, tools=tools, findings=report.findings, seconds=seconds, at=self._wall())

    def _refusal(self, requests: int) -> str | None:
        return next((no for _ in range(requests) if (no := self._budget.take(COUNTED_FOR))), None)

    def _loop(self) -> None:
        while not self._stopping:
            try:
                self.round()
            except Exception as error:
                # A foreign error's text may quote what it choked on: its kind alone is told.
                _LOG.error("A look at the MCP server ended in an unexpected %s.", type(error).__name__)
            with self._changed:
                if not self._stopping:
                    self._changed.wait(self._terms.interval)


def transport_of(url: str) -> str:
    """`sse` or `streamable-http`, as the path tells."""
    return "sse" if url.partition("?")[0].rstrip("/").endswith("/sse") else "streamable-http"
