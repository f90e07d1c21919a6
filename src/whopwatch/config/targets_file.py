"""whopwatch.toml: targets by name; and the file of a run over many companies, each with a target and a baseline.

[[companies]]
name = "acme"
target = "production"
api_key_env = "ACME_API_KEY"
company_id = "biz_..."
baseline = "reports/acme.sqlite"       # default: reports/baselines/NAME.sqlite
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from whopwatch.config import decode
from whopwatch.config.target import VERSION_OF_KEY, read_secret
from whopwatch.core.documents import parse_toml_document, read_bounded
from whopwatch.core.errors import ConfigError, quoted_input

BASELINES = Path("reports/baselines")
_NAME = decode.matching_string(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "up to 64 letters, digits, dots, - and _")


def _path(value: Any, where: str) -> Path:
    return Path(decode.string(value, where))


@dataclass(frozen=True, slots=True)
class Company:
    """One company to check. Every field is a key of the file."""

    name: Annotated[str, _NAME]
    baseline: Annotated[Path, _path] = field(default=Path())
    target: str = "production"
    api_key_env: str = "WHOP_API_KEY"
    company_id: str | None = None
    contract: str | None = None

    @property
    def id(self) -> str:
        """Return the sort key."""
        return self.name

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return `environ` with the key and the id of this company only."""
        common = ("WHOP_API_KEY", "WHOP_API_KEY_FILE", "WHOP_COMPANY_ID")
        own = {name: value for name, value in environ.items() if name not in common}
        own["WHOP_API_KEY"] = read_secret(environ, self.api_key_env)
        own["WHOP_COMPANY_ID"] = self.company_id or ""
        return own


def read_companies(path: Path) -> tuple[Company, ...]:
    """Return the companies of the file at `path`. Raise ConfigError for a missing or invalid file."""
    content = decode.read_toml_file(path, "The list of companies")
    reader = decode.array_reader(decode.record_reader(Company))
    listed: tuple[Company, ...] = decode.decode_table(content, {"companies": reader}, str(path)).get("companies", ())
    if not listed:
        raise ConfigError("The list of companies is empty.", where=str(path), expected="tables [[companies]]")
    companies = tuple(
        one if one.baseline.parts else replace(one, baseline=BASELINES / f"{one.name}.sqlite") for one in listed
    )
    _refuse_repeated([company.name for company in companies], "name", path)
    _refuse_repeated([str(company.baseline.absolute()) for company in companies], "baseline", path)
    return companies


def _refuse_repeated(values: list[str], key: str, path: Path) -> None:
    value, count = Counter(values).most_common(1)[0]
    if count > 1:
        raise ConfigError(f"{count} companies have the same {key}.", where=str(path), got=quoted_input(value))


CONFIG_FILE = "whopwatch.toml"
PYPROJECT = "pyproject.toml"
TABLE = "whopwatch"
"""The table below `tool` of a pyproject.toml that replaces whopwatch.toml."""
SLOWEST_RATE = 0.01
FASTEST_RATE = 1000.0
RATE_RANGE = "a number of requests per second from 0.01 (one in 100 seconds) to 1000"
"""A slower rate never finishes, a faster one is no limit: both are typing errors."""
MAX_CONCURRENCY = 8
CONCURRENCY_RANGE = f"a number of requests from 1 to {MAX_CONCURRENCY}"
VERSION_FORM = 'a version such as "2025-01-01" or "2026-10-15-1", or "key" for the version of the key'

_ID = re.compile(r"[A-Za-z0-9_-]+")
_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(-\d{1,4})?")


def is_rate(number: float) -> bool:
    """Return whether `number` is a possible rate; nan is not."""
    return SLOWEST_RATE <= number <= FASTEST_RATE


def is_company_id(text: str) -> bool:
    """Return whether `text` has the form of an id."""
    return _ID.fullmatch(text) is not None


