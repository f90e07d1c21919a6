"""Options, option checks and default paths that several commands share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import click

from whopwatch.cli import completion
from whopwatch.config import RATE_RANGE, is_rate
from whopwatch.config.targets_file import MAX_CONCURRENCY
from whopwatch.core.budgets import BUDGET_PROFILES, DEFAULT_PROFILE
from whopwatch.core.errors import UsageError
from whopwatch.core.report import DEFAULT_FAIL_ON, FAIL_ON, FAIL_ON_NEW

REPORTS = Path("reports")
"""The folder of the drift history: the only one that is created without being named."""
NIGHTLY_REPORTS = REPORTS / "drift"

REPORT_HELP = {
    "json": "Write the JSON report to FILE (- for stdout).",
    "junit": "Write JUnit XML to FILE (- for stdout).",
    "markdown": "Write Markdown to FILE (- for stdout).",
    "html": "Write one self-contained HTML page to FILE (- for stdout).",
    "sarif": "Write SARIF 2.1.0 to FILE (- for stdout).",
}
"""The kinds of report that a file can be named for, and the help of the option."""

SHORTEST, LONGEST = 0.001, 86_400
"""The limits of an interval, in seconds."""

VERBOSITY = "whopwatch.verbosity"
"""The key of the context that says whether to print less or more: `quiet` or `verbose`."""

Command = Callable[..., int]

OPTION_GROUPS = {
    "What to check": (
        "target targets shard only resource operation exclude contract api-version allow-writes replay fault"
    ),
    "How to request it": "budget rate max-time concurrency thorough seed max-failures dry-run",
    "What counts as drift": "fail-on allow-unchecked baseline accepted usage",
    "What to write": "json junit markdown html sarif report-dir record textfile pushgateway show-values quiet verbose",
}
"""The headings under which `--help` of a command with many options lists them. The others are under "Options"."""


class GroupedCommand(click.Command):
    """A command whose `--help` lists its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each group, in the order of the command."""
        heading_of = {f"--{name}": heading for heading, names in OPTION_GROUPS.items() for name in names.split()}
        rows: dict[str, list[tuple[str, str]]] = {heading: [] for heading in (*OPTION_GROUPS, "Options")}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and param.opts[0].startswith("-"):
                rows[next(filter(None, map(heading_of.get, param.opts)), "Options")].append(record)
        width = max((len(name) for listed in rows.values() for name, _ in listed if len(name) <= 30), default=0)
        for heading, listed in rows.items():
            if listed:
                with formatter.section(heading):
                    formatter.write_dl([(name.ljust(width), help) for name, help in listed], col_max=width)


def report_files(*kinds: str) -> Callable[[Command], Command]:
    """Add an option for each kind of report; the command gets `reports`: file name or None by kind."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_files(**options: object) -> int:
            return command(reports={kind: options.pop(f"{kind}_file") for kind in kinds}, **options)

        decorated: Command = with_files
        for kind in reversed(kinds):
            decorated = click.option(f"--{kind}", f"{kind}_file", metavar="FILE", help=REPORT_HELP[kind])(decorated)
        return decorated

    return decorate


def verbosity(command: Command) -> Command:
    """Add --quiet and --verbose; `printing` reads them from the context."""

    def note(context: click.Context, param: click.Parameter, is_given: bool) -> None:
        if is_given:
            context.meta[VERBOSITY] = param.name

    for name, flag, help in (
        ("verbose", "-v", "Also list the verified operations, with the checks that did not run."),
        ("quiet", "-q", "Print the verdict only."),
    ):
        command = click.option(flag, f"--{name}", is_flag=True, expose_value=False, callback=note, help=help)(command)
    return command


