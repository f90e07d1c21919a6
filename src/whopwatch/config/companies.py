"""The file of a run over many companies: for each a target, the variable that holds its key, and a baseline.

[[companies]]
name = "acme"
target = "production"
api_key_env = "ACME_API_KEY"
company_id = "biz_..."
baseline = "reports/acme.sqlite"       # default: reports/baselines/NAME.sqlite
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from whopwatch.core.errors import ConfigError, did_you_mean

BASELINES = Path("reports/baselines")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Company:
    """One company to look at. Every key of the file is a field of this class."""

    name: str
    baseline: Path
    target: str = "production"
    api_key_env: str = "WHOP_API_KEY"
    company_id: str | None = None

    @property
    def id(self) -> str:
        """What it is sorted by."""
        return self.name

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` as this company has it: its own key and id, nobody else's."""
        own = {name: value for name, value in environ.items() if name not in ("WHOP_API_KEY", "WHOP_COMPANY_ID")}
        own["WHOP_API_KEY"] = environ.get(self.api_key_env, "")
        own["WHOP_COMPANY_ID"] = self.company_id or ""
        return own


_KEYS = tuple(field.name for field in fields(Company))


def read_companies(path: Path) -> tuple[Company, ...]:
    """The companies that the file at `path` lists. Raises ConfigError for one that is missing or cannot be meant."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("The list of companies is not TOML.", where=str(path), got=str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "bytes that are not UTF-8"
        raise ConfigError("The list of companies cannot be read.", where=str(path), got=got) from None
    listed = content.get("companies") if content.keys() == {"companies"} else None
    if not isinstance(listed, list) or not listed:
        raise ConfigError("The list of companies has none.", where=str(path), expected="tables [[companies]]")
    companies = tuple(_company(raw, f"{path}, company {place}") for place, raw in enumerate(listed, 1))
    _refuse_twice([company.name for company in companies], "name", path)
    _refuse_twice([str(company.baseline.absolute()) for company in companies], "baseline", path)
    return companies


def _company(raw: Any, where: str) -> Company:
    if not isinstance(raw, dict):
        raise ConfigError("A company is no table.", where=where, expected="[[companies]]")
    if "api_key" in raw:
        raise ConfigError(
            "A key does not belong in a file.",
            where=where,
            expected="api_key_env, the name of the environment variable that holds it",
            hint="revoke the key if the file was ever committed",
        )
    for key, value in raw.items():
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise ConfigError(
                f"There is no setting {key!r}.", where=where, expected=known, hint=did_you_mean(key, _KEYS)
            )
        if not isinstance(value, str) or not value:
            raise ConfigError(
                "A setting has a value that it cannot have.", where=f"{where}, key {key}", expected="a text"
            )
    name = raw.get("name", "")
    if not NAME.fullmatch(name):
        raise ConfigError(
            "A company needs a name.", where=where, expected="letters, digits, dots, hyphens and underscores"
        )
    baseline = Path(raw["baseline"]) if "baseline" in raw else BASELINES / f"{name}.sqlite"
    return Company(**{**raw, "baseline": baseline})


def _refuse_twice(values: list[str], what: str, path: Path) -> None:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice:
        raise ConfigError(f"Two companies have one {what}.", where=str(path), expected="one each", got=twice)
