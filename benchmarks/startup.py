"""The CPU of the start of the command, relative to an interpreter that does nothing.

Aims: 0.25 s to the first request of a check, `--help` under 0.5 s. Byte code is written, as pip does for its packages.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys

from benchmarks.measure import interleaved, table
from benchmarks.usage import command_line

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
KEY = {"WHOP_API_KEY": "k" * 30, "WHOP_COMPANY_ID": "biz_0123456789"}


def run(*arguments: str) -> None:
    """Run the interpreter with `arguments` until it ends."""
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)  # noqa: S603


def cpu() -> float:
    """Return the CPU seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_request(*options: str) -> None:
    """Start a check and wait until the first byte of its first request arrives."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"
        command = [sys.executable, "-m", "whopwatch", "check", "--target", url, *options]
        with subprocess.Popen(command, env=ENVIRONMENT | KEY, stderr=subprocess.DEVNULL) as process:  # noqa: S603
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
            process.kill()


def main() -> None:
    """Measure and print."""
    command_line(__doc__).parse_args()
    seconds = interleaved(
        {
            "python -c pass": lambda: run("-c", "pass"),
            "whopwatch --version": lambda: run("-m", "whopwatch", "--version"),
            "whopwatch drift --help": lambda: run("-m", "whopwatch", "drift", "--help"),
            "whopwatch --help": lambda: run("-m", "whopwatch", "--help"),
            "whopwatch check --help": lambda: run("-m", "whopwatch", "check", "--help"),
            "first request of a check": first_request,
            "the same with the newest contract": lambda: first_request("--contract", "newest"),
            "python -c 'import httpx, rich.console'": lambda: run("-c", "import httpx, rich.console"),
        },
        rounds=11,
        clock=cpu,
    )
    print(table("CPU of the start-up", seconds, base="python -c pass"))


if __name__ == "__main__":
    main()
