"""`whopwatch probe`: scheduled probes, exported to Prometheus."""

from __future__ import annotations

import gc
import json
import logging
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import (
    ACCEPTED_OPTION,
    ALLOW_UNCHECKED,
    API_VERSION,
    CONTRACT,
    FAIL_ON_SEVERITY,
    MAX_TIME,
    TARGET,
    USAGE_PROFILE,
    file_option,
    parse_address,
    verbosity,
)
from whopwatch.cli._support.subprocess_call import call_in_subprocess
from whopwatch.cli._support.telemetry import RunTraces, prober_telemetry
from whopwatch.config import SIMULATOR, Secret, Target, read_secret, resolve_target, target_name
from whopwatch.config.accepted import AcceptedFile
from whopwatch.config.contract_choice import AUTO, choose_contract
from whopwatch.config.shard import Shard
from whopwatch.contract import Contract, forget_contracts, load
from whopwatch.core.errors import EXIT_INTERRUPTED, INTERRUPTED, TargetError, UsageError
from whopwatch.core.exchange import Exchange
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import DEFAULT_FAIL_ON, Report, timestamp
from whopwatch.prober.footprint import configure_malloc, packed, reads_only, unpacked
from whopwatch.prober.settings import McpOptions, Probe, default_file, read_settings
from whopwatch.usage.impact import add_impacts, choose_profile, weigh_finding

if TYPE_CHECKING:
    from whopwatch.http import RunBudget
    from whopwatch.prober.probe_run import AcceptedEntries, ProbeRunner
    from whopwatch.run.api_version import VersionDetector
    from whopwatch.run.options import ObservedRun
    from whopwatch.usage.profile import Profile

PROBER_ADDRESS = "127.0.0.1:9464"
EXAMPLE = """\b
Examples:
  whopwatch probe                                      the embedded simulator
  whopwatch probe --target production --listen 0.0.0.0:9464
  whopwatch probe --config probes.toml --shard 0/3     one of three probers
  whopwatch probe --target production --contract auto  the version that the key is pinned to
  whopwatch probe --once                               every probe once, and a verdict

\b
Pages: /metrics  /probe?target=OP&debug=true  /history?failed=true  /healthz  /readyz
SIGHUP reloads the configuration; SIGTERM stops the prober after the active runs.
/probe serves local clients or, if WHOPWATCH_PROBE_TOKEN is set, clients that send it as a bearer token.
Only GET requests are sent. WHOP_API_KEY and WHOP_COMPANY_ID are used as by `whopwatch check`.
"""


DETECTION_SECONDS = 60.0
"""How long the first requests, which show the version that answers, may take together."""
LOG_FORMAT = "Format of the log on standard error."


@click.command("probe", epilog=EXAMPLE)
@TARGET
@file_option("--config", "Probe settings.  [default: the bundled probes.toml]")
@click.option(
    "--listen",
    default=PROBER_ADDRESS,
    show_default=True,
    metavar="HOST:PORT",
    help="Address of the pages; port 0 takes a free port.",
)
@click.option("--shard", default="0/1", metavar="I/N", help="Probe every Nth operation, from the Ith (0 to N-1).")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help=LOG_FORMAT)
@click.option("--once", is_flag=True, help="Run every probe once, print the verdict, and exit.")
@click.option("--json", "json_file", metavar="FILE", help="With --once: write the JSON report (- for stdout).")
@MAX_TIME
@CONTRACT
@API_VERSION
@ALLOW_UNCHECKED
@ACCEPTED_OPTION
@USAGE_PROFILE
@FAIL_ON_SEVERITY
@verbosity
def probe_command(
    target: str | None,
    config: Path | None,
    listen: str,
    shard: str,
    log_format: str,
    once: bool,
    json_file: str | None,
    max_time: float | None,
    contract_name: str | None,
    api_version: str | None,
    allow_unchecked: bool,
    accepted: Path | None,
    usage_file: Path | None,
    fail_on: str,
) -> int:
    """Probe a target on schedule and export the results to Prometheus."""
    is_other = fail_on != DEFAULT_FAIL_ON
    for name, value in (("--json", json_file), ("--max-time", max_time), ("--fail-on", is_other)):
        if value and not once:
            raise UsageError(f"{name} requires --once.", where=f"option {name}", hint="add --once")
    part, address, file = (
        Shard.parse(shard),
        parse_address(listen, "--listen", f"{PROBER_ADDRESS}, or :9464 for every interface"),
        config or default_file(),
    )
    configure_malloc()
    entries, profile = AcceptedFile(accepted).entries, choose_profile(usage_file, None, fail_on)
    whole = _chosen_contract(contract_name, api_version, target, config)
    with _opened(target, whole) as opened:
        ready = replace(opened, api_version_date=api_version or opened.api_version_date or whole.version)
        if once:
            if allow_unchecked:
                ready = replace(ready, allow_unchecked=("*",))
            return _once(whole, ready, file, part, json_file, entries, profile, fail_on, max_time)
        data = packed(reads_only(whole))
        place = whole.edition.source or whole.edition.folder
        del whole
        forget_contracts()  # the whole contract takes several times the memory of the probed part
        gc.collect()
        contract = unpacked(data)
        _start_logging(log_format)
        return _serve(contract, place, ready, file, part, address, entries, profile)


