"""Decide which requests a run sends. Experiments yield requests and receive responses; nothing here sends anything."""
