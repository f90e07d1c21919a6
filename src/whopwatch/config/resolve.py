"""From a name or URL, the environment and whopwatch.toml to a Target. Options win over the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from whopwatch.config.file import CONFIG_FILE, TargetEntry, read_config
from whopwatch.config.target import Secret, Target
from whopwatch.config.url import is_local, normal_base_url, v2_of
from whopwatch.errors import UsageError, did_you_mean

SIMULATOR = "simulator"
BUILT_IN: Mapping[str, str] = {
    "production": "https://api.whop.com/api/v1",
    "sandbox": "https://sandbox-api.whop.com/api/v1",
}
DEFAULT_RATE = 5.0
"""Requests a second at a target that is not on this machine: half of what Whop allows a single operation."""


def target_name(option: str | None, environ: Mapping[str, str]) -> str:
    """What is to be checked: the option, else WHOP_BASE_URL, else the simulator."""
    return option or environ.get("WHOP_BASE_URL", "").strip() or SIMULATOR


def resolve_target(name_or_url: str, environ: Mapping[str, str], config_path: Path | None = None) -> Target:
    """The target called `name_or_url`: `production`, `sandbox`, one of whopwatch.toml, or a base URL.

    `config_path` is the file to read, by default `whopwatch.toml` in the working directory, if any.
    Raises UsageError for an unknown name, an unusable address, a missing or malformed key, or a key that
    would leave this machine unencrypted; ConfigError for a file that cannot be meant.
    """
    entries = read_config(config_path)
    known = (SIMULATOR, *BUILT_IN, *entries)
    is_url = "://" in name_or_url
    if not is_url and name_or_url not in known:
        raise UsageError(
            f"There is no target {name_or_url!r}.",
            expected=f"one of {', '.join(dict.fromkeys(known))}, or a base URL beginning with https://",
            hint=did_you_mean(name_or_url, known) or f"define [targets.{name_or_url}] in {CONFIG_FILE}",
        )
    entry = TargetEntry() if is_url else entries.get(name_or_url, TargetEntry())
    where = entry.where or ("the target's URL" if is_url else f"target {name_or_url!r}")
    address = name_or_url if is_url else entry.base_url or BUILT_IN.get(name_or_url, "")
    base_url = normal_base_url(address, where)
    key = _api_key(environ, entry.api_key_env)
    if key is None and name_or_url in BUILT_IN:
        raise UsageError(
            f"There is no API key for {name_or_url}.",
            where=f"environment variable {entry.api_key_env}",
            expected="a company or app API key",
            got="none",
            hint=f"export {entry.api_key_env}=... (and WHOP_COMPANY_ID), or use `--target simulator`",
        )
    if key is not None and base_url.startswith("http:") and not (entry.allow_http or is_local(base_url)):
        raise UsageError(
            "The API key would cross the network unencrypted.",
            where=where,
            expected="https://, or an address of this machine",
            got="http://",
            hint=f"use https, or define the target in {CONFIG_FILE} with `allow_http = true`",
        )
    return Target(
        name=name_or_url if not is_url else base_url,
        base_url=base_url,
        v2_base_url=normal_base_url(entry.v2_base_url, where) if entry.v2_base_url else v2_of(base_url),
        api_key=key,
        company_id=_identifier(environ, "WHOP_COMPANY_ID") or entry.company_id,
        rate=entry.rate if entry.rate is not None else _default_rate(base_url),
        api_version_date=_date(environ) or entry.api_version_date,
        known_ids=entry.known_ids,
    )


def _api_key(environ: Mapping[str, str], variable: str) -> Secret | None:
    text = environ.get(variable, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isprintable()):
        raise UsageError(
            "The API key cannot be sent.",
            where=f"environment variable {variable}",
            expected="printable ASCII characters on one line",
            got="a text that holds others",
            hint="copy the key once more",
        )
    return Secret(text)


def _identifier(environ: Mapping[str, str], variable: str) -> str | None:
    text = environ.get(variable, "").strip()
    if text and not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise UsageError(
            f"{variable} is not an id.",
            where=f"environment variable {variable}",
            expected="letters, digits and underscores, such as biz_xxxxxxxxxxxxxx",
        )
    return text or None


def _date(environ: Mapping[str, str]) -> str | None:
    text = environ.get("WHOP_API_VERSION_DATE", "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(
            "WHOP_API_VERSION_DATE is not a date.",
            where="environment variable WHOP_API_VERSION_DATE",
            expected="a date such as 2025-01-01",
            got=repr(text),
        ) from None


def _default_rate(base_url: str) -> float | None:
    """Unpaced on this machine, where nobody else is hurt."""
    return None if is_local(base_url) else DEFAULT_RATE
