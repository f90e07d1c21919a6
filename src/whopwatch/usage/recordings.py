"""Read from a HAR file which operations a client used, and which parameters and body fields it sent."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from whopwatch.contract import Operation
from whopwatch.core.errors import UsageError
from whopwatch.core.strict_json import nests_deeper_than
from whopwatch.har import read
from whopwatch.usage.recorder import Recorder
from whopwatch.usage.requests import RequestReader
from whopwatch.usage.values import Data, RecordValue, Values

MAX_SENT_LEVELS = 60
MAX_SENT_CHARACTERS = 2**20


def read_recording(path: Path, shown: str, recorder: Recorder) -> None:
    """Note the operations in the recording `path`. Which fields its client read is not known: any may be used."""
    try:
        archive = read(path)
    except UsageError as error:
        recorder.profile.coverage.skip(shown, error.got or "cannot be read")
        return
    recorder.profile.coverage.recordings += 1
    own_base = archive.facts.base_url if archive.facts else None
    for number, entry in enumerate(archive.entries, 1):
        try:
            address = urlsplit(entry.url)
        except ValueError:
            continue
        text = f"{address.scheme}://{address.netloc}{address.path}"
        if own_base and text.startswith(f"{own_base}/"):
            text = f"https://api.whop.com/api/v1{text.removeprefix(own_base)}"
        operation, is_certain, _ = recorder.index.match_address(entry.method, (text,))
        if operation is None or not is_certain:
            continue
        recorder.call(shown, number)
        recorder.operation(operation.id, shown, number)
        note_sent(recorder, operation, [name for name, _ in parse_qsl(address.query)], entry.sent, shown, number)
        recorder.whole(Data(operation.id), shown, number)


def note_sent(
    recorder: Recorder, operation: Operation, query: list[str], body: str | None, shown: str, number: int
) -> None:
    """Note the documented parameters and body fields of one request."""
    names: list[tuple[str, Values]] = [(name, ()) for name in query]
    names += [(name, part) for record in _body(body) for name, part in record.fields if name]
    RequestReader(recorder.index, recorder).sdk_arguments(operation, [], names, shown, number)


def _body(sent: str | None) -> tuple[RecordValue, ...]:
    """Return the names of the fields of a request body; no value is kept."""
    if not sent or len(sent) > MAX_SENT_CHARACTERS:
        return ()
    try:
        data = sent.encode("utf-8", "surrogatepass")
        return _names(json.loads(sent)) if not nests_deeper_than(MAX_SENT_LEVELS, data) else ()
    except (ValueError, RecursionError):
        return ()


def _names(value: object) -> tuple[RecordValue, ...]:
    if isinstance(value, dict):
        return (RecordValue(tuple((str(name), _names(part)) for name, part in value.items())),)
    return ()
