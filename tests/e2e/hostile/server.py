"""A hostile API on a real socket: the first part of the path is the number of the behaviour.

`python -m tests.e2e.hostile.server` prints its port. It gets each correct response from a simulator and changes it.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from typing import Any

from tests.e2e.hostile.behaviours import CHANGES, KEY
from tests.http.hostile.behaviours import BEHAVIOURS, Answer
from tests.http.hostile.server import read_head
from whopwatch.contract import load
from whopwatch.simulator import embedded

NAMES = (*(behaviour.name for behaviour in BEHAVIOURS), *CHANGES)
"""All behaviours: first of the connection, then of the response."""
WIRE: tuple[Answer, ...] = tuple(behaviour.answer for behaviour in BEHAVIOURS)
TIMEOUT = 10.0


def serve(listener: socket.socket, simulator_port: int) -> None:
    """Take connections for ever, each in a thread."""
    while True:
        connection, _ = listener.accept()
        connection.settimeout(TIMEOUT)
        threading.Thread(target=converse, args=(connection, simulator_port), daemon=True).start()


def converse(connection: socket.socket, simulator_port: int) -> None:
    """Respond to one request, and close the connection."""
    try:
        with connection:
            head = read_head(connection)
            if not head:
                return
            _, number, path = head.split(b" ", 2)[1].decode().split("/", 2)
            if int(number) < len(WIRE):
                WIRE[int(number)](connection, head)
                return
            change = CHANGES[NAMES[int(number)]]
            connection.sendall(change(correct_value(simulator_port, "/" + path), head))
    except (OSError, StopIteration):
        pass  # the client has had enough, which is what most behaviours are about


def correct_value(port: int, path: str) -> Any:
    """Return the JSON value of the simulator's response."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    client.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
    body = client.getresponse().read()
    client.close()
    return json.loads(body) if body else {}


def main() -> None:
    """Serve until the process ends."""
    contract = load(sys.argv[1] if len(sys.argv) > 1 else None)
    with (
        embedded(contract, api_key=KEY, rate_limit=10**9) as simulator,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        print(json.dumps([listener.getsockname()[1], simulator.company_id]), flush=True)
        serve(listener, simulator.port)


if __name__ == "__main__":
    main()
