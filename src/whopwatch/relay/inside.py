"""Run a program inside the namespaces that `unshare` made: few files, read-only, and a network with one port.

`containment.py` starts this file with the interpreter alone, so it imports the standard library only. Its first
argument is a JSON object: `root` (an empty folder), `readable` (paths), `folder` (where the program starts), `port` and
`socket` (connections to that port are passed to the socket). The command follows. The exit code is that of the program,
or 125 with a message on stderr if the system does not allow the containment.
"""

import asyncio
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

_FAILED = 125
_LIBC = ctypes.CDLL(None, use_errno=True)
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC = 2, 4, 4096, 16384
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_ATTR_READ_ONLY, _ATTR_NOSUID = 1, 2
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _LAST_CAPABILITY = 24, 38, 63
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_CHUNK = 1 << 16


def start() -> int:
    """Run the program and return its exit code."""
    settings, command = json.loads(sys.argv[1]), sys.argv[2:]
    try:
        _build_root(Path(settings["root"]), settings["readable"], settings["folder"])
        _raise_loopback()
        listener = socket.create_server(("127.0.0.1", settings["port"]))
    except OSError as error:
        print(f"{error.strerror}: {error.filename or 'network'}", file=sys.stderr)
        return _FAILED
    return asyncio.run(_run(settings, command, listener))


def _build_root(root: Path, readable: list[str], folder: str) -> None:
    """Make `root` a file system with the `readable` paths, some devices, /proc of this namespace and an empty /tmp.

    `folder` exists there, with nothing in it unless that is readable.
    """
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=755,size=64m")
    for name in (*readable, *_DEVICES):
        path, place = Path(name), root / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() and path.parent == Path("/"):
            place.symlink_to(os.readlink(path))
        elif path.exists() and not place.exists():
            _bind(path, place)
    for name in ("proc", "tmp", folder.lstrip("/")):
        (root / name).mkdir(parents=True, exist_ok=True)
    _mount("proc", root / "proc", "proc", _MS_NOSUID | _MS_NODEV)
    (root / "tmp").chmod(0o700)


def _bind(path: Path, place: Path) -> None:
    if path.is_dir():
        place.mkdir()
    else:
        place.touch()
    _mount(str(path), place, None, _MS_BIND | _MS_REC)
    attributes = struct.pack("=QQQQ", _ATTR_NOSUID | (0 if path.is_char_device() else _ATTR_READ_ONLY), 0, 0, 0)
    _check(_LIBC.syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(place), _AT_RECURSIVE, attributes, 32), path)


def _mount(source: str, place: Path, kind: str | None, flags: int, options: bytes | None = None) -> None:
    made = _LIBC.mount(
        os.fsencode(source), os.fsencode(place), kind.encode() if kind else None, ctypes.c_ulong(flags), options
    )
    _check(made, place)


def _check(result: int, path: Path) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(path))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


async def _run(settings: dict[str, Any], command: list[str], listener: socket.socket) -> int:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outer_reader, outer_writer = await asyncio.open_unix_connection(settings["socket"])
        await asyncio.gather(_copy(reader, outer_writer), _copy(outer_reader, writer))

    def confine() -> None:
        os.chroot(settings["root"])
        os.chdir(settings["folder"])
        for capability in range(_LAST_CAPABILITY + 1):
            _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    async with await asyncio.start_server(relay, sock=listener):
        environ = {**os.environ, "HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108 (empty, and only of this namespace)
        try:
            process = await asyncio.create_subprocess_exec(*command, preexec_fn=confine, env=environ)
        except OSError as error:
            print(f"{error.strerror}: {command[0]}", file=sys.stderr)
            return _FAILED
        return await process.wait()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    # The loop ends with the program: a connection that is still open must not keep this process.
    os._exit(start() & 0xFF)