def names(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a repeatable option that takes names between commas: each once, in order."""
    found = [name.strip() for value in values for name in value.split(",")]
    if not all(found):
        raise click.BadParameter(f"'{','.join(values)}' is not a list of names between commas", param=param)
    return tuple(dict.fromkeys(found))


def rate(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Check a number of requests a second. click's own ranges accept `nan`."""
    if value is not None and not is_rate(value):
        raise click.BadParameter(f"{value:g} is not {RATE_RANGE}", param=param)
    return value


def seconds(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Check an interval in seconds. click's own ranges accept `nan`."""
    if value is not None and not SHORTEST <= value <= LONGEST:
        raise click.BadParameter(f"{value:g} is not a number of seconds from {SHORTEST} to {LONGEST}", param=param)
    return value


def finite(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Check a number within a range of click's own, which accepts `nan` and `inf`."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number", param=param)
    return value


FILE_PATH = click.Path(path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
JSON_REPORT = click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
TARGET = click.option(
    "--target",
    metavar="NAME|URL",
    shell_complete=completion.targets,
    help="simulator (default), sandbox, production, or a base URL.",
)
ONLY = click.option(
    "--only",
    callback=names,
    shell_complete=completion.operations,
    multiple=True,
    metavar="OP[,OP]",
    help="Check only these operations.",
)
OPERATION = click.option(
    "--operation",
    "patterns",
    multiple=True,
    shell_complete=completion.operations,
    metavar="GLOB",
    help="Check only operations that match, such as payments.*.",
)
EXCLUDE = click.option(
    "--exclude",
    multiple=True,
    shell_complete=completion.operations,
    metavar="GLOB",
    help="Leave out operations that match.",
)
RESOURCE = click.option(
    "--resource",
    callback=names,
    shell_complete=completion.resources,
    multiple=True,
    metavar="R[,R]",
    help="Check only these resources; v2 is all of v2.",
)
FAULT = click.option(
    "--fault",
    "faults",
    multiple=True,
    shell_complete=completion.faults,
    metavar="NAME[@OP]",
    help="Inject a fault into the simulator; repeatable.",
)
RATE = click.option("--rate", type=float, callback=rate, metavar="N", help="Requests a second, from 0.01 to 1000.")
CONCURRENCY = click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    metavar="N",
    help=f"Concurrent requests.  [default: {MAX_CONCURRENCY}; 1 for a server on this machine]",
)
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Seed of the plan and of the simulator.")
MAX_TIME = click.option(
    "--max-time", type=float, callback=seconds, metavar="S", help="Stop after S seconds and report what was seen."
)
CONFIG = click.option(
    "--config", type=FILE_PATH, metavar="FILE", help="Configuration file.  [default: nearest whopwatch.toml]"
)
CONTRACT = click.option(
    "--contract",
    "contract_name",
    metavar="NAME|DIR|FILE",
    help="Contract: a version, newest, sdk:RELEASE, a contract folder, an OpenAPI file, or auto.",
)
CONTRACT_WITHOUT_AUTO = click.option(
    "--contract",
    "contract_name",
    metavar="NAME|DIR|FILE",
    help="Contract: a version, newest, sdk:RELEASE, a contract folder or an OpenAPI file.",
)
API_VERSION = click.option(
    "--api-version", metavar="VERSION|key", help="Version to request; key: the version that the key is pinned to."
)
FAIL_ON_SEVERITY = click.option(
    "--fail-on",
    type=click.Choice([value for value in FAIL_ON if value != FAIL_ON_NEW]),
    default=DEFAULT_FAIL_ON,
    show_default=True,
    help="Mildest severity for exit code 1, or `hits` for findings that hit your code.",
)
FAIL_ON_OPTION = click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default=DEFAULT_FAIL_ON,
    show_default=True,
    help="Mildest severity for exit code 1; `new` for new and worse findings, `hits` for those of your code.",
)
USAGE_PROFILE = click.option(
    "--usage",
    "usage_file",
    type=FILE_PATH,
    metavar="FILE",
    help="Usage profile of your code.  [default: usage.json beside whopwatch.toml, or here]",
)
MAX_FAILURES = click.option(
    "--max-failures", type=click.IntRange(min=1), metavar="N", help="Stop after N findings that affect the exit code."
)
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Print the requests of the plan, and send none of them to the target."
)


class _Budget(click.ParamType[Any]):
    """A number of requests, or the name of a profile; `default` is None."""

    name = "N|PROFILE"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int | str | None:
        text = str(value)
        if text.isdecimal() and len(text) < 10 and int(text):
            return int(text)
        if text not in (*BUDGET_PROFILES, DEFAULT_PROFILE):
            names = ", ".join((*BUDGET_PROFILES, DEFAULT_PROFILE))
            self.fail(f"{text!r} is not a number of at least 1, or one of {names}.", param, context)
        return None if text == DEFAULT_PROFILE else text


BUDGET = click.option(
    "--budget",
    type=_Budget(),
    help="Maximum number of requests, or quick (every read once), money (the money path in depth), deep (everything).  "
    "[default: 600; 1600 for a run that writes]",
)
THOROUGH = click.option("--thorough", is_flag=True, help="Send every request that a check needs, up to 8000.")
ALLOW_UNCHECKED = click.option(
    "--allow-unchecked", is_flag=True, help="Pass although the API refuses operations to this key."
)
ACCEPTED_OPTION = click.option(
    "--accepted",
    type=FILE_PATH,
    metavar="FILE",
    help="Accepted findings.  [default: accepted.yaml beside whopwatch.toml, or here]",
)
REPORT_DIR = click.option("--report-dir", type=FILE_PATH, metavar="DIR", help="Write every kind of report to DIR.")
EDITION_NAME = click.option(
    "--contract",
    "--contracts",
    "name",
    metavar="NAME|DIR|FILE",
    help="Contract: a version, newest, sdk:RELEASE, a contract folder or an OpenAPI file.  [default: 2025-01-01]",
)
CONTRACT_FOLDER = click.option(
    "--contract",
    "--contracts",
    "name",
    metavar="NAME|DIR",
    help="Contract: a version, newest, sdk:RELEASE or a contract folder.  [default: 2025-01-01]",
)
TRUST = click.option(
    "--trust",
    is_flag=True,
    help="Run the program without containment: it can read your files and use the network.",
)
CACHE = click.option("--cache-dir", type=FILE_PATH, metavar="DIR", help="Folder for downloaded packages.")


_FIELDS_OF_RUN = {
    "contract_name": "contract_name",
    "api_version": "api_version",
    "only": "only",
    "resource": "resources",
    "patterns": "patterns",
    "exclude": "exclude",
    "budget": "budget",
    "rate": "rate",
    "max_time": "max_seconds",
    "concurrency": "concurrency",
    "config": "config",
    "allow_unchecked": "allow_unchecked",
    "thorough": "thorough",
}
"""The field of RunOptions for each parameter of the options that `run_options` adds."""


def run_options(max_time: Callable[[Command], Command] = MAX_TIME) -> Callable[[Command], Command]:
    """Add the options of one run, with `max_time` as the option --max-time; the command gets `options`: RunOptions."""
    added = (
        *(ONLY, RESOURCE, OPERATION, EXCLUDE, BUDGET, RATE, max_time, CONCURRENCY),
        *(CONTRACT, API_VERSION, THOROUGH, ALLOW_UNCHECKED, CONFIG),
    )

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_options(**given: Any) -> int:
            from whopwatch.run.options import RunOptions

            options = RunOptions(**{field: given.pop(name) for name, field in _FIELDS_OF_RUN.items()})
            return command(options=options, **given)

        decorated: Command = with_options
        for option in reversed(added):
            decorated = option(decorated)
        return decorated

    return decorate


def cache_folder(given: Path | None) -> Path:
    """Return the folder for downloaded packages: `given`, else one in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return given or Path(home) / "whopwatch"


def newest_report() -> Path | None:
    """Return the report of the newest night, None if there is none."""
    return max(NIGHTLY_REPORTS.glob("*/report.json"), default=None)


def make_reports_folder(file: Path) -> None:
    """Create the folder of `file` if it is below `reports`. Any other folder must exist.

    A folder that cannot be created is reported when the file is opened.
    """
    if REPORTS in file.parents:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)


def parse_address(text: str, option: str, example: str) -> tuple[str, int]:
    """Parse `HOST:PORT`, the value of `option`. Raise UsageError for anything else."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise UsageError(
            "Invalid address.", where=f"option {option}", expected=f"HOST:PORT such as {example}", got=repr(text[:60])
        )
    return host.strip("[]"), int(port)
