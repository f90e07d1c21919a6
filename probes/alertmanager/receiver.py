"""Print the notifications of Alertmanager, one line for each alert. Replace it with your pager or chat.

    python receiver.py HOST PORT

Listens for the webhooks of alertmanager.yaml. Sends nothing anywhere.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 1 << 20
"""Bytes of a notification."""
MAX_LINE = 400
"""Characters of a line."""


class Receiver(BaseHTTPRequestHandler):
    """Take POST requests of Alertmanager."""

    timeout = 10
    """Seconds that a client may stay silent."""

    def do_POST(self) -> None:
        """Print the alerts of a notification; reject anything else."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.send_error(411)
        elif int(length) > MAX_BODY:
            self.send_error(413)
        elif (lines := alert_lines(self.rfile.read(int(length)))) is None:
            self.send_error(400, "not a notification of Alertmanager")
        else:
            print(*lines, sep="\n", flush=True)
            self.send_response(204)
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests: the alerts are the log."""


def alert_lines(body: bytes) -> list[str] | None:
    """Return one line for each alert: status, severity, name, location, summary. None if `body` is no notification."""
    try:
        return [_line(alert) for alert in json.loads(body)["alerts"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _line(alert: dict[str, Any]) -> str:
    labels, annotations = alert["labels"], alert.get("annotations", {})
    words = (alert["status"].upper(), labels.get("severity"), labels["alertname"], labels.get("location"))
    text = f"{' '.join(str(word) for word in words if word)}: {annotations.get('summary', '')}"
    return "".join(character if character.isprintable() else "?" for character in text)[:MAX_LINE]


if __name__ == "__main__":
    host, port = sys.argv[1:]
    ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()
