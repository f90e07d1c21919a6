"""Where a run may write: never by default, and at production not at all."""

from __future__ import annotations

from pathlib import Path

from whopwatch.config.file import CONFIG_FILE, TargetEntry, read_config
from whopwatch.config.resolve import SIMULATOR
from whopwatch.config.target import Target
from whopwatch.core.errors import UsageError


def refuse_unwritable(target: Target, config_path: Path | None = None) -> None:
    """Raise UsageError where a run may not write to `target`, though it was told that it may.

    It may at the simulator, at Whop's sandbox, at a URL, and where `config_path` says `writable = true`.
    """
    if target.is_production:
        raise UsageError(
            "Nothing is ever written to production.",
            where="option --allow-writes",
            expected="the simulator, the sandbox, or a target of your own",
            got=target.name,
            hint="leave --allow-writes out, or use `--target sandbox`",
        )
    entry = read_config(config_path).get(target.name, TargetEntry())
    is_open = target.name in (SIMULATOR, "sandbox") or target.name == target.base_url
    if not (is_open if entry.writable is None else entry.writable):
        raise UsageError(
            f"The target {target.name} is not declared as one that may be written to.",
            where="option --allow-writes",
            expected=f"`writable = true` in [targets.{target.name}] of {CONFIG_FILE}",
            got="no such line" if entry.writable is None else "writable = false",
            hint="add it if nothing there is real, or leave --allow-writes out",
        )
