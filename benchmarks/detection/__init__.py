"""How many of the ways in which an API can drift are found, by what, and for how many requests."""
