"""Which requests a run makes, and what follows from the answers for other requests."""
