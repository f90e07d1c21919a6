"""Time one attempt of a request: its deadline and its phases."""

from __future__ import annotations

from collections.abc import Callable

from whopwatch.core.exchange import Phases


class AttemptTimer:
    """Runs from `start` for at most `seconds`. The network sets the phases that it sees; others stay None.

    `received` counts the bytes received since the request was written. `in_body` says that the headers are complete.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self.clock = clock
        self._seconds = seconds
        self.start()

    def start(self) -> None:
        """Start again: after a wait for the rate limit, or for the next request of a connection."""
        self.dns: float | None = None
        self.connect: float | None = None
        self.tls: float | None = None
        self.in_body = False
        self.received = 0
        self._written: float | None = None
        self._first_byte: float | None = None
        self._started = self.clock()
        self._ends = self._started + self._seconds

    @property
    def remaining(self) -> float:
        """Return the seconds until the deadline; 0 or less once it has passed."""
        return self._ends - self.clock()

    @property
    def was_written(self) -> bool:
        """Return whether a request was written to a stream of this timer."""
        return self._written is not None

    @property
    def met_a_closed_connection(self) -> bool:
        """Return whether a reused connection returned no byte.

        A server may close an idle connection at any time, also while a request is on its way.
        """
        return self.was_written and self.connect is None and not self.received

    def wrote(self, begun: float) -> None:
        """Note that the request, or a part of it, was sent: bytes from now on are the response.

        The time to the first byte starts at `begun`, before the write: on a busy machine the response can arrive
        before this process sees the end of the write.
        """
        self._written = begun
        self._first_byte = None
        self.received = 0

    def read(self, data: bytes) -> None:
        """Note the arrival of `data`."""
        if self._first_byte is None:
            self._first_byte = self.clock()
        self.received += len(data)

    def headers_complete(self) -> None:
        """Note that status and headers are complete."""
        self.in_body = True
        if self._first_byte is None:
            self._first_byte = self.clock()

    def phases(self) -> Phases:
        """Return the duration of each phase; the attempt ends now."""
        now = self.clock()
        sent = self._started if self._written is None else self._written
        first = self._first_byte
        return Phases(
            dns=self.dns,
            connect=self.connect,
            tls=self.tls,
            ttfb=None if first is None else first - sent,
            transfer=now - first if first is not None and self.in_body else None,
            total=now - self._started,
        )
