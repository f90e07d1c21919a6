"""Guess what code in other languages uses: documented paths in strings, and the names of fields in the same file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whopwatch.contract import Operation
from whopwatch.contract.schema_tree import SchemaNode
from whopwatch.usage.api_index import ApiIndex, Steps
from whopwatch.usage.recorder import Recorder

NAMES_ONLY = "only paths and names were read: the uses are guesses"
MAX_STRINGS = 20_000
MAX_GUESSED_STEPS = 5
_STRING = re.compile(r"[\"'`]((?:https?://|/)[^\"'`\s]{1,300})[\"'`]")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|#\{[^}]*\}|\{[^}]*\}|%[sdv]|:\w+|\$\w+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def read_other_code(text: str, shown: str, recorder: Recorder) -> None:
    """Note as guesses the operations whose paths the strings of a file have, and their fields that it names."""
    index = recorder.index
    words: dict[str, int] = {}
    found: dict[str, Operation] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in _WORD.findall(line):
            words.setdefault(_plain(word), number)
        for match in _STRING.finditer(line):
            if len(found) >= MAX_STRINGS:
                return
            for operation in _operations(index, match[1]):
                recorder.operation(operation.id, shown, number, is_guess=True)
                found[operation.id] = operation
    for event in index.contract.events:
        if event in text:
            first = text[: text.index(event)].count("\n") + 1
            recorder.operation(f"webhook:{event}", shown, first, is_guess=True)
            _note_fields(recorder, f"webhook:{event}", index.node(f"webhook:{event}", ()), words, shown)
    for id, operation in found.items():
        above: Steps = ("data", "*") if operation.is_list else ()
        _note_fields(recorder, id, index.node(id, above), words, shown, above)
        for parameter in operation.in_("query"):
            if line_of := words.get(_plain(parameter.name.removesuffix("[]"))):
                recorder.location(id, f"param:{parameter.name}", shown, line_of, is_guess=True)
        body = index.body(operation)
        for name in body.fields if body else ():
            if line_of := words.get(_plain(name)):
                recorder.location(id, f"body:/{name}", shown, line_of, is_guess=True)


def _plain(name: str) -> str:
    """Return a name without case and underscores: `createdAt`, `CreatedAt` and `created_at` are the same."""
    return name.replace("_", "").lower()


def _operations(index: ApiIndex, address: str) -> Iterator[Operation]:
    """Yield the operations of an address, whatever the method is."""
    path = _PLACEHOLDER.sub("x", address.partition("?")[0])
    for method in _METHODS:
        operation, _, _ = index.match_address(method, (path,))
        if operation is not None:
            yield operation


def _note_fields(
    recorder: Recorder, owner: str, node: SchemaNode | None, words: dict[str, int], shown: str, above: Steps = ()
) -> None:
    """Note the fields whose names the file has; a field below one that it does not name is not looked for."""
    if node is None or len(above) > MAX_GUESSED_STEPS:
        return
    for name, below in node.fields.items():
        line = words.get(_plain(name))
        if line is not None:
            steps = (*above, name)
            recorder.field(owner, steps, shown, line, is_guess=True)
            inner, where = (below.items, (*steps, "*")) if below.items is not None else (below, steps)
            _note_fields(recorder, owner, inner, words, shown, where)
