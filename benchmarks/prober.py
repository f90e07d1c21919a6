"""The prober as in production, for a contract of 149 reads, in a process of its own to be measured.

    python -m benchmarks.prober PORT_OF_KNOWN_API CONFIG [TIMES]

Prints its own port. At SIGTERM it writes the times of all its runs to the file TIMES, at SIGUSR1 only their number.
Without TIMES it keeps none, because they would grow with every run.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
from copy import deepcopy
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from whopwatch.config import Secret, Target
from whopwatch.config.accepted import AcceptedFile
from whopwatch.contract import Contract, forget_contracts, load
from whopwatch.prober.footprint import configure_malloc, packed, reads_only, unpacked
from whopwatch.prober.history import RunRecord
from whopwatch.prober.service import ProberService

OPERATIONS, INTERVAL = 149, 10.0
LISTED = "withdrawals.list"


def contract_of_reads() -> Contract:
    """Return the contract's documents with one list in place of all operations, repeated 149 times."""
    whole = load()
    listed = whole.operation(LISTED)
    documents = deepcopy(dict(whole.documents))
    documents["v1"]["paths"] = {f"/o{number:03}": {"get": _read(listed.raw, number)} for number in range(OPERATIONS)}
    documents["v1"].pop("webhooks", None)
    return Contract(documents, whole.edition)


def _read(raw: Any, number: int) -> dict[str, Any]:
    return {**raw, "operationId": f"resource{number % 45:02}.list_{number:03}", "tags": [f"resource{number % 45:02}"]}


class Times:
    """Replaces the history, and also keeps the measured times of each run."""

    def __init__(self, history: Any) -> None:
        self._history = history
        self.kept: list[tuple[str, str, float, float | None]] = []

    def add(self, record: RunRecord) -> None:
        """Store `record` as the history does."""
        phases = record.requests[-1].phases
        self.kept.append((record.run.operation, record.run.outcome, phases.total, phases.ttfb))
        self._history.add(record)


def main() -> None:
    """Probe until SIGTERM."""
    port, config, *kept_in = sys.argv[1:]
    configure_malloc()
    data = packed(reads_only(contract_of_reads()))
    forget_contracts()
    gc.collect()
    contract = unpacked(data)
    base = f"http://127.0.0.1:{port}/api/v1"
    target = Target("known", base, base[:-1] + "2", api_key=Secret("key_0123456789"), company_id="biz_1")
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda number, _: signals.put(number))
    service = ProberService(contract, target, Path(config), accepted=AcceptedFile().entries)
    times = Times(service.runner.history)
    if kept_in:
        service.runner.history = times  # type: ignore[assignment]
    server = service.start(("127.0.0.1", 0))
    print(server.server_address[1], flush=True)
    while signals.get() == signal.SIGUSR1:
        Path(kept_in[0]).write_text(str(len(times.kept)), encoding="utf-8")
    service.stop()
    for file in kept_in:
        Path(file).write_text(json.dumps(times.kept), encoding="utf-8")


if __name__ == "__main__":
    main()
