"""Receive webhook deliveries, check them against the contract, and send samples to a handler."""
