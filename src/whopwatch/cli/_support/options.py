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
Option = Callable[[Command], Command]
Completer = Callable[[click.Context, click.Parameter, str], list[str]]

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


def report_files(*kinds: str) -> Option:
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


def file_option(name: str, help: str, parameter: str | None = None, *, metavar: str = "FILE") -> Option:
    """Return an option that takes the path of a file or folder; `parameter` is its name for the command."""
    return click.option(name, *filter(None, [parameter]), type=FILE_PATH, metavar=metavar, help=help)


def max_time(help: str = "Stop after S seconds and report what was seen.", default: float | None = None) -> Option:
    """Return the option --max-time; without `default`, a run ends when its requests are sent."""
    shown: dict[str, Any] = {} if default is None else {"default": default, "show_default": True}
    return click.option("--max-time", type=float, callback=seconds, metavar="S", help=help, **shown)


def _repeatable(name: str, metavar: str, complete: Completer, help: str, parameter: str = "", **more: Any) -> Option:
    parameters = [parameter] if parameter else []
    return click.option(name, *parameters, multiple=True, metavar=metavar, shell_complete=complete, help=help, **more)


def _contract(accepted: str, *parameters: str, metavar: str = "NAME|DIR|FILE") -> Option:
    return click.option("--contract", *parameters, metavar=metavar, help=f"Contract: a version, newest, {accepted}")


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
JSON_REPORT = click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
TARGET = click.option(
    "--target",
    metavar="NAME|URL",
    shell_complete=completion.targets,
    help="simulator (default), sandbox, production, or a base URL.",
)
ONLY = _repeatable("--only", "OP[,OP]", completion.operations, "Check only these operations.", callback=names)
OPERATION = _repeatable(
    "--operation", "GLOB", completion.operations, "Check only operations that match, such as payments.*.", "patterns"
)
EXCLUDE = _repeatable("--exclude", "GLOB", completion.operations, "Leave out operations that match.")
RESOURCE = _repeatable(
    "--resource", "R[,R]", completion.resources, "Check only these resources; v2 is all of v2.", callback=names
)
FAULT = _repeatable(
    "--fault", "NAME[@OP]", completion.faults, "Inject a fault into the simulator; repeatable.", "faults"
)
RATE = click.option("--rate", type=float, callback=rate, metavar="N", help="Requests a second, from 0.01 to 1000.")
CONCURRENCY = click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    metavar="N",
    help=f"Concurrent requests.  [default: {MAX_CONCURRENCY}; 1 for a server on this machine]",
)
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Seed of the plan and of the simulator.")
MAX_TIME = max_time()
CONFIG = file_option("--config", "Configuration file.  [default: nearest whopwatch.toml]")
CONTRACT = _contract("sdk:RELEASE, a contract folder, an OpenAPI file, or auto.", "contract_name")
CONTRACT_WITHOUT_AUTO = _contract("sdk:RELEASE, a contract folder or an OpenAPI file.", "contract_name")
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
USAGE_PROFILE = file_option(
    "--usage", "Usage profile of your code.  [default: usage.json beside whopwatch.toml, or here]", "usage_file"
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
    "[default: 600; 1600 with check --allow-writes]",
)
THOROUGH = click.option("--thorough", is_flag=True, help="Send every request that a check needs, up to 8000.")
ALLOW_UNCHECKED = click.option(
    "--allow-unchecked", is_flag=True, help="Pass although the API refuses operations to this key."
)
ACCEPTED_OPTION = file_option(
    "--accepted", "Accepted findings.  [default: accepted.yaml beside whopwatch.toml, or here]"
)
REPORT_DIR = file_option("--report-dir", "Write every kind of report to DIR.", metavar="DIR")
EDITION_NAME = _contract(
    "sdk:RELEASE, a contract folder or an OpenAPI file.  [default: 2025-01-01]", "--contracts", "name"
)
CONTRACT_FOLDER = _contract(
    "sdk:RELEASE or a contract folder.  [default: 2025-01-01]", "--contracts", "name", metavar="NAME|DIR"
)
TRUST = click.option(
    "--trust",
    is_flag=True,
    help="Run the program without containment: it can read your files and use the network.",
)
CACHE = file_option("--cache-dir", "Folder for downloaded packages.", metavar="DIR")


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


def run_options(time_limit: Option = MAX_TIME) -> Option:
    """Add the options of one run, with `time_limit` as --max-time; the command gets `options`: RunOptions."""
    added = (
        *(ONLY, RESOURCE, OPERATION, EXCLUDE, BUDGET, RATE, time_limit, CONCURRENCY),
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
