"""From a name or URL, the environment and whopwatch.toml to a Target. Options win over the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from whopwatch.config import environ as env
from whopwatch.config.file import CONFIG_FILE, TargetEntry, read_config
from whopwatch.config.target import Secret, Target
from whopwatch.config.url import is_local, normal_base_url, v2_of
from whopwatch.core.errors import UsageError, did_you_mean

SIMULATOR = "simulator"
BASE_URL = "WHOP_BASE_URL"
BUILT_IN: Mapping[str, str] = {
    "production": "https://api.whop.com/api/v1",
    "sandbox": "https://sandbox-api.whop.com/api/v1",
}
DEFAULT_RATE = 5.0
"""Requests a second at a target that is not on this machine: half of what Whop allows a single operation."""


def target_name(option: str | None, environ: Mapping[str, str]) -> str:
    """What is to be checked: the option, else WHOP_BASE_URL, else the simulator.

    Raises UsageError for a blank one: a variable that was never filled in must not turn a check of the API into a check
    of the simulator.
    """
    where = "option --target" if option is not None else f"environment variable {BASE_URL}"
    name = option if option is not None else environ.get(BASE_URL, SIMULATOR)
    if not name.strip():
        raise UsageError(
            "The target is blank.",
            where=where,
            expected=f"a target such as {SIMULATOR} or production, or a base URL",
            got="an empty text",
            hint=f"give a target, or leave it out (unset it) for the {SIMULATOR}",
        )
    return name.strip()


def resolve_target(name_or_url: str, environ: Mapping[str, str], config_path: Path | None = None) -> Target:
    """The target called `name_or_url`: `production`, `sandbox`, one of whopwatch.toml, or a base URL.

    `config_path` is the file to read, by default `whopwatch.toml` in the working directory, if any. The
    simulator is not resolved here: whoever wants it starts it.
    Raises UsageError for an unknown name, an unusable address, a missing or malformed key, or a key that
    would leave this machine unencrypted; ConfigError for a file that cannot be meant.
    """
    entries = read_config(config_path)
    if "://" in name_or_url:
        entry, where = TargetEntry(base_url=name_or_url), "the target's URL"
    else:
        _refuse_unknown(name_or_url, entries)
        entry = entries.get(name_or_url, TargetEntry())
        where = entry.where or f"target {name_or_url!r}"
    base_url = normal_base_url(entry.base_url or BUILT_IN[name_or_url], where)
    return Target(
        name=base_url if "://" in name_or_url else name_or_url,
        base_url=base_url,
        v2_base_url=normal_base_url(entry.v2_base_url, where) if entry.v2_base_url else v2_of(base_url),
        api_key=_key(name_or_url, base_url, entry, environ, where),
        company_id=env.company_id(environ) or entry.company_id,
        rate=entry.rate or (None if is_local(base_url) else DEFAULT_RATE),
        api_version_date=env.api_version_date(environ) or entry.api_version_date,
        known_ids=entry.known_ids,
    )


def _refuse_unknown(name: str, entries: Mapping[str, TargetEntry]) -> None:
    known = tuple(dict.fromkeys((SIMULATOR, *BUILT_IN, *entries)))
    if name not in known:
        # Not quoted: a key that was given in the wrong place would be in the log of every CI run.
        raise UsageError(
            "There is no target of this name.",
            where=f"option --target, or environment variable {BASE_URL}",
            expected=f"one of {', '.join(known)}, or a base URL beginning with https://",
            got=f"a text of {len(name)} characters",
            hint=did_you_mean(name, known)
            or f"define it as [targets.NAME] in {CONFIG_FILE}; a key goes into WHOP_API_KEY",
        )


def _key(name: str, base_url: str, entry: TargetEntry, environ: Mapping[str, str], where: str) -> Secret | None:
    variable = entry.api_key_env
    key = env.api_key(environ, variable)
    if key is None and name in BUILT_IN:
        raise UsageError(
            f"There is no API key for {name}.",
            where=f"environment variable {variable}",
            expected="a company or app API key",
            got="none",
            hint=f"export {variable}=... (and WHOP_COMPANY_ID), or use `--target simulator`",
        )
    if key and base_url.startswith("http:") and not (entry.allow_http or is_local(base_url)):
        raise UsageError(
            "The API key would cross the network unencrypted.",
            where=where,
            expected="https://, or an address of this machine",
            got="http://",
            hint=f"use https, or define the target in {CONFIG_FILE} with `allow_http = true`",
        )
    return key
