"""How many kinds of drift are found, by which tool, with how many requests."""
