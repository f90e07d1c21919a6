"""The webhook receiver: cost of a delivery, lost deliveries, and behaviour under abuse."""
