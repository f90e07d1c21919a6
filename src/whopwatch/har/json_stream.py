"""Read a JSON document of any size in pieces: its members and items one after the other, never the whole."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from whopwatch.core.strict_json import has_more_values_than, nests_deeper_than

MAX_VALUE_CHARACTERS = 32 << 20
MAX_PART_VALUES = 1_000_000
"""Values in one part of the document that is parsed at once."""
MAX_HAR_LEVELS = 400
_PIECE = 1 << 20  # bytes
_LONGEST_REST = 4
"""Characters that a part of a number can need to go on: `.5`, `e+5`."""
_SPACE = " \t\n\r"


class StreamError(Exception):
    """A document that cannot be read: `expected` and `got` are words for the user."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(got)
        self.expected, self.got = expected, got


class JsonStream:
    """A position in the JSON document in `file`, which has at most `most` bytes. The methods raise StreamError."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._text, self._at, self._line, self._bytes = "", 0, 1, 0
        self._is_end = False

    def next(self) -> str:
        """Return the next character that is no white space, without passing it; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or not self._read(_PIECE):
                return self._text[self._at : self._at + 1]

    def members(self) -> Iterator[str]:
        """Yield the name of each member of the object here. The caller must pass the value of each."""
        for _ in self._parts("{", "}"):
            name = self.value()
            if not isinstance(name, str):
                raise self._invalid()
            self._pass(":")
            yield name

    def items(self) -> Iterator[Any]:
        """Yield each item of the array here."""
        for _ in self._parts("[", "]"):
            yield self.value()

    def value(self) -> Any:
        """Return the value here, and pass it."""
        self.next()
        wanted = _PIECE
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._is_end and len(self._text) - self._at <= MAX_VALUE_CHARACTERS and self._read(wanted):
                    wanted *= 2
                    continue
                raise self._invalid(error.lineno - 1) from None
            except (ValueError, RecursionError):
                raise StreamError("JSON", "a number or a nesting level beyond what can be parsed") from None
            if not (self._may_go_on(value, end) and self._read(wanted)):
                break
        part = self._text[self._at : end].encode("utf-8", "surrogatepass")
        if nests_deeper_than(MAX_HAR_LEVELS, part):
            raise StreamError(f"JSON with at most {MAX_HAR_LEVELS} levels", "more")
        if has_more_values_than(MAX_PART_VALUES, part):
            raise StreamError(f"at most {MAX_PART_VALUES:,} values in one entry", "more")
        self._at = end
        return value

    def _may_go_on(self, value: Any, end: int) -> bool:
        """Return whether `value`, which ends at `end` of the text, is a number with perhaps more digits to be read."""
        rest = self._text[end : end + _LONGEST_REST]
        return isinstance(value, (int, float)) and len(rest) < _LONGEST_REST and not rest.strip("+-.0123456789Ee")

    def end(self) -> None:
        """Check that nothing follows."""
        if self.next():
            raise self._invalid()

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        self._pass(opening)
        if self.next() == closing:
            self._at += 1
            return
        while True:
            yield
            if self.next() == closing:
                self._at += 1
                return
            self._pass(",")

    def _pass(self, sign: str) -> None:
        if self.next() != sign:
            raise self._invalid()
        self._at += 1

    def _read(self, size: int) -> bool:
        """Read `size` bytes more, and forget what was passed. Return whether there was anything to read."""
        if self._is_end:
            return False
        data = self._file.read(size)
        self._bytes += len(data)
        if self._bytes > self._most:
            raise StreamError(f"at most {self._most >> 20} MiB", "more")
        self._is_end = not data
        try:
            more = self._decoder.decode(data, final=self._is_end)
        except UnicodeDecodeError:
            raise StreamError("JSON in UTF-8", "bytes that are not UTF-8") from None
        self._line += self._text.count("\n", 0, self._at)
        self._text, self._at = self._text[self._at :] + more, 0
        return not self._is_end

    def _invalid(self, lines: int | None = None) -> StreamError:
        """Return the error for invalid JSON here, or `lines` after the beginning of the text that is held."""
        line = self._line + (self._text.count("\n", 0, self._at) if lines is None else lines)
        return StreamError("JSON", f"invalid JSON at line {line}")
