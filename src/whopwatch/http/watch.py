"""The stopwatch of one attempt: when it has to end, and when its phases began."""

from __future__ import annotations

from collections.abc import Callable

from whopwatch.core.exchange import Phases


class Watch:
    """Runs from `start` on, for at most `seconds`. The network fills in what it knows; the rest stays None.

    `received` counts the bytes that came since the request was written, `last_read` holds the latest of them
    (empty at the end of the stream), `in_body` tells that the headers are complete.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self.clock = clock
        self._seconds = seconds
        self.start()

    def start(self) -> None:
        """Begin anew, where there was a wait before the request could leave or another request before it."""
        self.dns: float | None = None
        self.connect: float | None = None
        self.tls: float | None = None
        self.in_body = False
        self.flooded = False
        self.received = 0
        self.last_read: bytes | None = None
        self._opening = b""
        self._written: float | None = None
        self._first_byte: float | None = None
        self._started = self.clock()
        self._ends = self._started + self._seconds

    @property
    def remaining(self) -> float:
        """Seconds to the deadline; not above 0 once it has passed."""
        return self._ends - self.clock()

    @property
    def was_written(self) -> bool:
        """Whether a request went through a stream that this watch follows."""
        return self._written is not None

    @property
    def at_end(self) -> bool:
        """Whether the server closed its side."""
        return self.last_read == b""

    @property
    def met_a_closed_connection(self) -> bool:
        """Whether an earlier request's connection was used, and not a byte came back over it.

        A server may close an idle connection at any time, also while a request is on its way there.
        """
        return self.was_written and self.connect is None and not self.received

    @property
    def speaks_http(self) -> bool:
        """Whether what came so far may be the beginning of an HTTP response."""
        return b"HTTP/".startswith(self._opening)

    def wrote(self, begun: float) -> None:
        """The request, or a part of it, has left: what comes from now on is the answer.

        It is waited for since `begun`, when that part was handed over: on a busy machine an answer may have come before
        this process hears of the end of the writing.
        """
        self._written = begun
        self._first_byte = None
        self.received = 0

    def read(self, data: bytes) -> None:
        """`data` has arrived."""
        if self._first_byte is None:
            self._first_byte = self.clock()
            self._opening = data[:5]
        self.received += len(data)
        self.last_read = data

    def headers_complete(self) -> None:
        """Status and headers are there, the body begins."""
        self.in_body = True
        if self._first_byte is None:
            self._first_byte = self.clock()

    def phases(self) -> Phases:
        """How long everything took, the attempt being over now."""
        now = self.clock()
        asked = self._started if self._written is None else self._written
        first = self._first_byte
        return Phases(
            dns=self.dns,
            connect=self.connect,
            tls=self.tls,
            ttfb=None if first is None else first - asked,
            transfer=now - first if first is not None and self.in_body else None,
            total=now - self._started,
        )
