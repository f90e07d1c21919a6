"""A target made ready for a run: the simulator started, or the configuration read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from whopwatch.config import SIMULATOR, Target, read_config, refuse_unwritable, resolve_target, target_name
from whopwatch.contract import Contract
from whopwatch.core.extras import missing_extra


@contextmanager
def opened(
    contract: Contract,
    name: str | None,
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    seed: int = 0,
    rate: float | None = None,
    writes: bool = False,
) -> Iterator[Target]:
    """The target called `name`, read-only; None means WHOP_BASE_URL out of `environ`, else the simulator.

    The simulator runs, with a world made from `seed`, as long as the context does. `rate`, in requests a second,
    replaces the target's own. With `writes` the target may be written to. Raises UsageError and ConfigError as
    `resolve_target` and, with `writes`, `refuse_unwritable` do.
    """
    with _opened(contract, target_name(name, environ), environ, config, seed) as target:
        if writes:
            refuse_unwritable(target, config)
        yield replace(target, writable=writes, rate=target.rate if rate is None else rate)


def refuse_unusable(name: str | None, environ: Mapping[str, str], config: Path | None = None) -> None:
    """Raise UsageError or ConfigError for a target that `opened` would refuse; nothing is started or sent."""
    wanted = target_name(name, environ)
    if wanted == SIMULATOR:
        read_config(config)
    else:
        resolve_target(wanted, environ, config)


@contextmanager
def _opened(
    contract: Contract, name: str, environ: Mapping[str, str], config: Path | None, seed: int
) -> Iterator[Target]:
    if name == SIMULATOR:
        # Not needed, but a file that cannot be meant is told of at the first run, not at the first real one.
        read_config(config)
        # A real target needs no server: what the simulator imports takes longer than a whole run of the command line.
        try:
            from whopwatch.simulator import embedded
        except ModuleNotFoundError as error:
            raise missing_extra(error, wanted="simulator") or error from None

        with embedded(contract, seed=seed) as simulator:
            yield simulator.target()
    else:
        yield resolve_target(name, environ, config)
