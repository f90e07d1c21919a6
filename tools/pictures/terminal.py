"""Take a picture of a command's terminal output: run it, draw its colours, photograph the page with Chromium.

    python tools/pictures/terminal.py OUTPUT.png [--columns N] [--lines N] -- COMMAND...

Needs Chromium on the PATH.
"""

from __future__ import annotations

import argparse
import html
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import MONOKAI

PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0c0c0c; color: #d9d9d9; }}
pre {{ margin: 0; padding: 18px; font: 14px/1.35 "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
b {{ color: #7fd962; font-weight: normal; }}
</style><pre><b>$</b> {command}\n{code}</pre>"""


LOWEST = 160
"""Pixels: Chromium cuts the page in a lower window."""


def picture(output: Path, command: list[str], columns: int, lines: int) -> None:
    """Run `command` as if at a terminal of `columns`, and write a picture of its first `lines` lines."""
    environ = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(columns), "TERM": "xterm-256color"}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)  # noqa: S603
    console = Console(record=True, width=columns, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    shown = (done.stdout or done.stderr).splitlines()[:lines]
    for line in AnsiDecoder().decode("\n".join(shown)):
        console.print(line, soft_wrap=True)
    code = console.export_html(theme=MONOKAI, inline_styles=True, code_format="{code}")
    shown_command = html.escape(shlex.join([Path(command[0]).name, *command[1:]]))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(command=shown_command, code=code), encoding="utf-8")
        height = max(int((len(shown) + 1) * 18.9) + 40, LOWEST)
        size = f"{int(columns * 8.43) + 40},{height}"
        chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-sync"]
        more = ["--disable-background-networking", f"--user-data-dir={folder}/profile", f"--window-size={size}"]
        subprocess.run(  # noqa: S603
            [*chromium, *more, f"--screenshot={output.resolve()}", page.as_uri()], check=True, capture_output=True
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    picture(options.output, options.command, options.columns, options.lines)
