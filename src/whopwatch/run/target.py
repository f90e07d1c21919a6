"""Open a target: start the simulator, or read the configuration of a real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from whopwatch.config import SIMULATOR, Target, read_config, refuse_unwritable, resolve_target, target_name
from whopwatch.config.target import VERSION_OF_KEY
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.run.observation import match_operations


@contextmanager
def open_target(
    contract: Contract,
    name: str | None,
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    seed: int = 0,
    rate: float | None = None,
    concurrency: int | None = None,
    writes: bool = False,
    api_version: str | None = None,
    allow_unchecked: bool = False,
    faults: Sequence[str] = (),
) -> Iterator[Target]:
    """Yield the read-only target called `name`; None means WHOP_BASE_URL in `environ`, else the simulator.

    The simulator runs as long as the context does, with data made from `seed`. `rate`, in requests a second, and
    `concurrency` replace the target's own. With `writes` the target may be written to. Requests name `api_version`,
    by default the target's, else the contract's; `key` names none, so that the key's own version answers. With
    `allow_unchecked` the key need not be allowed to use any operation. `faults` are for the simulator. Raise UsageError
    or ConfigError for a target that is unknown, incomplete or, with `writes`, not writable.
    """
    with _opened(contract, target_name(name, environ), environ, config, seed, faults) as target:
        if writes:
            refuse_unwritable(target, config)
        match_operations(contract, target.allow_unchecked, where=f"allow_unchecked of target {target.name}")
        wanted = api_version or target.api_version_date or contract.version
        yield replace(
            target,
            writable=writes,
            rate=target.rate if rate is None else rate,
            concurrency=concurrency or target.concurrency,
            api_version_date=None if wanted == VERSION_OF_KEY else wanted,
            allow_unchecked=("*",) if allow_unchecked else target.allow_unchecked,
        )


def check_target(name: str | None, environ: Mapping[str, str], config: Path | None = None) -> None:
    """Raise UsageError or ConfigError for a target that `open_target` would reject. Starts and sends nothing."""
    wanted_target(name, environ, config)


def wanted_target(name: str | None, environ: Mapping[str, str], config: Path | None = None) -> Target | None:
    """Return the target that `open_target` would open, None for the simulator. Starts and sends nothing."""
    wanted = target_name(name, environ)
    if wanted == SIMULATOR:
        read_config(config)
        return None
    return resolve_target(wanted, environ, config)


@contextmanager
def _opened(
    contract: Contract, name: str, environ: Mapping[str, str], config: Path | None, seed: int, faults: Sequence[str]
) -> Iterator[Target]:
    if faults and name != SIMULATOR:
        raise UsageError(
            "--fault requires the simulator.", where="option --fault", expected="--target simulator", got=name
        )
    if name == SIMULATOR:
        # The simulator needs no configuration, but a broken file is better reported now than at the first real run.
        read_config(config)
        # Imported late: a real target needs no server, and the import takes longer than a whole command.
        from whopwatch.simulator import embedded

        with embedded(contract, seed=seed, faults=tuple(faults)) as simulator:
            yield simulator.target()
    else:
        yield resolve_target(name, environ, config)
