"""Resolve a name or URL, the environment and whopwatch.toml to a target. Options override the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from whopwatch.config.target import Secret, Target, is_local, normal_base_url, read_secret, refuse_unencrypted, v2_of
from whopwatch.config.targets_file import (
    BUILT_IN,
    CONFIG_FILE,
    MAX_CONCURRENCY,
    SIMULATOR,
    VERSION_FORM,
    TargetEntry,
    is_api_version,
    is_company_id,
    read_config,
)
from whopwatch.core.errors import UsageError, did_you_mean, quoted_input

BASE_URL = "WHOP_BASE_URL"
DEFAULT_RATE = 30.0
"""Requests per second at a target that is not on this machine: half of what Whop allows for a single operation."""


def target_name(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the target to check: the option, or WHOP_BASE_URL, or the simulator.

    Raise UsageError for a blank one: an empty variable must not turn a check of the API into one of the simulator.
    """
    where = "option --target" if option is not None else f"environment variable {BASE_URL}"
    name = option if option is not None else environ.get(BASE_URL, SIMULATOR)
    if not name.strip():
        raise UsageError(
            "The target is blank.",
            where=where,
            expected=f"a target such as {SIMULATOR} or production, or a base URL",
            got="an empty string",
            hint=f"name a target, or omit the option (unset the variable) for the {SIMULATOR}",
        )
    return name.strip()


def resolve_target(name_or_url: str, environ: Mapping[str, str], config_path: Path | None = None) -> Target:
    """Return the target `name_or_url`: `production`, `sandbox`, a name of whopwatch.toml, or a base URL.

    `config_path` is the file to read, by default the one that `find_config` finds. The simulator has no address before
    it runs, so the caller starts it instead.
    Raise UsageError for an unknown name, an invalid URL, a missing or malformed key, or a key that would be sent
    unencrypted; ConfigError for an invalid file.
    """
    entries = read_config(config_path)
    if "://" in name_or_url:
        entry, where = TargetEntry(base_url=name_or_url), "the URL of the target"
    else:
        _check_name(name_or_url, entries)
        entry = entries.get(name_or_url, TargetEntry())
        where = entry.where or f"target {name_or_url!r}"
    base_url, v2_base_url = _base_urls(entry.base_url or BUILT_IN[name_or_url], entry, where)
    key = _key(name_or_url, entry, environ)
    if key and not entry.allow_http:
        hint = f"use https, or define the target in {CONFIG_FILE} with `allow_http = true`"
        for url in (base_url, v2_base_url):
            refuse_unencrypted(url, where, hint)
    return Target(
        name=base_url if "://" in name_or_url else name_or_url,
        base_url=base_url,
        v2_base_url=v2_base_url,
        api_key=key,
        company_id=_company_id(environ) or entry.company_id,
        rate=entry.rate or (None if is_local(base_url) else DEFAULT_RATE),
        concurrency=entry.concurrency or (1 if is_local(base_url) else MAX_CONCURRENCY),
        api_version_date=_api_version(environ) or entry.api_version_date,
        contract=entry.contract,
        known_ids=entry.known_ids,
        allow_unchecked=entry.allow_unchecked,
    )


def key_variables(config_path: Path | None = None) -> frozenset[str]:
    """Return the environment variables that hold the keys of the targets in the configuration file."""
    return frozenset(entry.api_key_env for entry in read_config(config_path).values())


def base_urls(name_or_url: str, config_path: Path | None = None) -> tuple[str, str]:
    """Return the base URLs of v1 and v2 of a target, for commands that send nothing to it and need no key.

    Raise UsageError for a target without a lasting URL and for an invalid URL, ConfigError for an invalid file.
    """
    entry = read_config(config_path).get(name_or_url, TargetEntry())
    where = entry.where or "option --target"
    url = entry.base_url or BUILT_IN.get(name_or_url)
    if url is None and "://" not in name_or_url:
        raise UsageError(
            "A recording needs a target with a lasting URL.",
            where=where,
            expected=f"production, sandbox, a target of {CONFIG_FILE}, or a base URL",
            got=quoted_input(name_or_url),
            hint=did_you_mean(name_or_url, BUILT_IN),
        )
    return _base_urls(url or name_or_url, entry, where)


