"""Webhooks of the simulator: which events occur, and their deliveries."""
