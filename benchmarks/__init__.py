"""Measurements of whopwatch next to a named alternative."""