def refuse_unwritable(target: Target, config_path: Path | None = None) -> None:
    """Raise UsageError if a run must not write to `target`, although the user allowed writes.

    It may write to the simulator, to the sandbox of Whop, to a URL, and to a target with `writable = true`.
    """
    if target.is_production:
        raise UsageError(
            "Writes to production are not allowed.",
            where="option --allow-writes",
            expected="the simulator, the sandbox, or a target of your own",
            got=target.name,
            hint="omit --allow-writes, or use `--target sandbox`",
        )
    entry = read_config(config_path).get(target.name, TargetEntry())
    is_open = target.name in (SIMULATOR, "sandbox") or target.name == target.base_url
    if not (is_open if entry.writable is None else entry.writable):
        raise UsageError(
            f"The target {target.name} is not declared writable.",
            where="option --allow-writes",
            expected=f"`writable = true` in [targets.{target.name}] of {CONFIG_FILE}",
            got="no such key" if entry.writable is None else "writable = false",
            hint="add it if the target has no real data, or omit --allow-writes",
        )


def _base_urls(url: str, entry: TargetEntry, where: str) -> tuple[str, str]:
    base_url = normal_base_url(url, where)
    v2 = normal_base_url(entry.v2_base_url, where, "v2") if entry.v2_base_url else v2_of(base_url)
    return base_url, v2


def _check_name(name: str, entries: Mapping[str, TargetEntry]) -> None:
    known = tuple(dict.fromkeys((SIMULATOR, *BUILT_IN, *entries)))
    if name not in known:
        raise UsageError(
            f"Unknown target {quoted_input(name)}.",
            where=f"option --target, or environment variable {BASE_URL}",
            expected=f"one of {', '.join(known)}, or a base URL that starts with https://",
            hint=did_you_mean(name, known)
            or f"define it as [targets.NAME] in {CONFIG_FILE}; a key belongs in WHOP_API_KEY",
        )


def _key(name: str, entry: TargetEntry, environ: Mapping[str, str]) -> Secret | None:
    """Return the API key of a target, None without one. The errors never quote it."""
    variable = entry.api_key_env
    text = read_secret(environ, variable)
    if text and not (text.isascii() and text.isprintable()):
        raise UsageError(
            "The API key contains characters that no HTTP header can carry.",
            where=f"environment variable {variable}",
            expected="printable ASCII characters on one line",
            hint="copy the key again",
        )
    if not text and name in BUILT_IN:
        raise UsageError(
            f"The API key of {name} is missing.",
            where=f"environment variable {variable}",
            expected="a company or app API key",
            hint=f"export {variable}=... or {variable}_FILE=... (and WHOP_COMPANY_ID), or use `--target simulator`",
        )
    return Secret(text) if text else None


def _company_id(environ: Mapping[str, str]) -> str | None:
    text = environ.get("WHOP_COMPANY_ID", "").strip()
    if text and not is_company_id(text):
        raise UsageError(
            "WHOP_COMPANY_ID is not an id.",
            where="environment variable WHOP_COMPANY_ID",
            expected="letters, digits, _ and -, such as biz_xxxxxxxxxxxxxx",
            got=quoted_input(text),
            hint="export WHOP_COMPANY_ID=biz_...: the id is in the address of your dashboard on whop.com",
        )
    return text or None


def _api_version(environ: Mapping[str, str]) -> str | None:
    text = environ.get("WHOP_API_VERSION_DATE", "").strip()
    if text and not is_api_version(text):
        raise UsageError(
            "WHOP_API_VERSION_DATE is not a version.",
            where="environment variable WHOP_API_VERSION_DATE",
            expected=VERSION_FORM,
            got=quoted_input(text),
            hint="export WHOP_API_VERSION_DATE=2025-01-01, or unset it",
        )
    return text or None
