"""`whopwatch completion`: the completion script of a shell, and the names that options complete.

click completes commands, options and choices by itself. The functions of this module add the names that only a contract
or a catalogue knows; they are loaded when the user presses the key, so that a command starts as fast as without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "fish", "zsh")
EXAMPLE = """\b
Examples:
  whopwatch completion bash > ~/.local/share/bash-completion/completions/whopwatch
  whopwatch completion zsh > ~/.zfunc/_whopwatch          with ~/.zfunc in $fpath
  whopwatch completion fish > ~/.config/fish/completions/whopwatch.fish
"""


@click.command("completion", epilog=EXAMPLE)
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> int:
    """Print the script that completes commands, options and names in a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(click.Group("whopwatch"), {}, "whopwatch", "_WHOPWATCH_COMPLETE").source())
    return 0


def _matching(names: Iterable[str], incomplete: str, separator: str) -> list[str]:
    """Return the names that continue the last part of `incomplete`, with what is before that part."""
    before, found, last = incomplete.rpartition(separator)
    return [f"{before}{found}{name}" for name in sorted(names) if name.startswith(last)]


def operations(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete operation ids, several between commas."""
    from whopwatch.config.contract_choice import named_contract

    return _matching(named_contract(context.params.get("contract_name")).operations, incomplete, ",")


def resources(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete resources, several between commas."""
    from whopwatch.config.contract_choice import named_contract

    return _matching(named_contract(context.params.get("contract_name")).resources, incomplete, ",")


def faults(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of faults, and after `@` operation ids."""
    if "@" in incomplete:
        name, _, operation = incomplete.partition("@")
        return [f"{name}@{id}" for id in operations(context, param, operation)]
    from whopwatch.simulator.faults import fault_catalogue

    return _matching(fault_catalogue(), incomplete, ",")


def classes(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete drift classes by name and by number."""
    from whopwatch.core.drift_classes import DRIFT_CLASSES

    slugs = {slug for one in DRIFT_CLASSES.values() for slug in (one.slug, *one.slugs.values())}
    return _matching({*DRIFT_CLASSES, *slugs}, incomplete, ",")


def targets(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of targets: the built-in ones and those of the configuration file."""
    from whopwatch.config.targets_file import BUILT_IN, SIMULATOR, read_config

    config = context.params.get("config")
    named = read_config(Path(config) if config else None)
    return _matching({SIMULATOR, *BUILT_IN, *named}, incomplete, ",")
