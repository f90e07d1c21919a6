"""HTTP archives (HAR 1.2): write a run without personal data, and read any archive as evidence.

See docs/howto/recordings.md for what a written archive still holds.
"""

from __future__ import annotations

from whopwatch.har.read import Archive, Facts, Recording, parse, read, recover
from whopwatch.har.write import write

__all__ = ["Archive", "Facts", "Recording", "parse", "read", "recover", "write"]
