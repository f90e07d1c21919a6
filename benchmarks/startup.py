"""The start-up time of the command, relative to an interpreter that does nothing. Aim: `--help` under 0.5 s."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import interleaved, table
from benchmarks.usage import command_line


def run(*arguments: str) -> None:
    """Run the interpreter with `arguments` until it ends."""
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def main() -> None:
    """Measure and print."""
    command_line(__doc__).parse_args()
    seconds = interleaved(
        {
            "python -c pass": lambda: run("-c", "pass"),
            "whopwatch --help": lambda: run("-m", "whopwatch", "--help"),
            "whopwatch check --help": lambda: run("-m", "whopwatch", "check", "--help"),
            "python -c 'import httpx, rich.console'": lambda: run("-c", "import httpx, rich.console"),
        },
        rounds=11,
    )
    print(table("Start-up", seconds, base="python -c pass"))


if __name__ == "__main__":
    main()
