"""Webhooks: deliveries received, checked, and made up for receivers to be tried with."""
