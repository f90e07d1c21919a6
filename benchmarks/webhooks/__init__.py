"""The receiver of webhooks: what a delivery costs, whether one is lost, and what strangers can do to it."""