def _chosen_contract(name: str | None, api_version: str | None, target: str | None, config: Path | None) -> Contract:
    """Return the contract that the user or the target names, else the one of the version that answers the key.

    A configuration file names operations of one contract, so with a file only `auto` lets the key decide.
    """
    choice, chosen = choose_contract(name, api_version, target, os.environ), target_name(target, os.environ)
    named = name or (resolve_target(chosen, os.environ).contract if choice.is_auto else None)
    if not choice.is_auto or (config and named != AUTO):
        return choice.contract
    folder, version, why = choice.contract.edition.folder, None, ""
    # In a process of its own: the contracts to compare with take more memory than the prober itself.
    try:
        folder, version = call_in_subprocess(_answering_here, chosen, timeout=DETECTION_SECONDS)
    except TargetError as error:
        why = f" ({sanitize(error.got or error.what)})"
    if version is None:
        click.echo(f"The API did not show its version{why}; the contract is of {choice.contract.edition}.", err=True)
    return load(folder)


def _answering_here(target: str) -> tuple[Path, str | None]:
    from whopwatch.run.options import answering_contract

    contract, version = answering_contract(load(), resolve_target(target, os.environ))
    return contract.edition.folder, version


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, message, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        event = {"time": timestamp(datetime.fromtimestamp(record.created, UTC)), "level": record.levelname.lower()}
        return json.dumps({**event, "message": record.getMessage(), **getattr(record, "fields", {})})


def _start_logging(log_format: str) -> None:
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    handler.setFormatter(_JsonFormatter() if log_format == "json" else text)
    logger = logging.getLogger("whopwatch.prober")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)


def _opened(name: str | None, contract: Contract) -> AbstractContextManager[Target]:
    """Return the target. Only the simulator needs the whole contract, and keeps it in memory."""
    wanted = target_name(name, os.environ)
    if wanted == SIMULATOR:
        from whopwatch.run.target import open_target

        return open_target(contract, wanted, os.environ)
    return nullcontext(resolve_target(wanted, os.environ))


def _serve(
    contract: Contract,
    place: Path,
    target: Target,
    config: Path,
    shard: Shard,
    address: tuple[str, int],
    accepted: AcceptedEntries,
    profile: Profile | None,
) -> int:
    from whopwatch.prober.http_pages import PROBE_TOKEN_VARIABLE
    from whopwatch.prober.service import ProberService

    signals: SimpleQueue[int] = SimpleQueue()

    def on_signal(number: int, _: FrameType | None) -> None:
        signals.put(number)

    reload_signal = getattr(signal, "SIGHUP", None)  # Windows has none
    for number in filter(None, (signal.SIGINT, signal.SIGTERM, reload_signal)):
        signal.signal(number, on_signal)
    token = read_secret(os.environ, PROBE_TOKEN_VARIABLE)
    service = ProberService(
        contract,
        target,
        config,
        shard,
        check_mcp=partial(_check_mcp, place, target),
        probe_token=Secret(token) if token else None,
        accepted=accepted,
        weigh=partial(weigh_finding, profile=profile) if profile else None,
        telemetry=prober_telemetry(contract, target, shard),
    )
    server = service.start(address)
    host, port = server.server_address
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    edition = contract.edition
    named = f"the contract of {edition} ({edition.release})" if edition.release else f"the contract {edition}"
    click.echo(f"Probing {len(service.probes)} operations of {target.name} with {named}; {url}/metrics", err=True)
    try:
        while signals.get() == reload_signal:
            if service.reload():
                click.echo(f"Configuration reloaded: {len(service.probes)} operations.", err=True)
    finally:
        service.stop()
        server.stop()
    click.echo("All runs have ended.", err=True)
    return 0


def _check_mcp(
    contract: Path, target: Target, url: str, options: McpOptions, number: int, seconds: float = math.inf
) -> tuple[Report, int]:
    """Check an MCP server once with the target's key, in a process of its own.

    The MCP library and the whole contract take more memory than the prober itself.
    """
    key = target.api_key.reveal() if target.api_key else None
    arguments = (contract, url, key, target.company_id, options, number)
    return call_in_subprocess(_check_mcp_here, *arguments, timeout=min(options.max_seconds, seconds))


def _check_mcp_here(
    contract: Path, url: str, key: str | None, company: str | None, options: McpOptions, number: int
) -> tuple[Report, int]:
    from whopwatch.mcp.survey import check_briefly

    return check_briefly(load(contract), url, key, company, calls=options.calls, seconds=options.timeout, number=number)


