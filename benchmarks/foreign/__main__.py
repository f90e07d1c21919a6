"""Run `whopwatch sdk` and `whopwatch mcp --stdio` with hostile code, contained and trusted; print what it reached."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

PROGRAM = Path(__file__).with_name("attempts.py")
NAMES = (
    "key-in-environment",
    "key-in-environment-of-parent",
    "key-in-memory-of-parent",
    "other-server",
    "file-in-home",
    "file-written",
    "signal-to-parent",
    "write-through-relay",
)
COMMANDS = ("sdk", "mcp --stdio")
KEY_PREFIX = "apik_foreign_"
FAKE_RELEASE = "9.9.9"


class _Target(BaseHTTPRequestHandler):
    """An API that notes which users are requested, and with which key."""

    users: list[str]
    keys: set[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/v1/users/"):
            self.users.append(path.removeprefix("/api/v1/users/"))
        self.keys.add(self.headers.get("authorization", "").removeprefix("Bearer "))
        self.send_response(404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def target() -> Iterator[tuple[str, type[_Target]]]:
    """Yield the URL of an API and the class that notes its requests."""
    handler = type("Target", (_Target,), {"users": [], "keys": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1", handler
    finally:
        server.shutdown()
        server.server_close()


def reached(command: str, folder: Path, *, trust: bool) -> Mapping[str, bool]:
    """Return for each attempt whether it worked under `whopwatch COMMAND`, in a `folder` of its own."""
    key = KEY_PREFIX + secrets.token_hex(12)
    home, package = folder / "home", folder / "cache" / "installed" / f"sdk-{FAKE_RELEASE}" / "whop_sdk"
    home.mkdir(parents=True)
    package.mkdir(parents=True)
    (home / "private").write_text("private")
    with target() as (url, seen), socket.create_server(("127.0.0.1", 0)) as other:
        facts = {
            "key_digest": hashlib.sha256(key.encode()).hexdigest(),
            "key_bytes": len(key),
            "key_prefix": KEY_PREFIX,
            "host": "127.0.0.1",
            "port": other.getsockname()[1],
            "home_file": str(home / "private"),
        }
        (package / "facts.json").write_text(json.dumps(facts))
        shutil.copyfile(PROGRAM, package / "__init__.py")
        arguments = (
            ["sdk", f"sdk:{FAKE_RELEASE}", "--cache-dir", str(folder / "cache")]
            if command == "sdk"
            else ["mcp", "--stdio", f"{sys.executable} {package / '__init__.py'}"]
        )
        environ = {**os.environ, "HOME": str(home), "WHOP_API_KEY": key}
        run = [sys.executable, "-m", "whopwatch", *arguments, "--target", url, *(["--trust"] if trust else [])]
        done = subprocess.run(run, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
        if len(seen.users) != 1 or seen.keys != {key}:
            raise RuntimeError(f"the program reported nothing: {done.stderr[-300:]}")
    worked = seen.users[0].split(".")[1:]
    return {name: name in worked for name in NAMES}


def main() -> None:
    """Print the table."""
    rows: dict[tuple[str, bool], Mapping[str, bool]] = {}
    with tempfile.TemporaryDirectory() as made:
        for command in COMMANDS:
            for trust in (False, True):
                rows[command, trust] = reached(command, Path(made, f"{command[:3]}-{trust}"), trust=trust)
    heads = [f"`{command}{' --trust' if trust else ''}`" for command, trust in rows]
    print("| attempt | " + " | ".join(heads) + " |")
    print("| --- |" + " --- |" * len(heads))
    for name in NAMES:
        cells = ["reached" if found[name] else "-" for found in rows.values()]
        print(f"| {name.replace('-', ' ')} | " + " | ".join(cells) + " |")
    print(f"\nRun as {'root' if os.getuid() == 0 else 'a user without privileges'}.")


if __name__ == "__main__":
    main()
