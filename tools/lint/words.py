"""Report words that the style guide avoids, in Python strings, comments and docstrings, and in text files.

    python tools/lint/words.py PATH...

Checks `.py`, `.md`, `.toml`, `.yaml`, `.html` and `.js` files. Exits with 1 if any is found.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

PHRASES = (
    r"(?:is|are|was|be|been|it) told", r"told (?:of|apart|as|once|alone|by)", r"tells? of", r"otherwise than",
    r"held against", r"holds? .{0,40} against", r"what of (?:it|the)", r"nobody", r"somebody", r"strangers?",
    r"besides", r"to be had", r"comes? to", r"came to", r"lets? expect", r"at all", r"a text", r"of late",
    r"looked at", r"a look", r"looks? at", r"answered otherwise", r"stands? (?:for|in|there|beside)", r"those that",
    r"what is none", r"that is none", r"sights?", r"sightings?", r"witness", r"blames?",
    r"accus(?:e|es|ed|ation)",
)  # fmt: skip
AVOID = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b", re.IGNORECASE)
KINDS = {".md", ".toml", ".yaml", ".html", ".js"}


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield `(line number, text)` of everything in `path` that is written for people."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Names of keys and commands are not prose.
        yield from enumerate((re.sub("`[^`]*`", "``", line) for line in text.splitlines()), 1)
        return
    texts = (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in texts:
            yield from enumerate(token.string.splitlines(), token.start[0])


def files(paths: list[str]) -> Iterator[Path]:
    for name in paths:
        root = Path(name)
        found = sorted(root.rglob("*")) if root.is_dir() else [root]
        yield from (path for path in found if path.suffix in KINDS | {".py"} and "node_modules" not in path.parts)


def main(paths: list[str]) -> int:
    count = 0
    for path in files(paths):
        for number, line in prose(path):
            for match in AVOID.finditer(line):
                count += 1
                print(f"{path}:{number}: {match.group()!r} in: {line.strip()[:100]}")
    print(f"{count} avoided words")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["src", "docs", "README.md"]))
