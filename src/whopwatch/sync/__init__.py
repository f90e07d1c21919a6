"""The contract follows the releases of the SDK: what a newer one would change, and the move to it."""
