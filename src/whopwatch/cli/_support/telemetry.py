"""OpenTelemetry on the command line: which command exports what, and one sentence if it is not exported."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from whopwatch.config import Target
from whopwatch.config.shard import Shard
from whopwatch.contract import Contract
from whopwatch.core.errors import missing_extra
from whopwatch.core.report import Report, exit_code
from whopwatch.telemetry import PROTOCOL, Signal, TracedRun, refused_protocol, wants

if TYPE_CHECKING:
    from whopwatch.history.nightly import NightOutcome
    from whopwatch.run.options import ObservedRun
    from whopwatch.telemetry.prober import ProberTelemetry


class RunTraces:
    """Exports each run of a command as a trace if the environment configures an endpoint of OTLP."""

    def __init__(self) -> None:
        self._run: ObservedRun | None = None
        self.note: Callable[[ObservedRun], None] | None = self._note if _is_usable(Signal.TRACES) else None
        """Takes a run that has ended; None if none is exported."""

    def _note(self, run: ObservedRun) -> None:
        self._run = run

    def export_night(self, outcome: NightOutcome) -> None:
        """Export the night that has just ended."""
        self.export("drift", outcome.report)

    def export(self, command: str, report: Report) -> None:
        """Export the run that `report` is about, and forget it."""
        run, self._run = self._run, None
        if run is None:
            return
        from whopwatch.telemetry.spans import Tracer, resource

        failed: list[str] = []
        tracer = Tracer(run.contract, run.target, resource(), lambda taken, why: None if taken else failed.append(why))
        tracer.export([_traced_run(command, run, report)])
        tracer.close()
        if failed:
            _warn(f"The collector did not accept the trace of this run. {failed[0]}".rstrip())


def prober_telemetry(contract: Contract, target: Target, shard: Shard) -> ProberTelemetry | None:
    """Return what exports the traces and metrics of a prober; None if the environment configures neither."""
    has_traces, has_metrics = map(_is_usable, (Signal.TRACES, Signal.METRICS))
    if not (has_traces or has_metrics):
        return None
    from whopwatch.telemetry.prober import ExportWatch, MetricsExport, ProberTelemetry
    from whopwatch.telemetry.spans import Tracer, resource

    traces, metrics = ExportWatch(Signal.TRACES), ExportWatch(Signal.METRICS)
    who = {"service.instance.id": f"{shard.index}/{shard.count}", "whopwatch.target": target.name}
    return ProberTelemetry(
        Tracer(contract, target, resource(who), traces) if has_traces else None,
        MetricsExport(resource(who), metrics) if has_metrics else None,
        (traces, metrics),
    )


def _is_usable(signal: Signal) -> bool:
    """Return whether `signal` is configured and can be exported; if it cannot, say why and what to do."""
    if not wants(signal, os.environ):
        return False
    name = signal.lower()
    if refused := refused_protocol(signal, os.environ):
        variable, protocol = refused
        _warn(f"{variable}={protocol[:20]!r} is not supported, so no {name} are exported.", f"{variable}={PROTOCOL}")
        return False
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401
    except ModuleNotFoundError as error:
        _warn(f"An OTLP endpoint is configured, but no {name} are exported. {missing_extra(error) or error}")
        return False
    # Its messages quote what a collector responds; whopwatch has a sentence of its own.
    logger = logging.getLogger("opentelemetry")
    logger.propagate, logger.handlers[:] = False, [logging.NullHandler()]
    return True


def _warn(what: str, instead: str | None = None) -> None:
    hint = f"\n  use: {instead}" if instead else ""
    click.echo(f"warning: {what}{hint}", err=True)


def _traced_run(command: str, run: ObservedRun, report: Report) -> TracedRun:
    observation = run.observation
    attributes: dict[str, str | int | float] = {
        "whopwatch.target": run.target.name,
        "whopwatch.contract": str(run.contract.edition),
        "whopwatch.requests": observation.sent,
        "whopwatch.verdict": str(report.verdict),
        "whopwatch.findings": len(report.findings),
    }
    error = observation.stopped or (str(report.verdict) if exit_code(report) else None)
    return TracedRun(
        f"whopwatch {command}",
        datetime.fromisoformat(observation.started_at).timestamp(),
        observation.seconds,
        observation.exchanges,
        attributes,
        error,
        report.findings,
    )
