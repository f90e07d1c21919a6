"""What whopwatch costs, beside something with a name."""
