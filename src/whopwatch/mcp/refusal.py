"""Why a server gave no session, in words a person can act on."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from whopwatch.mcp.door import Door

STATUSES = {
    401: "the key was refused (401)",
    403: "the key lacks a permission, or the server takes none from here (403)",
    404: "nothing answers at this address (404): the transport is retired, or the path is another one",
    405: "the address takes no messages (405): it is of another transport",
    410: "the transport is retired (410)",
    429: "rate limited (429)",
}


def reason_of(error: BaseException, door: Door | None) -> str:
    """What a refusal comes to: by the statuses that were seen where there are any, else by the error."""
    for status, scheme in door.refusals if door else ():
        if status == 401 and scheme == "oauth":
            return "the server asks for OAuth and takes no API key (401)"
        if status in STATUSES:
            return STATUSES[status]
        if 300 <= status < 400:
            return f"a redirect ({status}), which is not followed"
        return f"the server answers with status {status}"
    for inner in _leaves(error):
        if isinstance(inner, (httpx2.ConnectError, httpx2.ConnectTimeout)):
            return "unreachable: nothing accepts a connection there"
        if isinstance(inner, (httpx2.TimeoutException, TimeoutError)):
            return "no answer in time"
        if isinstance(inner, FileNotFoundError):
            return "the command was not found"
        if isinstance(inner, PermissionError):
            return "the command may not be run"
    if door is None:
        return "the command ended, kept silent, or does not speak MCP: run it by hand to see what it says"
    return "what answers does not speak MCP"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
