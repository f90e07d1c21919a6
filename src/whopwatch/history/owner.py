"""Tell whose a baseline is, so that the nights of two companies or two APIs are never compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from whopwatch.config import SIMULATOR, resolve_target, target_name
from whopwatch.config.urls import host_of, is_local
from whopwatch.core.errors import ConfigError
from whopwatch.history.profile import Digests
from whopwatch.history.records import Records

LOCAL = "local"
"""The owner of nights at the simulator or another server on this machine: its ports and companies come and go."""


def claim_baseline(
    records: Records, option: str | None, environ: Mapping[str, str], config: Path | None, path: Path
) -> None:
    """Make the target that a run is about to check the owner of `records`; the company id is kept as a digest.

    Raises ConfigError if the baseline in `path` belongs to another API or company, and what `resolve_target` raises.
    """
    owner = _owner(records, option, environ, config)
    if records.owner and records.owner != owner:
        host, _, company = records.owner.partition(" ")
        other_host, _, other_company = owner.partition(" ")
        what = "another company" if host == other_host and company != other_company else "another API"
        raise ConfigError(
            f"The baseline belongs to {what}.",
            where=str(path),
            expected=f"nights at {host}{', of the same company' if company else ''}",
            got=f"a run at {other_host}",
            hint="use another file with --baseline",
        )
    records.owner = owner


def _owner(records: Records, option: str | None, environ: Mapping[str, str], config: Path | None) -> str:
    name = target_name(option, environ)
    if name == SIMULATOR:
        return LOCAL
    target = resolve_target(name, environ, config)
    if is_local(target.base_url):
        return LOCAL
    return f"{host_of(target.base_url)} {Digests(records.salt).of(target.company_id or '')}"
