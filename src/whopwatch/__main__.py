"""`python -m whopwatch` is `whopwatch`."""

from __future__ import annotations

from whopwatch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
