"""The simulated world: objects that refer to each other, and how responses show them."""