def is_api_version(text: str) -> bool:
    """Return whether `text` is a date such as 2025-01-01, with an optional suffix such as -1, or `key`."""
    match = _VERSION.fullmatch(text)
    if match is None or not text.isascii():
        return text == VERSION_OF_KEY
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def _rate(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_rate(value):
        raise decode.invalid_setting(where, RATE_RANGE, value)
    return float(value)


def _concurrency(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_CONCURRENCY:
        raise decode.invalid_setting(where, CONCURRENCY_RANGE, value)
    return value


def _api_version(value: Any, where: str) -> str:
    if not isinstance(value, str) or not is_api_version(value):
        raise decode.invalid_setting(where, VERSION_FORM, value)
    return value


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """One `[targets.NAME]` table. Every field but `where`, its place in the file, is a key."""

    base_url: str | None = None
    v2_base_url: str | None = None
    api_key_env: str = "WHOP_API_KEY"
    company_id: Annotated[str | None, decode.matching_string(_ID.pattern, "letters, digits, _ and -")] = None
    rate: Annotated[float | None, _rate] = None
    concurrency: Annotated[int | None, _concurrency] = None
    api_version_date: Annotated[str | None, _api_version] = None
    contract: str | None = None
    allow_http: bool = False
    known_ids: Mapping[str, str] = field(default_factory=dict)
    writable: bool | None = None
    allow_unchecked: tuple[str, ...] = ()
    where: str = field(default="", metadata={"key": False})


BUILT_IN: Mapping[str, str] = {
    "production": "https://api.whop.com/api/v1",
    "sandbox": "https://sandbox-api.whop.com/api/v1",
}
"""The base URLs of the targets that need no file."""
SIMULATOR = "simulator"


def find_config(folder: Path | None = None) -> Path | None:
    """Return the configuration file of `folder` (by default the working directory) or its nearest parent, or None.

    A folder has `whopwatch.toml`, or a `pyproject.toml` with a table [tool.whopwatch]. The search ends at the root of a
    repository and at the home directory. In a parent only files of this user, or of root, count: a file in a shared
    folder must not decide where the key is sent.
    """
    start = folder or Path.cwd()
    for parent in (start, *start.parents):
        for file in (parent / CONFIG_FILE, parent / PYPROJECT):
            is_usable = file.is_file() and (parent == start or _is_own(file))
            if is_usable and (file.name == CONFIG_FILE or _has_table(file)):
                return Path(file.name) if folder is None and parent == start else file
        if (parent / ".git").exists() or parent == Path.home():
            break
    return None


def beside_config(name: str, config: Path | None = None) -> Path:
    """Return the path of the file `name` beside `config`, by default the discovered one, or in the current folder."""
    return (config or find_config() or Path(CONFIG_FILE)).parent / name


def _is_own(file: Path) -> bool:
    if not hasattr(os, "getuid"):  # Windows: what is below the home directory is the user's
        return file.resolve().is_relative_to(Path.home().resolve())
    return file.stat().st_uid in (os.getuid(), 0)


def _has_table(file: Path) -> bool:
    """Return whether a pyproject.toml has settings of whopwatch. One that is not TOML is for other tools to report."""
    try:
        return TABLE in parse_toml_document(read_bounded(file).decode()).get("tool", {})
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def read_config(path: Path | None) -> dict[str, TargetEntry]:
    """Return the targets of the file at `path` by name; without a path those of the file that `find_config` finds.

    Raise ConfigError for a file that does not exist though it was named, is not TOML, or has an invalid key or value.
    """
    file = path or find_config()
    if file is None:
        return {}
    content, where = decode.read_toml_file(file, "The configuration file"), str(file)
    if file.name == PYPROJECT:
        content, where = content.get("tool", {}).get(TABLE, {}), f"{file}, tool.{TABLE}"
    tables = decode.decode_table(
        content, {"targets": decode.mapping_reader(lambda value, where: (value, where))}, where
    )
    return {name: _entry(name, value, where) for name, (value, where) in tables.get("targets", {}).items()}


def _entry(name: str, value: Any, where: str) -> TargetEntry:
    if name == SIMULATOR:
        raise ConfigError(
            "A target cannot be named simulator: that is the embedded API.", where=where, hint="choose another name"
        )
    settings = decode.decode_table(value, decode.readers_of(TargetEntry), where)
    if name in BUILT_IN and "base_url" in settings:
        raise ConfigError(
            f"The base URL of {name} is fixed.",
            where=decode.place_of_key(where, "base_url"),
            expected=BUILT_IN[name],
            hint="define a target with another name",
        )
    if name not in BUILT_IN and "base_url" not in settings:
        raise ConfigError("The key 'base_url' is missing.", where=where, expected='base_url = "https://..."')
    return TargetEntry(**settings, where=where)
