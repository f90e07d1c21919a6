"""`python -m whopwatch`."""

from __future__ import annotations

import sys

from whopwatch.cli import main

sys.exit(main())
