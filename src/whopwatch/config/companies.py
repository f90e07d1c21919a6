"""The file of a run over many companies: for each a target, the variable with its key, and a baseline.

[[companies]]
name = "acme"
target = "production"
api_key_env = "ACME_API_KEY"
company_id = "biz_..."
baseline = "reports/acme.sqlite"       # default: reports/baselines/NAME.sqlite
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from whopwatch.config import decode
from whopwatch.config.target import read_secret
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
    """Return the companies of the file at `path`. Raises ConfigError for a missing or invalid file."""
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