def _once(
    contract: Contract,
    target: Target,
    config: Path,
    shard: Shard,
    json_file: str | None,
    accepted: AcceptedEntries,
    profile: Profile | None,
    fail_on: str,
    max_time: float | None,
) -> int:
    from whopwatch.checks.acceptance import accept_in_report
    from whopwatch.cli._support.outputs import Outputs
    from whopwatch.cli._support.printing import output_report, print_contract
    from whopwatch.core.report import exit_code
    from whopwatch.prober.service import ProberService

    outputs = Outputs({"json": json_file}, None, {})
    print_contract(contract, target.name)
    traces = RunTraces()
    service = ProberService(contract, target, config, shard)
    try:
        probes = list(service.probes.values())
        report, stopped = check_once(
            contract, service.runner, probes, target, max_seconds=max_time, observed=traces.note
        )
    finally:
        service.stop()
    if shard.index == 0 and not stopped:
        report = _with_mcp(report, contract, target, read_settings(config).mcp, max_time)
    report = add_impacts(accept_in_report(contract, report, accepted()), profile)
    output_report(report, outputs)
    traces.export("probe", report)
    return EXIT_INTERRUPTED if stopped == INTERRUPTED else exit_code(report, fail_on)


def check_once(
    contract: Contract,
    runner: ProbeRunner,
    probes: Sequence[Probe],
    target: Target,
    *,
    sleep: Callable[[float], None] = time.sleep,
    max_seconds: float | None = None,
    observed: Callable[[ObservedRun], None] | None = None,
) -> tuple[Report, str | None]:
    """Run each of `probes` once, request what had no data; return the report, and why the round ended early if it did.

    It ends early if the target never gives a usable response, if another version than the contract's answers, and after
    `max_seconds`. `observed` is called with the run.
    """
    from whopwatch.http import RunBudget
    from whopwatch.prober.once import run_each_once
    from whopwatch.run.abort import is_api_response
    from whopwatch.run.api_version import VersionDetector, mismatch_sentence
    from whopwatch.run.conclude import judge
    from whopwatch.run.driving import complete_round
    from whopwatch.run.observation import Observation, match_operations
    from whopwatch.run.options import ObservedRun, bundled_contracts

    started_at, begun = datetime.now(UTC), time.perf_counter()
    # The planner is passed in: the scheduled prober, which shares this package, must not load it.
    time_limit = RunBudget(len(probes), max_seconds)
    detector = VersionDetector(contract, bundled_contracts, requested=target.version_header)
    why_stop = _stop_conditions(detector, contract, target, time_limit)
    made = run_each_once(contract, runner, probes, complete_round, time_limit.limited(sleep), why_stop)
    detector.conclude()
    if not detector.answer.matches:
        made.stopped = mismatch_sentence(detector.answer, contract)
    exchanges = made.exchanges
    observation = Observation(
        exchanges=tuple(exchanges),
        stopped=made.stopped,
        unusable=not detector.answer.matches or (made.stopped is not None and not any(map(is_api_response, exchanges))),
        selected=frozenset(probe.id for probe in probes),
        allow_unchecked=match_operations(contract, target.allow_unchecked, where="allow_unchecked"),
        budget=len(exchanges),
        sent=len(exchanges),
        unsafe=0,
        started_at=timestamp(started_at),
        seconds=time.perf_counter() - begun,
        missing=made.missing,
        requests=Counter(exchange.operation for exchange in exchanges),
        api_version=detector.answer,
    )
    if observed:
        observed(ObservedRun(contract, target, observation))
    return judge(contract, observation, target.name), made.stopped


def _stop_conditions(
    detector: VersionDetector, contract: Contract, target: Target, time_limit: RunBudget
) -> Callable[[Sequence[Exchange]], str | None]:
    """Return a function that shows `detector` the latest exchanges, and returns why the round ends early, or None."""
    from whopwatch.run.abort import abort_reason, is_api_response
    from whopwatch.run.api_version import mismatch_sentence

    noted = 0

    def why_stop(exchanges: Sequence[Exchange]) -> str | None:
        nonlocal noted
        for exchange in exchanges[noted:]:
            detector.record(exchange)
        noted = len(exchanges)
        if not detector.answer.matches:
            return mismatch_sentence(detector.answer, contract)
        if any(map(is_api_response, exchanges)):
            return time_limit.why_late()
        return abort_reason(exchanges, has_key=target.api_key is not None) or time_limit.why_late()

    return why_stop


def _with_mcp(
    report: Report, contract: Contract, target: Target, options: McpOptions | None, max_time: float | None
) -> Report:
    """Return `report` with the result of one check of the MCP server, if one is configured.

    The check takes at most what the round left of `max_time` seconds.
    """
    from whopwatch.prober.mcp import mcp_url
    from whopwatch.prober.once import add_mcp_failure, merge_mcp_report

    url = mcp_url(options, target)
    if options is None or url is None:
        return report
    left = math.inf if max_time is None else max(max_time - report.seconds, 1.0)
    try:
        return merge_mcp_report(
            report, _check_mcp(contract.edition.source or contract.edition.folder, target, url, options, 0, left)[0]
        )
    except TargetError as error:
        return add_mcp_failure(report, error)
