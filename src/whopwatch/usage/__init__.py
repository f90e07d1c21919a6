"""What the user's own code uses of the API, and which findings therefore hit it."""
