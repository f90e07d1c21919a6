"""The rows of the dashboard, one module each: TITLE, COLLAPSED and panels()."""
