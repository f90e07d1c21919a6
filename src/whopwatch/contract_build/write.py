"""Documents as text: the same document always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml


class _Dumper(yaml.CSafeDumper):
    """Writes every value where it stands: a reader of a diff must not chase anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(document: dict[str, Any], title: str) -> str:
    """Return a document as YAML, in its own order, under a comment that says who made it."""
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# {title}. Made by `whopwatch contract build`: change the sources, not this file.\n{body}"


def as_json(document: dict[str, Any]) -> str:
    """Return a document as compact JSON, in its own order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
