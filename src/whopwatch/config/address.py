"""Where a target is, for whoever sends it nothing."""

from __future__ import annotations

from pathlib import Path

from whopwatch.config.file import read_config
from whopwatch.config.resolve import BUILT_IN
from whopwatch.config.url import normal_base_url, v2_of
from whopwatch.core.errors import UsageError, did_you_mean


def base_urls(name_or_url: str, config_path: Path | None = None) -> tuple[str, str]:
    """The base URLs of v1 and v2 of the target called `name_or_url`; no key is needed to know them.

    Raises UsageError for a name without a lasting address and for an unusable URL, ConfigError for a file that
    cannot be meant.
    """
    entry = read_config(config_path).get(name_or_url)
    where = (entry.where if entry else None) or "option --target"
    url = (entry.base_url if entry else None) or BUILT_IN.get(name_or_url)
    if url is None and "://" not in name_or_url:
        raise UsageError(
            "A recording is of a target with a lasting address.",
            where=where,
            expected="production, sandbox, a target of whopwatch.toml, or a base URL",
            hint=did_you_mean(name_or_url, BUILT_IN),
        )
    base_url = normal_base_url(url or name_or_url, where)
    v2_base_url = entry.v2_base_url if entry else None
    return base_url, normal_base_url(v2_base_url, where) if v2_base_url else v2_of(base_url)
